"""Failed logins are counted per account's name and per address, and make the next one wait.

An attempt is counted before the password is looked at, in a transaction of its own, so that many
guesses at once are counted like one after the other. A success gives the count back. Names that
are no account's are counted alike: waiting tells nothing.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy.exc import IntegrityError

from yunzhang import audit, clock, db
from yunzhang.access import repository
from yunzhang.access.models import Attempt
from yunzhang.db import Session
from yunzhang.errors import Conflict, Throttled, YunzhangError

# Attempts that are free; each further one doubles the wait.
FREE = {"account": 5, "address": 30, "signature": 5}
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(minutes=15)
# After this long without an attempt nothing is held against anybody.
FORGOTTEN = timedelta(hours=24)
TRIES = 20


def subject_of(text: str) -> str:
    """The digest under which a name or an address is counted."""
    return hashlib.sha256(text.strip().casefold().encode()).hexdigest()


def subject_of_address(text: str) -> str:
    """The digest under which an address is counted; of IPv6 its /64, all of which one subscriber
    has (RFC 6177)."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return subject_of(text)
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return subject_of(str(address.ipv4_mapped))
        return subject_of(str(ipaddress.ip_network((int(address), 64), strict=False)))
    return subject_of(str(address))


def wait_after(kind: str, failures: int) -> timedelta | None:
    """How long the door stays closed after so many failures; None: not at all."""
    over = failures - FREE[kind]
    return min(FIRST_WAIT * 2 ** min(over, 10), LONGEST_WAIT) if over >= 0 else None


def count_attempt(name: str, address: str) -> None:
    """Count an attempt against both. Raises Throttled `access.wait`, which says for how long."""
    _count("address", subject_of_address(address))
    _count("account", subject_of(name))


def _count(kind: str, subject: str) -> None:
    for _ in range(TRIES):
        try:
            with db.transaction() as session:
                if _count_once(session, kind, subject):
                    return
        except IntegrityError:  # another one made the row first
            continue
    raise Conflict("access.busy")


def _count_once(session: Session, kind: str, subject: str) -> bool:
    """Count once by compare-and-set; False when somebody else counted at the same time."""
    now = clock.now()
    row = repository.find_attempt(session, kind, subject)
    if row is None:
        repository.forget_attempts(session, now - FORGOTTEN)
        repository.add_attempt(session, kind, subject, now)
        return True
    if row.closed_until is not None and row.closed_until > now:
        raise Throttled("access.wait", seconds=_seconds(row.closed_until - now))
    failures = 1 if row.last_at < now - FORGOTTEN else row.failures + 1
    wait = wait_after(kind, failures)
    until = now + wait if wait else None
    if not repository.set_attempt(session, row, failures=failures, at=now, closed_until=until):
        return False
    if failures == FREE[kind]:
        audit.record(session, "system", "close", f"login_{kind}", subject[:12], failures=failures)
    return True


def _seconds(wait: timedelta) -> int:
    return max(1, -int(-wait.total_seconds() // 1))


def forgive(session: Session, name: str, address: str) -> None:
    """After a success the account starts anew; of the address only this attempt is taken back, or
    somebody with an account of his own could guess at others for ever."""
    own = repository.find_attempt(session, "account", subject_of(name))
    if own is not None:
        repository.set_attempt(session, own, failures=0, at=clock.now(), closed_until=None)
    shared = repository.find_attempt(session, "address", subject_of_address(address))
    if shared is not None:
        _take_back(session, shared)


def _take_back(session: Session, row: Attempt) -> None:
    """Count one attempt less, as if it had not been."""
    left, at = max(0, row.failures - 1), row.last_at
    wait = wait_after(row.kind, left)
    until: datetime | None = at + wait if wait else None
    repository.set_attempt(session, row, failures=left, at=at, closed_until=until)


@contextmanager
def signing(name: str) -> Iterator[None]:
    """Around what asks somebody who is logged in for the password again, outside any transaction.

    Counted apart from logins: only who has a session or token of the account can use these up, so
    that nobody else keeps its person from signing. A refusal for another reason than the password
    takes its own attempt back and no more, or it would serve to begin anew.
    Raises Throttled `access.wait`.
    """
    kind, subject = "signature", subject_of(name)
    _count(kind, subject)
    try:
        yield
    except YunzhangError as error:
        if error.code != "access.password_wrong":
            with db.transaction() as session:
                row = repository.find_attempt(session, kind, subject)
                if row is not None:
                    _take_back(session, row)
        raise
    with db.transaction() as session:
        row = repository.find_attempt(session, kind, subject)
        if row is not None:
            repository.set_attempt(session, row, failures=0, at=clock.now(), closed_until=None)
