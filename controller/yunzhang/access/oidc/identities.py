"""Rules of identities: which account somebody known to the provider is."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.exc import IntegrityError

from yunzhang import audit, clock
from yunzhang.access.models import OidcLink
from yunzhang.access.oidc import repository
from yunzhang.access.oidc.configuration import is_issuer
from yunzhang.access.oidc.tokens import is_subject
from yunzhang.access.repository import end_sessions, find_account
from yunzhang.db import Session
from yunzhang.errors import Conflict, InputError, NotFound
from yunzhang.units.scope import Principal, demand

# An identity that is linked acts as the account; whoever gives accounts their passwords says so.
ACT = "account"


def link_identity(
    session: Session, principal: Principal, name: str, *, issuer: str, subject: str
) -> OidcLink:
    """Say which account an identity is.

    Subjects may be people's numbers: the audit record names the link, not the subject.
    Raises InputError `access.oidc_issuer_bad` or `access.oidc_subject_bad`, NotFound
    `access.unknown`, Conflict `access.identity_taken`.
    """
    demand(principal, ACT)
    if not is_issuer(issuer):
        raise InputError("access.oidc_issuer_bad", issuer=issuer)
    if not is_subject(subject):
        raise InputError("access.oidc_subject_bad")
    account = find_account(session, name)
    if account is None or account.disabled_at is not None:
        raise NotFound("access.unknown", name=name)
    made = OidcLink(
        account_id=account.id,
        issuer=issuer,
        subject=subject,
        created_at=clock.now(),
        linked_by=principal.name,
    )
    try:
        with session.begin_nested():
            session.add(made)
    except IntegrityError as error:
        found = repository.find_link(session, issuer, subject)
        if found is None:
            raise
        raise Conflict("access.identity_taken", name=found[1].name) from error
    audit.record(session, principal, "link", "account", name, issuer=issuer, identity=made.id)
    return made


def unlink_identity(
    session: Session, principal: Principal, name: str, *, issuer: str, subject: str
) -> None:
    """End a link, also of a disabled account, and the account's console sessions: any may have
    begun by it. Raises NotFound `access.oidc_not_linked`."""
    demand(principal, ACT)
    found = repository.find_link(session, issuer, subject)
    if found is None or found[1].name != name:
        raise NotFound("access.oidc_not_linked", name=name)
    link = found[0]
    if not repository.end_link(session, link.id, by=principal.name, now=clock.now()):
        raise NotFound("access.oidc_not_linked", name=name)
    end_sessions(session, clock.now(), account_id=link.account_id)
    audit.record(session, principal, "unlink", "account", name, issuer=issuer, identity=link.id)


def page_identities(
    session: Session,
    principal: Principal,
    name: str | None = None,
    *,
    limit: int = 500,
    offset: int = 0,
) -> tuple[Sequence[repository.Linked], int]:
    """Links in use by account, of one account when `name` is given, and how many there are."""
    demand(principal, ACT)
    return repository.page_links(session, name, limit, offset)
