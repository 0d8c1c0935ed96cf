"""Queries of what happened to the register: batches of imports, their rows, the change log."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import or_, select, update

from yunzhang.db import Session
from yunzhang.db.paging import Asked, Slice, read_page
from yunzhang.estate import bulk
from yunzhang.estate.changes.models import ChangeLog, ImportBatch, ImportRow
from yunzhang.estate.repository import CHUNK, MODELS
from yunzhang.estate.workbooks.columns import Sheet
from yunzhang.estate.workbooks.sheets import BY_KEY
from yunzhang.units.models import Unit

CHANGE_COLUMNS = (
    "at", "principal", "batch_id", "sheet", "key", "unit_code", "act", "before", "after", "reason",
)  # fmt: skip
# Act of a prefix taken from free space; the reason is the key of the pool.
TAKE = "take"
ROW_COLUMNS = ("batch_id", "sheet", "row", "key", "action")


class Entry(NamedTuple):
    """A change of one item, as it is logged."""

    sheet: str
    key: str
    unit_code: str | None
    act: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class BatchFilter(NamedTuple):
    """Which batches are asked for; None leaves a field open. `until` itself is not in."""

    unit: str | None = None
    principal: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    sha256: str | None = None


class ChangeFilter(NamedTuple):
    """Which changes are asked for; None leaves a field open. `until` itself is not in."""

    sheet: str | None = None
    key: str | None = None
    unit_code: str | None = None
    principal: str | None = None
    batch_id: int | None = None
    act: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def impersonal(sheet: Sheet, values: dict[str, Any]) -> dict[str, Any]:
    """`values` without what is kept in its own table only, so that it can be erased there."""
    return {
        name: None if name in sheet.by_key and sheet.by_key[name].personal else value
        for name, value in values.items()
    }


def add_batch(session: Session, batch: ImportBatch) -> ImportBatch:
    """Add a batch; it has its number afterwards."""
    session.add(batch)
    session.flush()
    return batch


def add_import_rows(session: Session, rows: Iterable[tuple[int, str, int, str, str]]) -> None:
    """Say what became of rows of a file."""
    bulk.insert_rows(session, ImportRow.__table__, ROW_COLUMNS, rows)  # type: ignore[arg-type]


def log_changes(
    session: Session,
    entries: Iterable[Entry],
    *,
    at: datetime,
    principal: str,
    batch_id: int | None = None,
    reason: str = "",
) -> None:
    """Add entries to the change log; the values of personal columns are left out."""
    table: Any = ChangeLog.__table__
    rows = (
        (at, principal, batch_id, entry.sheet, entry.key, entry.unit_code, entry.act,
         entry.before and impersonal(BY_KEY[entry.sheet], entry.before),
         entry.after and impersonal(BY_KEY[entry.sheet], entry.after), reason)
        for entry in entries
    )  # fmt: skip
    if session.get_bind().dialect.name != "postgresql":
        # the driver's JSON knows no days
        rows = ((*row[:7], _plain(row[7]), _plain(row[8]), row[9]) for row in rows)
    bulk.insert_rows(session, table, CHANGE_COLUMNS, rows)


def _plain(values: dict[str, Any] | None) -> dict[str, Any] | None:
    return values and {
        name: value if isinstance(value, str | int | list | dict | float | None) else str(value)
        for name, value in values.items()
    }


def batch_of_file(session: Session, sha256: str) -> ImportBatch | None:
    """The latest import of a file with this content that was not undone."""
    query = select(ImportBatch).where(
        ImportBatch.file_sha256 == sha256, ImportBatch.undone_at.is_(None)
    )
    return session.scalar(query.order_by(ImportBatch.id.desc()).limit(1))


def find_batch(session: Session, batch_id: int) -> ImportBatch | None:
    """A batch by its number."""
    return session.get(ImportBatch, batch_id)


def page_batches(
    session: Session, wanted: BatchFilter, asked: Asked, reader: Hashable
) -> tuple[Slice, int | None]:
    """Batches, newest first, and how many there are."""
    query = select(ImportBatch)
    if wanted.unit:
        query = query.where(ImportBatch.unit_code == wanted.unit)
    if wanted.principal:
        query = query.where(ImportBatch.principal == wanted.principal)
    if wanted.since:
        query = query.where(ImportBatch.created_at >= wanted.since)
    if wanted.until:
        query = query.where(ImportBatch.created_at < wanted.until)
    if wanted.sha256:
        query = query.where(ImportBatch.file_sha256 == wanted.sha256)
    return read_page(session, query, [ImportBatch.id], asked, reader, newest=True)


def page_import_rows(
    session: Session, batch_id: int, action: str | None, asked: Asked, reader: Hashable
) -> tuple[Slice, int | None]:
    """What became of the rows of a batch's file, in the file's order."""
    query = select(ImportRow).where(ImportRow.batch_id == batch_id)
    if action:
        query = query.where(ImportRow.action == action)
    return read_page(session, query, [ImportRow.id], asked, reader)


def units_of_batch(session: Session, batch_id: int) -> set[str | None]:
    """Whose the rows are that an import changed; None: the office's."""
    query = select(ChangeLog.unit_code).where(ChangeLog.batch_id == batch_id).distinct()
    return set(session.scalars(query))


