"""Rules of accounts: made, disabled, passwords changed; who an account acts as."""

from __future__ import annotations

import re
from collections.abc import Iterable

from yunzhang import audit, clock, texts
from yunzhang.access import passwords, repository
from yunzhang.access.grants import foreseen_roles, granted_to
from yunzhang.access.models import Account
from yunzhang.db import Session
from yunzhang.errors import Conflict, Forbidden, InputError, NotFound
from yunzhang.units.roles import ROLE_ACTS, clash_of
from yunzhang.units.scope import SYSTEM, Principal, demand

ADMINISTRATOR = "administrator"
# What may be a name: typed anywhere, shown anywhere, and no two look alike.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,79}")


def check_roles(roles: set[str]) -> None:
    """Refuse unknown roles, and those one person may not have together.

    Raises InputError `access.role_unknown` or Conflict `access.duties`.
    """
    for role in sorted(roles):
        if role not in ROLE_ACTS:
            raise InputError("access.role_unknown", role=role, known=texts.listed(ROLE_ACTS))
    clash = clash_of(roles)
    if clash:
        raise Conflict("access.duties", first=clash[0], second=clash[1])


def create_account(
    session: Session,
    principal: Principal,
    *,
    name: str,
    display_name: str,
    roles: list[str],
    password: str,
    must_change: bool = False,
) -> Account:
    """Make an account.

    Raises InputError `access.role_unknown`, `access.name_bad` or one of `passwords.check_policy`,
    Conflict `access.taken` or `access.duties`.
    """
    demand(principal, "setup")
    check_roles(set(roles))
    repository.lock_accounts(session)
    if principal.is_system and ADMINISTRATOR in roles:
        # the machine's own principal makes the first one by a command of its own, no others
        raise Forbidden("access.administrator_by_system")
    return _add_account(session, principal, name, display_name, roles, password, must_change)


def create_first_administrator(
    session: Session, *, name: str, display_name: str, password: str
) -> Account:
    """Make the first administrator; once. Raises Conflict `access.administrator_exists`."""
    repository.lock_accounts(session)
    if any(ADMINISTRATOR in account.roles for account in repository.list_accounts(session)):
        raise Conflict("access.administrator_exists")
    return _add_account(session, SYSTEM, name, display_name, [ADMINISTRATOR], password, False)


def _add_account(
    session: Session,
    principal: Principal,
    name: str,
    display_name: str,
    roles: list[str],
    password: str,
    must_change: bool,
) -> Account:
    if not NAME.fullmatch(name):
        raise InputError("access.name_bad", name=name)
    passwords.check_policy(name, password)
    # names that differ by case alone would be one another's to whoever reads them
    if repository.is_taken(session, name):
        raise Conflict("access.taken", name=name)
    account = Account(
        name=name,
        display_name=display_name,
        roles=sorted(set(roles)),
        password_hash=passwords.hash_password(password),
        must_change=must_change,
        created_at=clock.now(),
    )
    session.add(account)
    session.flush()
    audit.record(session, principal, "create", "account", name, roles=account.roles)
    return account


def get_account(session: Session, name: str) -> Account:
    """An account, also a disabled one. Raises NotFound `access.unknown`."""
    account = repository.find_account(session, name)
    if account is None:
        raise NotFound("access.unknown", name=name)
    return account


def principal_of(session: Session, name: str) -> Principal:
    """The principal an account acts as. Raises NotFound `access.unknown`, Forbidden
    `access.must_change`."""
    account = get_account(session, name)
    if account.disabled_at is not None:
        raise NotFound("access.unknown", name=name)
    if account.must_change:
        raise Forbidden("access.must_change", name=name)
    return principal_for(session, account)


def principal_for(session: Session, account: Account) -> Principal:
    """The principal of an account that was found already, with today's grants."""
    grants = granted_to(session, account)
    return Principal(account.name, frozenset(account.roles), account.id, grants)


