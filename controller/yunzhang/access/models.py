"""Tables of accounts: roles and grants, console sessions, tokens, attempts, outside identities.

Secrets are never kept: of passwords an argon2 hash, of random tokens a SHA-256 digest.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from yunzhang.db import Base, identity, json_column

DIGEST = String(64)
IN_USE = text("unlinked_at IS NULL")


class Account(Base):
    """A person who signs and acts. `roles` are its own, for good; see `Grant` for the others."""

    __tablename__ = "account"

    id: Mapped[int] = identity()
    name: Mapped[str] = mapped_column(String(80), unique=True)
    display_name: Mapped[str] = mapped_column(String(80))
    roles: Mapped[list[Any]] = json_column()
    password_hash: Mapped[str] = mapped_column(String(200))
    must_change: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]


class Grant(Base):
    """A role within a scope, from and to a time. `holder_id`: who delegated it, if it was.

    A delegated grant is worth something only while its source is: the grant `source_id`, or the
    holder's own role.
    """

    __tablename__ = "access_grant"

    id: Mapped[int] = identity()
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    role: Mapped[str] = mapped_column(String(40))
    kind: Mapped[str] = mapped_column(String(20))  # unit, platform, site, wave, office
    reference: Mapped[str] = mapped_column(String(64), default="")
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    granted_by: Mapped[str] = mapped_column(String(80))
    holder_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    source_id: Mapped[int | None] = mapped_column(ForeignKey("access_grant.id"))
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[str | None] = mapped_column(String(80))


class Attempt(Base):
    """Failed logins of one account's name or one address, or wrong passwords at signing, since the
    last success.

    `subject` is a digest: people type passwords where their name belongs.
    """

    __tablename__ = "access_attempt"
    __table_args__ = (UniqueConstraint("kind", "subject"),)

    id: Mapped[int] = identity()
    kind: Mapped[str] = mapped_column(String(20))  # account, address, signature
    subject: Mapped[str] = mapped_column(DIGEST)
    failures: Mapped[int]
    revision: Mapped[int] = mapped_column(default=1)
    last_at: Mapped[datetime] = mapped_column(index=True)
    closed_until: Mapped[datetime | None]


class ConsoleSession(Base):
    """A browser that logged in. `expires_at` is absolute; `seen_at` serves the idle limit."""

    __tablename__ = "access_session"

    id: Mapped[int] = identity()
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    digest: Mapped[str] = mapped_column(DIGEST, unique=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None]


class Token(Base):
    """A named token for programs. `scopes`: "read", "write", or acts."""

    __tablename__ = "access_token"

    id: Mapped[int] = identity()
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    name: Mapped[str] = mapped_column(String(80))
    digest: Mapped[str] = mapped_column(DIGEST, unique=True)
    scopes: Mapped[list[Any]] = json_column()
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class OidcLink(Base):
    """Which account an identity of the outside provider is, by an administrator's word.

    An identity has one account at a time; ended links stay, because the audit record names them
    instead of the identity, which may be a person's number.
    """

    __tablename__ = "oidc_link"
    __table_args__ = (
        Index(
            "uq_oidc_link_in_use",
            "issuer",
            "subject",
            unique=True,
            sqlite_where=IN_USE,
            postgresql_where=IN_USE,
        ),
    )

    id: Mapped[int] = identity()
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    issuer: Mapped[str] = mapped_column(String(300))
    subject: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime]
    linked_by: Mapped[str] = mapped_column(String(80), default="", server_default="")
    unlinked_at: Mapped[datetime | None]
    unlinked_by: Mapped[str | None] = mapped_column(String(80))


class OidcRequest(Base):
    """A login that was sent to the provider; taken out when it comes back, so only once.

    `browser` and `address` are digests: of what the browser keeps, and of where it asked from.
    """

    __tablename__ = "oidc_request"

    id: Mapped[int] = identity()
    state: Mapped[str] = mapped_column(DIGEST, unique=True)
    browser: Mapped[str] = mapped_column(DIGEST)
    address: Mapped[str] = mapped_column(DIGEST, default="", server_default="", index=True)
    issuer: Mapped[str] = mapped_column(String(300), default="", server_default="")
    nonce: Mapped[str] = mapped_column(String(64))
    verifier: Mapped[str] = mapped_column(String(128))
    return_to: Mapped[str] = mapped_column(String(500), default="/", server_default="/")
    expires_at: Mapped[datetime] = mapped_column(index=True)
