"""What is asked and told about accounts, sessions, tokens and grants."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

# Text without control characters: databases refuse some of them.
Line = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*$")]
Name = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]*$", min_length=1, max_length=80)
]
Shown = Annotated[Line, StringConstraints(max_length=80)]
Reference = Annotated[Line, StringConstraints(max_length=64)]
# Any text: what is no password is only a wrong one.
Secret = Annotated[str, StringConstraints(max_length=1000)]


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("outside the calendar of UTC") from None


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
Kind = Literal["unit", "platform", "site", "wave", "office"]


class Told(BaseModel):
    """Made from rows."""

    model_config = ConfigDict(from_attributes=True)


class Asked(BaseModel):
    """A body; members that are not known are refused, never ignored."""

    model_config = ConfigDict(extra="forbid")


class Login(Asked):
    """Name and password."""

    name: Secret
    password: Secret


class PasswordChange(Asked):
    """The present password and the wanted one."""

    old: Secret
    new: Secret


class PasswordReset(Asked):
    """The password an administrator gives; it must be changed at the next login."""

    password: Secret


class ScopeRead(Told):
    """A role within a scope."""

    role: str
    kind: str
    reference: str


class WhoRead(BaseModel):
    """Who is asking: acts, scopes, and the token that changing requests of a session carry."""

    name: str
    display_name: str
    roles: list[str]
    acts: list[str]
    office: bool
    grants: list[ScopeRead]
    must_change: bool
    csrf: str | None


class AccountRead(Told):
    """An account, without anything secret."""

    name: str
    display_name: str
    roles: list[str]
    must_change: bool
    created_at: datetime
    disabled_at: datetime | None


class AccountNew(Asked):
    """An account to make; its first password must be changed at the first login."""

    name: Name
    display_name: Shown = ""
    roles: list[Shown] = Field(default_factory=list, max_length=8)
    password: Secret


class Roles(Asked):
    """All roles of its own that an account is to have."""

    roles: list[Shown] = Field(max_length=8)


class Link(Asked):
    """An identity of the outside provider."""

    issuer: Annotated[Line, StringConstraints(min_length=1, max_length=300)]
    subject: Annotated[Line, StringConstraints(min_length=1, max_length=255)]


class IdentityRead(BaseModel):
    """An identity of the outside provider that is linked to an account."""

    account: str
    issuer: str
    subject: str
    linked_at: datetime
    linked_by: str


class ProviderRead(BaseModel):
    """Whether there is an outside provider, and what to call it."""

    configured: bool
    label: str | None


class TokenRead(Told):
    """A token, without its text."""

    id: int
    name: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None


class TokenNew(Asked):
    """A token to make. `scopes`: read, write, or acts."""

    name: Annotated[Line, StringConstraints(min_length=1, max_length=80)]
    scopes: list[Shown] = Field(min_length=1, max_length=30)
    expires_at: Moment


class TokenMade(TokenRead):
    """A new token; `token` is told this once."""

    token: str


class GrantRead(Told):
    """A grant. `holder_id` and `source_id` are set when it was lent."""

    id: int
    account: str
    role: str
    kind: str
    reference: str
    starts_at: datetime
    ends_at: datetime | None
    granted_by: str
    holder_id: int | None
    source_id: int | None
    revoked_at: datetime | None
    revoked_by: str | None


class GrantNew(Asked):
    """A role to grant within a scope."""

    account: Name
    role: Shown
    kind: Kind
    reference: Reference = ""
    starts_at: Moment | None = None
    ends_at: Moment | None = None


class Delegation(Asked):
    """A role to lend, from the grant `grant` or the account's own role, until a time."""

    account: Name
    role: Shown
    grant: Annotated[int, Field(ge=1, le=2**63 - 1)] | None = None
    starts_at: Moment | None = None
    ends_at: Moment


class PageOfAccounts(BaseModel):
    """A page of accounts by name."""

    items: list[AccountRead]
    total: int
    limit: int
    offset: int


class PageOfIdentities(BaseModel):
    """A page of linked identities by account."""

    items: list[IdentityRead]
    total: int
    limit: int
    offset: int


class PageOfTokens(BaseModel):
    """A page of one's own tokens, newest first."""

    items: list[TokenRead]
    total: int
    limit: int
    offset: int


class PageOfGrants(BaseModel):
    """A page of grants, newest first."""

    items: list[GrantRead]
    total: int
    limit: int
    offset: int