def check_password(session: Session, principal: Principal, password: str) -> None:
    """Ask for the password again, as a signature does. Raises Forbidden `access.password_wrong`."""
    account = repository.find_account(session, principal.name)
    kept = account.password_hash if account and account.disabled_at is None else None
    if not passwords.matches(kept, password):
        raise Forbidden("access.password_wrong", name=principal.name)


def change_password(session: Session, principal: Principal, *, old: str, new: str) -> None:
    """Change one's own password; every console session of the account ends.

    Raises Forbidden `access.password_wrong`, InputError of the policy or `access.password_same`.
    """
    check_password(session, principal, old)
    if old == new:
        raise InputError("access.password_same")
    account = get_account(session, principal.name)
    _set_password(session, account, new, must_change=False)
    audit.record(session, principal, "change_password", "account", account.name)


def reset_password(session: Session, principal: Principal, name: str, password: str) -> None:
    """Give an account another password, to be changed at its next login; its tokens end, too."""
    demand(principal, "account")
    account = get_account(session, name)
    _set_password(session, account, password, must_change=True)
    repository.revoke_tokens(session, clock.now(), account.id)
    audit.record(session, principal, "reset_password", "account", name)


def _set_password(session: Session, account: Account, password: str, *, must_change: bool) -> None:
    passwords.check_policy(account.name, password)
    account.password_hash = passwords.hash_password(password)
    account.must_change = must_change
    session.flush()
    repository.end_sessions(session, clock.now(), account_id=account.id)


def disable_account(session: Session, principal: Principal, name: str) -> None:
    """Let an account do nothing more; sessions and tokens end. Again: changes nothing.

    Raises Conflict `access.last_administrator`: somebody has to be able to enable it again.
    """
    demand(principal, "account")
    repository.lock_accounts(session)
    account = get_account(session, name)
    if account.disabled_at is not None:
        return
    _keep_an_administrator(session, account)
    now = clock.now()
    account.disabled_at = now
    session.flush()
    repository.end_sessions(session, now, account_id=account.id)
    repository.revoke_tokens(session, now, account.id)
    audit.record(session, principal, "disable", "account", name)


def _keep_an_administrator(session: Session, account: Account) -> None:
    """Refuse to take the last one that can act; asked under `lock_accounts`.

    Raises Conflict `access.last_administrator`.
    """
    others = [
        other
        for other in repository.list_accounts(session)
        if ADMINISTRATOR in other.roles and other.disabled_at is None and other.id != account.id
    ]
    if ADMINISTRATOR in account.roles and account.disabled_at is None and not others:
        raise Conflict("access.last_administrator", name=account.name)


def change_roles(
    session: Session, principal: Principal, name: str, roles: Iterable[str]
) -> Account:
    """Give an account these roles of its own instead of those it has; at once, for sessions and
    tokens that are open, too. What was lent from a role that is taken ends with it.

    Raises Forbidden `access.own_roles`, InputError `access.role_unknown`, Conflict `access.duties`
    or `access.last_administrator`.
    """
    demand(principal, "account")
    repository.lock_accounts(session)
    account = get_account(session, name)
    if account.id == principal.account_id:
        raise Forbidden("access.own_roles")
    wanted, before = sorted(set(roles)), sorted(account.roles)
    check_roles(set(wanted))
    check_roles({*wanted, *foreseen_roles(session, account, clock.now(), None)})
    if ADMINISTRATOR not in wanted:
        _keep_an_administrator(session, account)
    if wanted == before:
        return account
    account.roles = wanted
    session.flush()
    audit.record(
        session,
        principal,
        "change_roles",
        "account",
        name,
        before={"roles": before},
        after={"roles": wanted},
    )
    return account


def enable_account(session: Session, principal: Principal, name: str) -> None:
    """Let a disabled account act again. Again: changes nothing."""
    demand(principal, "account")
    account = get_account(session, name)
    if account.disabled_at is None:
        return
    account.disabled_at = None
    session.flush()
    audit.record(session, principal, "enable", "account", name)
