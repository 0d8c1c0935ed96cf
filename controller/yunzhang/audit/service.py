"""Writing to the audit record and reading from it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from yunzhang import clock
from yunzhang.audit import repository
from yunzhang.audit.models import AuditEntry, AuditWaiting
from yunzhang.audit.origin import current_origin
from yunzhang.audit.values import plain
from yunzhang.db import Session
from yunzhang.errors import NotFound

# Digits of a digest that are printed: enough that nobody finds another block with the same.
SHORT = 16
# Entries stored by one statement.
BULK = 5000


class Actor(Protocol):
    """A principal, as the record sees one."""

    @property
    def name(self) -> str: ...
    @property
    def all_roles(self) -> Collection[str]: ...


@dataclass(frozen=True, slots=True)
class Act:
    """One act of many that are recorded together."""

    act: str
    noun: str
    reference: str
    before: Any = None
    after: Any = None
    details: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """The newest block as a report prints it, with what is not in any block yet."""

    number: int
    at: datetime
    digest: str
    waiting: int
    # id of the key it was sealed with
    key: str


def record(
    session: Session,
    principal: str | Actor,
    act: str,
    noun: str,
    reference: str,
    *,
    before: Any = None,
    after: Any = None,
    **details: Any,
) -> AuditEntry:
    """Add an entry in the caller's transaction; `audit.context` says where the act came from.

    `principal` is a name, or a principal whose roles are noted too. Values become plain, personal
    fields a reference (`audit.values`).
    """
    row = _row(_who(principal), Act(act, noun, reference, before, after, details))
    entry = AuditEntry(**row, waiting=AuditWaiting())
    session.add(entry)
    return entry


def record_many(session: Session, principal: str | Actor, acts: Iterable[Act]) -> int:
    """Add many entries in the caller's transaction with few statements; how many."""
    who, rows, count = _who(principal), [], 0
    session.flush()
    for each in acts:
        rows.append(_row(who, each))
        count += 1
        if len(rows) == BULK:
            repository.save_many(session, rows)
            rows = []
    if rows:
        repository.save_many(session, rows)
    return count


def _who(principal: str | Actor) -> dict[str, Any]:
    origin = current_origin()
    name, roles = (
        (principal, [])
        if isinstance(principal, str)
        else (principal.name, sorted(principal.all_roles))
    )
    return {
        "principal": name,
        "roles": roles,
        "channel": origin.channel[:20],
        "address": origin.address[:100],
        "request": origin.request[:64],
        "at": clock.now(),
    }


def _row(who: Mapping[str, Any], act: Act) -> dict[str, Any]:
    return {
        **who,
        "act": act.act,
        "noun": act.noun,
        "reference": act.reference,
        "before": plain(act.before),
        "after": plain(act.after),
        "details": plain(act.details or {}),
    }


def head(session: Session) -> Head | None:
    """The newest block, to be printed on reports as an anchor on paper; None before the first."""
    block = repository.last_block(session)
    if block is None:
        return None
    waiting = repository.count_waiting(session)
    return Head(block.number, block.at, block.digest[:SHORT], waiting, block.key)


def get_entry(session: Session, number: int) -> AuditEntry:
    """One entry. Raises NotFound `audit.unknown`."""
    entry = repository.find_entry(session, number)
    if entry is None:
        raise NotFound("audit.unknown", number=number)
    return entry
