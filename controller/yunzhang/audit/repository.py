"""Queries of the audit record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Result, Select, delete, exists, func, insert, select, text

from yunzhang.audit.models import AuditBlock, AuditEntry, AuditSeal, AuditWaiting
from yunzhang.db import Session
from yunzhang.db.locks import Lock

# Rows fetched at a time while a long result streams.
STREAMED = 2000

# What an entry's hash covers, in no particular order: canonical JSON sorts it.
CONTENT = (
    AuditEntry.id,
    AuditEntry.at,
    AuditEntry.principal,
    AuditEntry.roles,
    AuditEntry.channel,
    AuditEntry.address,
    AuditEntry.request,
    AuditEntry.act,
    AuditEntry.noun,
    AuditEntry.reference,
    AuditEntry.before,
    AuditEntry.after,
    AuditEntry.details,
)


class Filter(NamedTuple):
    """Which entries are asked for; None leaves a field open. `since` and `until` are times."""

    principal: str | None = None
    act: str | None = None
    noun: str | None = None
    reference: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def try_lock(session: Session) -> bool:
    """Become the one sealer until the transaction ends; False when somebody else is."""
    if session.get_bind().dialect.name != "postgresql":
        return True
    query = text("SELECT pg_try_advisory_xact_lock(:key)")
    return bool(session.execute(query, {"key": Lock.SEALER}).scalar_one())


def is_waiting(session: Session) -> bool:
    """Whether any entry waits to be sealed."""
    return session.scalar(select(AuditWaiting.entry_id).limit(1)) is not None


def count_waiting(session: Session) -> int:
    """How many entries wait to be sealed."""
    return session.scalar(select(func.count()).select_from(AuditWaiting)) or 0


def waiting_entries(session: Session, limit: int) -> Sequence[Any]:
    """The next entries to seal, by id."""
    query = (
        select(*CONTENT)
        .join(AuditWaiting, AuditWaiting.entry_id == AuditEntry.id)
        .where(~exists().where(AuditSeal.entry_id == AuditEntry.id))
        .order_by(AuditEntry.id)
        .limit(limit)
    )
    return session.execute(query).all()


def last_block(session: Session) -> AuditBlock | None:
    """The newest block."""
    return session.scalar(select(AuditBlock).order_by(AuditBlock.number.desc()).limit(1))


def find_block(session: Session, number: int) -> AuditBlock | None:
    """The block of that number."""
    return session.get(AuditBlock, number)


def blocks_after(session: Session, number: int, limit: int) -> Sequence[AuditBlock]:
    """Blocks with larger numbers, in order."""
    query = select(AuditBlock).where(AuditBlock.number > number)
    return session.scalars(query.order_by(AuditBlock.number).limit(limit)).all()


def save_block(session: Session, block: AuditBlock, leaves: Mapping[int, str]) -> None:
    """Store a block with the places of its entries (id → leaf) and take them off the list."""
    number = block.number
    session.add(block)
    session.flush()
    session.execute(
        insert(AuditSeal),
        [
            {"entry_id": entry, "block": number, "position": position, "leaf": leaf}
            for position, (entry, leaf) in enumerate(leaves.items())
        ],
    )
    sealed = select(AuditSeal.entry_id).where(AuditSeal.block == number)
    session.execute(delete(AuditWaiting).where(AuditWaiting.entry_id.in_(sealed)))


def save_many(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store entries in bulk and put them on the list of what waits."""
    # numbered first: rows that need not be returned go in three times as fast
    numbers = _take_numbers(session, len(rows))
    session.execute(
        insert(AuditEntry), [{**row, "id": n} for n, row in zip(numbers, rows, strict=True)]
    )
    session.execute(insert(AuditWaiting), [{"entry_id": number} for number in numbers])


