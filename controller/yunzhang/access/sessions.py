"""Console sessions: logging in and out, and what a browser must show.

The browser keeps a random identifier of 256 bits in a cookie; here only its digest is. The CSRF
token is made from the identifier, so it is worth nothing with any other session.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta

from yunzhang import audit, clock, db
from yunzhang.access import passwords, repository, throttle
from yunzhang.access.models import Account, ConsoleSession
from yunzhang.db import Session
from yunzhang.errors import Unauthenticated

IDLE = timedelta(minutes=30)
ABSOLUTE = timedelta(hours=12)
# How exact the idle limit is: a read does not write more often than this.
GRAIN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A new session: the account, and what goes into the cookie."""

    account: Account
    identifier: str


def digest_of(secret: str) -> str:
    """What is kept of a random secret; it is long enough that a plain hash will do."""
    return hashlib.sha256(secret.encode()).hexdigest()


def csrf_of(identifier: str) -> str:
    """The token that every changing request of this session must carry in a header."""
    return hmac.new(identifier.encode(), b"csrf", hashlib.sha256).hexdigest()


def authenticate(name: str, password: str, address: str) -> Account:
    """The account with this password, in transactions of its own.

    Raises Throttled `access.wait`, and Unauthenticated `access.login_failed`, which does not say
    whether there is such an account.
    """
    throttle.count_attempt(name, address)
    with db.reading() as session:
        account = repository.find_account(session, name)
    kept = account.password_hash if account and account.disabled_at is None else None
    # outside any transaction: this takes time by design
    if not passwords.matches(kept, password) or account is None:
        raise Unauthenticated("access.login_failed")
    with db.transaction() as session:
        throttle.forgive(session, name, address)
    return account


def log_in(name: str, password: str, address: str, *, former: str | None = None) -> LoggedIn:
    """Begin a session; `former` is the identifier the browser had, which ends."""
    account = authenticate(name, password, address)
    with db.transaction() as session:
        now = repository.find_account(session, name)
        # changed or disabled while the password was being checked
        if now is None or now.disabled_at or now.password_hash != account.password_hash:
            raise Unauthenticated("access.login_failed")
        return begin(session, now, former=former)


def begin(
    session: Session, account: Account, *, former: str | None = None, how: str = "password"
) -> LoggedIn:
    """Begin a session of an account whose identity was proven: by its password, or elsewhere."""
    now, identifier = clock.now(), secrets.token_urlsafe(32)
    repository.forget_sessions(session, now - ABSOLUTE)
    if former:
        repository.end_sessions(session, now, digest=digest_of(former))
    session.add(
        ConsoleSession(
            account_id=account.id,
            digest=digest_of(identifier),
            created_at=now,
            seen_at=now,
            expires_at=now + ABSOLUTE,
        )
    )
    session.flush()
    audit.record(session, account.name, "log_in", "account", account.name, how=how)
    return LoggedIn(account, identifier)


def account_of(session: Session, identifier: str) -> tuple[Account, ConsoleSession]:
    """Whose session it is. Raises Unauthenticated `access.session_over`."""
    found = repository.session_of(session, digest_of(identifier))
    now = clock.now()
    if found is None:
        raise Unauthenticated("access.session_over")
    kept, account = found
    over = now >= kept.expires_at or now - kept.seen_at >= IDLE
    if over or account.disabled_at is not None:
        raise Unauthenticated("access.session_over")
    return account, kept


def touch(kept: ConsoleSession) -> None:
    """Note that a session is in use, now and then."""
    now = clock.now()
    if now - kept.seen_at >= GRAIN:
        with db.transaction() as session:
            repository.touch_session(session, kept.id, now)


def log_out(session: Session, account: str, identifier: str) -> None:
    """End a session."""
    repository.end_sessions(session, clock.now(), digest=digest_of(identifier))
    audit.record(session, account, "log_out", "account", account)
