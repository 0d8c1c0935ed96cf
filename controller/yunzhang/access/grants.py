"""Grants: a role within a scope for a time, given by administrators, lent on by their holders."""

from __future__ import annotations

from datetime import datetime

from yunzhang import audit, clock, texts
from yunzhang.access import repository
from yunzhang.access.models import Account, Grant
from yunzhang.db import Session
from yunzhang.errors import Conflict, Forbidden, InputError, NotFound
from yunzhang.units.roles import OFFICE_ROLES, ROLE_ACTS, clash_of
from yunzhang.units.scope import Granted, Principal, demand

KINDS = ("unit", "platform", "site", "wave", "office")
OFFICE = "office"


def in_force(grant: Grant, now: datetime) -> bool:
    """Whether a grant's own dates allow it."""
    begun = grant.revoked_at is None and grant.starts_at <= now
    return begun and (grant.ends_at is None or grant.ends_at > now)


def _source_in_force(held: repository.Held, now: datetime) -> bool:
    """Whether what a grant was delegated from still stands."""
    if held.grant.holder_id is None:
        return True
    if held.holder is None or held.holder.disabled_at is not None:
        return False
    if held.grant.source_id is None:
        return held.grant.role in held.holder.roles
    return held.source is not None and in_force(held.source, now)


def granted_to(session: Session, account: Account) -> frozenset[Granted]:
    """What is granted to an account now."""
    now = clock.now()
    return frozenset(
        Granted(held.grant.role, held.grant.kind, held.grant.reference)
        for held in repository.held_grants(session, account.id, now)
        if _source_in_force(held, now)
    )


def _check_scope(role: str, kind: str, reference: str) -> None:
    if role not in ROLE_ACTS:
        raise InputError("access.role_unknown", role=role, known=texts.listed(ROLE_ACTS))
    if kind not in KINDS:
        raise InputError("access.kind_unknown", kind=kind, known=texts.listed(KINDS))
    # whoever administers accounts does so for all of them
    if kind == OFFICE and (role not in OFFICE_ROLES or reference):
        raise InputError("access.office_scope", role=role)
    if kind != OFFICE and (not reference or role == "administrator"):
        raise InputError("access.scope_missing", role=role, kind=kind)
    if kind == "wave" and not (reference.isascii() and reference.isdigit() and len(reference) < 19):
        raise InputError("access.wave_bad", reference=reference)


def foreseen_roles(
    session: Session, account: Account, begins: datetime, ends: datetime | None
) -> set[str]:
    """Roles an account has or will have by grants at some time from `begins` to `ends` (None: for
    good). One whose lender is disabled counts: the lender may be enabled again."""
    return repository.foreseen_roles(session, account.id, begins, ends)


def _check_duties(
    session: Session, account: Account, role: str, begins: datetime, ends: datetime | None
) -> None:
    granted = foreseen_roles(session, account, begins, ends)
    clash = clash_of({*account.roles, *granted, role})
    if clash:
        raise Conflict("access.duties", first=clash[0], second=clash[1])


def _account(session: Session, name: str) -> Account:
    account = repository.find_account(session, name)
    if account is None or account.disabled_at is not None:
        raise NotFound("access.unknown", name=name)
    return account


def give(
    session: Session,
    principal: Principal,
    *,
    account: str,
    role: str,
    kind: str,
    reference: str = "",
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
) -> Grant:
    """Grant a role within a scope. `ends_at` None: until it is revoked.

    Raises Forbidden `access.own_grant`, InputError for a scope that is none or dates that end
    before they begin, Conflict `access.duties`.
    """
    demand(principal, "grant")
    if account == principal.name:
        raise Forbidden("access.own_grant")
    _check_scope(role, kind, reference)
    return _add(session, principal, account, Granted(role, kind, reference), starts_at, ends_at)


def delegate(
    session: Session,
    principal: Principal,
    *,
    account: str,
    role: str,
    grant_id: int | None = None,
    starts_at: datetime | None = None,
    ends_at: datetime,
) -> Grant:
    """Lend a role that one holds to another account until `ends_at`.

    `grant_id` names the grant it is lent from; without it, a role of the account's own. Its scope
    is that grant's and its end no later. What was lent cannot be lent on.
    Raises Forbidden `access.not_held` or `access.lent_on`.
    """
    demand(principal, "delegate")
    if account == principal.name:
        raise Forbidden("access.own_grant")
    acts = ROLE_ACTS.get(role, frozenset())
    # nor by a token what the token itself may not do
    if "delegate" not in acts or not acts <= principal.acts:
        raise Forbidden("access.not_held", role=role)
    source = _lendable(session, principal, role, grant_id)
    if source is None:
        scope, latest, earliest = Granted(role, OFFICE), None, None
    else:
        scope = Granted(role, source.kind, source.reference)
        latest, earliest = source.ends_at, source.starts_at
    if latest is not None and ends_at > latest:
        raise InputError("access.longer_than_held", until=latest.isoformat(timespec="minutes"))
    if earliest is not None and starts_at is not None and starts_at < earliest:
        starts_at = earliest
    made = _add(session, principal, account, scope, starts_at, ends_at)
    made.holder_id, made.source_id = principal.account_id, source.id if source else None
    session.flush()
    return made


def _lendable(
    session: Session, principal: Principal, role: str, grant_id: int | None
) -> Grant | None:
    if grant_id is None:
        if role not in principal.roles or role not in OFFICE_ROLES:
            raise Forbidden("access.not_held", role=role)
        return None
    source = session.get(Grant, grant_id)
    mine = source is not None and source.account_id == principal.account_id and source.role == role
    if source is None or not mine or not in_force(source, clock.now()):
        raise Forbidden("access.not_held", role=role)
    if source.holder_id is not None:
        raise Forbidden("access.lent_on")
    return source


def _add(
    session: Session,
    principal: Principal,
    name: str,
    scope: Granted,
    starts_at: datetime | None,
    ends_at: datetime | None,
) -> Grant:
    repository.lock_accounts(session)
    account, now = _account(session, name), clock.now()
    begins = starts_at or now
    if ends_at is not None and ends_at <= max(begins, now):
        raise InputError("access.dates_bad")
    _check_duties(session, account, scope.role, max(begins, now), ends_at)
    grant = Grant(
        account_id=account.id,
        role=scope.role,
        kind=scope.kind,
        reference=scope.reference,
        starts_at=begins,
        ends_at=ends_at,
        granted_by=principal.name,
        created_at=now,
    )
    session.add(grant)
    session.flush()
    audit.record(
        session,
        principal,
        "grant",
        "account",
        name,
        grant=grant.id,
        role=scope.role,
        scope=f"{scope.kind}:{scope.reference}",
        until=ends_at.isoformat() if ends_at else None,
    )
    return grant


def revoke(session: Session, principal: Principal, grant_id: int) -> None:
    """End a grant now: an administrator any, a holder what they lent.

    Raises NotFound `access.grant_unknown`, also for a grant that is none of one's business, and
    Forbidden for a holder's token that was not made for delegating.
    """
    grant = session.get(Grant, grant_id)
    own = grant is not None and principal.account_id == grant.holder_id is not None
    if grant is None or not (own or "grant" in principal.acts):
        raise NotFound("access.grant_unknown", grant=grant_id)
    if "grant" not in principal.acts:
        demand(principal, "delegate")
    if repository.revoke_grant(session, grant_id, principal.name, clock.now()):
        audit.record(session, principal, "revoke", "grant", str(grant_id), role=grant.role)