def _take_numbers(session: Session, count: int) -> Sequence[int]:
    if session.get_bind().dialect.name == "postgresql":
        sequence = func.pg_get_serial_sequence(AuditEntry.__tablename__, "id")
        each = func.generate_series(1, count).table_valued("n")
        return session.scalars(select(func.nextval(sequence)).select_from(each)).all()
    # a transaction that writes is the only one
    last = session.scalar(select(func.max(AuditEntry.id))) or 0
    return range(last + 1, last + 1 + count)


def sealed_places(session: Session, first: int, last: int) -> Result[Any]:
    """Places in the blocks from `first` to `last`, by block and position, each with its entry's
    content; all of it None where the entry is gone. To be closed: it streams."""
    query = (
        select(
            AuditSeal.block,
            AuditSeal.position,
            AuditSeal.entry_id,
            AuditSeal.leaf,
            *CONTENT,
        )
        .outerjoin(AuditEntry, AuditEntry.id == AuditSeal.entry_id)
        .where(AuditSeal.block.between(first, last))
        .order_by(AuditSeal.block, AuditSeal.position)
        .execution_options(yield_per=STREAMED)
    )
    return session.execute(query)


def first_orphan(session: Session) -> tuple[int, int] | None:
    """The first place whose block is not there: entry and number of the block."""
    gone = ~exists().where(AuditBlock.number == AuditSeal.block)
    query = select(AuditSeal.entry_id, AuditSeal.block).where(gone)
    row = session.execute(query.order_by(AuditSeal.block, AuditSeal.position).limit(1)).first()
    return (row.entry_id, row.block) if row else None


def first_stray(session: Session) -> int | None:
    """The first entry that is neither sealed nor waits to be."""
    query = select(AuditEntry.id).where(
        ~exists().where(AuditSeal.entry_id == AuditEntry.id),
        ~exists().where(AuditWaiting.entry_id == AuditEntry.id),
    )
    return session.scalar(query.order_by(AuditEntry.id).limit(1))


def first_lost(session: Session) -> int | None:
    """The first entry that waits to be sealed and is not there."""
    gone = ~exists().where(AuditEntry.id == AuditWaiting.entry_id)
    query = select(AuditWaiting.entry_id).where(gone)
    return session.scalar(query.order_by(AuditWaiting.entry_id).limit(1))


def seal_of(session: Session, entry: int) -> AuditSeal | None:
    """The place of an entry in its block."""
    return session.get(AuditSeal, entry)


def find_entry(session: Session, number: int) -> AuditEntry | None:
    """One entry."""
    return session.get(AuditEntry, number)


def select_entries(wanted: Filter) -> Select[AuditEntry, int]:
    """Entries with the number of their block (None: not sealed)."""
    query = select(AuditEntry, AuditSeal.block).outerjoin(
        AuditSeal, AuditSeal.entry_id == AuditEntry.id
    )
    for name in ("principal", "act", "noun", "reference"):
        value = getattr(wanted, name)
        if value is not None:
            query = query.where(getattr(AuditEntry, name) == value)
    if wanted.since is not None:
        query = query.where(AuditEntry.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(AuditEntry.at < wanted.until)
    return query


def list_entries(
    session: Session, wanted: Filter, *, before: int | None = None, limit: int = 50
) -> Sequence[tuple[AuditEntry, int | None]]:
    """The newest entries with an id below `before`, newest first, each with its block."""
    query = select_entries(wanted)
    if before is not None:
        query = query.where(AuditEntry.id < before)
    rows = session.execute(query.order_by(AuditEntry.id.desc()).limit(limit))
    return [(row[0], row[1]) for row in rows]


def stream_entries(session: Session, wanted: Filter) -> Iterator[tuple[AuditEntry, int | None]]:
    """All entries asked for, oldest first, in little memory."""
    query = select_entries(wanted).order_by(AuditEntry.id)
    with session.execute(query.execution_options(yield_per=STREAMED)) as rows:
        for row in rows:
            yield row[0], row[1]
