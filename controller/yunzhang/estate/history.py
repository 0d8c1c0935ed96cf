"""Queries of what happened to the register: batches of imports, their rows, the change log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import func, or_, select, update

from yunzhang.db import Session
from yunzhang.estate import bulk
from yunzhang.estate.models import ChangeLog, ImportBatch, ImportRow
from yunzhang.estate.workbooks.columns import Sheet
from yunzhang.estate.workbooks.sheets import BY_KEY

CHANGE_COLUMNS = (
    "at", "principal", "batch_id", "sheet", "key", "unit_code", "act", "before", "after", "reason",
)  # fmt: skip
ROW_COLUMNS = ("batch_id", "sheet", "row", "key", "action")


class Entry(NamedTuple):
    """A change of one item, as it is logged."""

    sheet: str
    key: str
    unit_code: str | None
    act: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


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


def page_batches(session: Session, *, limit: int, offset: int) -> tuple[Sequence[ImportBatch], int]:
    """Batches, newest first, and how many there are."""
    total = session.scalar(select(func.count()).select_from(ImportBatch)) or 0
    query = select(ImportBatch).order_by(ImportBatch.id.desc()).limit(limit).offset(offset)
    return session.scalars(query).all(), total


def mark_undone(session: Session, batch_id: int, at: datetime, principal: str) -> bool:
    """Mark a batch as undone; whether it was not already."""
    changed: Any = session.execute(
        update(ImportBatch)
        .where(ImportBatch.id == batch_id, ImportBatch.undone_at.is_(None))
        .values(undone_at=at, undone_by=principal)
    )
    return bool(changed.rowcount == 1)


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


def changes_of_item(
    session: Session, sheet: str, key: str, *, limit: int, offset: int
) -> tuple[Sequence[ChangeLog], int]:
    """Changes of one item, newest first, and how many there are."""
    query = select(ChangeLog).where(ChangeLog.sheet == sheet, ChangeLog.key == key)
    total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    rows = session.scalars(query.order_by(ChangeLog.id.desc()).limit(limit).offset(offset)).all()
    return rows, total
