"""Rules of accounts."""

from __future__ import annotations

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from yunzhang import audit, clock, texts
from yunzhang.access import repository
from yunzhang.access.models import Account
from yunzhang.db import Session
from yunzhang.errors import Conflict, Forbidden, InputError, NotFound
from yunzhang.units.scope import ROLE_ACTS, Principal, demand

SHORTEST_PASSWORD = 12
_hasher = PasswordHasher()


def create_account(
    session: Session,
    principal: Principal,
    *,
    name: str,
    display_name: str,
    roles: list[str],
    password: str,
) -> Account:
    """Make an account.

    Raises InputError `access.role_unknown` or `access.password_short`, Conflict `access.taken`.
    """
    demand(principal, "setup")
    for role in roles:
        if role not in ROLE_ACTS:
            raise InputError("access.role_unknown", role=role, known=texts.listed(ROLE_ACTS))
    if len(password) < SHORTEST_PASSWORD:
        raise InputError("access.password_short", length=SHORTEST_PASSWORD)
    if repository.find_account(session, name):
        raise Conflict("access.taken", name=name)
    account = Account(
        name=name,
        display_name=display_name,
        roles=sorted(set(roles)),
        password_hash=_hasher.hash(password),
        created_at=clock.now(),
    )
    session.add(account)
    session.flush()
    audit.record(session, principal.name, "create", "account", name, roles=account.roles)
    return account


def principal_of(session: Session, name: str) -> Principal:
    """The principal an account acts as. Raises NotFound `access.unknown`."""
    account = repository.find_account(session, name)
    if account is None or account.disabled_at is not None:
        raise NotFound("access.unknown", name=name)
    return Principal(account.name, frozenset(account.roles), account.id)


def check_password(session: Session, principal: Principal, password: str) -> None:
    """Ask for the password again, as a signature does. Raises Forbidden `access.password_wrong`."""
    account = repository.find_account(session, principal.name)
    try:
        if account is None:
            raise VerifyMismatchError
        _hasher.verify(account.password_hash, password)
    except VerifyMismatchError as error:
        raise Forbidden("access.password_wrong", name=principal.name) from error