def takes_after(session: Session, last: int) -> Sequence[Any]:
    """(key, pool's key) of prefixes that were taken after entry `last`."""
    query = select(ChangeLog.key, ChangeLog.reason.label("pool")).where(
        ChangeLog.id > last, ChangeLog.sheet == "prefixes", ChangeLog.act == TAKE
    )
    return session.execute(query.order_by(ChangeLog.id)).all()


def claim_batch(session: Session, batch_id: int) -> bool:
    """Whether the asker may change a batch: by changing nothing, as far as they may write."""
    return _touch(session, ImportBatch, [batch_id], "undone_by") == 1


def count_writable(session: Session, sheet: str, ids: Collection[int]) -> int:
    """How many of these rows the asker may write, and nobody else can until the end."""
    return _touch(session, MODELS[sheet], ids, "revision")


def _touch(session: Session, model: Any, ids: Collection[int], name: str) -> int:
    count, ordered = 0, sorted(ids)
    for start in range(0, len(ordered), CHUNK):
        chunk = ordered[start : start + CHUNK]
        same = update(model).where(model.id.in_(chunk)).values({name: getattr(model, name)})
        count += len(_returned(session, same.returning(model.id)))
    return count


def mark_undone(session: Session, batch_id: int, at: datetime, principal: str) -> bool:
    """Mark a batch as undone; whether it was not already."""
    undone = (
        update(ImportBatch)
        .where(ImportBatch.id == batch_id, ImportBatch.undone_at.is_(None))
        .values(undone_at=at, undone_by=principal)
    )
    return len(_returned(session, undone.returning(ImportBatch.id))) == 1


def _returned(session: Session, statement: Any) -> Sequence[Any]:
    # SQLite counts no rows of an UPDATE that begins with the WITH of a restriction
    options = {"synchronize_session": False}
    return session.execute(statement, execution_options=options).all()


def changes_of_batch(session: Session, batch_id: int) -> Sequence[Any]:
    """(id, sheet, key, unit, act, before) of all an import changed, in writing order."""
    query = select(
        ChangeLog.id,
        ChangeLog.sheet,
        ChangeLog.key,
        ChangeLog.unit_code,
        ChangeLog.act,
        ChangeLog.before,
    ).where(ChangeLog.batch_id == batch_id, ChangeLog.act.in_(("create", "update")))
    return session.execute(query.order_by(ChangeLog.id)).all()


def later_changes(session: Session, batch_id: int, last: int) -> Sequence[Any]:
    """(sheet, key, batch, principal) of changes after entry `last` to items of the batch."""
    earlier = (
        select(ChangeLog.sheet.label("sheet"), ChangeLog.key.label("key"))
        .where(ChangeLog.batch_id == batch_id)
        .subquery()
    )
    query = (
        select(ChangeLog.sheet, ChangeLog.key, ChangeLog.batch_id, ChangeLog.principal)
        .join(earlier, (ChangeLog.sheet == earlier.c.sheet) & (ChangeLog.key == earlier.c.key))
        .where(
            ChangeLog.id > last,
            or_(ChangeLog.batch_id.is_(None), ChangeLog.batch_id != batch_id),
        )
    )
    return session.execute(query.order_by(ChangeLog.id)).all()


def few_units(session: Session, most: int) -> list[str] | None:
    """The units the asker sees; None when they are more than `most`."""
    found = session.scalars(select(Unit.code).order_by(Unit.code).limit(most + 1)).all()
    return list(found) if len(found) <= most else None


def page_changes(
    session: Session,
    wanted: ChangeFilter,
    asked: Asked,
    reader: Hashable,
    own: Collection[str] | None = None,
) -> tuple[Slice, int | None]:
    """Changes, newest first, and how many there are.

    `own`: all units whose changes the reader may see, when they are few. The restriction says the
    same, but only of codes that are written out PostgreSQL knows how rare they are.
    """
    query = select(ChangeLog)
    if own is not None:
        query = query.where(ChangeLog.unit_code.in_(own))
    for name in ("sheet", "key", "unit_code", "principal", "batch_id", "act"):
        value = getattr(wanted, name)
        if value is not None:
            query = query.where(getattr(ChangeLog, name) == value)
    if wanted.since:
        query = query.where(ChangeLog.at >= wanted.since)
    if wanted.until:
        query = query.where(ChangeLog.at < wanted.until)
    return read_page(session, query, [ChangeLog.id], asked, reader, newest=True)
