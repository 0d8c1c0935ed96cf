"""Tables of what happened to the register: imports, what became of their rows, every change."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from yunzhang.db import Base, identity, json_column
from yunzhang.estate.models import KEY, LONG, SHORT
from yunzhang.units.models import CODE


class ImportBatch(Base):
    """One import that was written. `excluded` counts refused classified items by unit.

    `unit_code`: the unit for which it was imported; None: for the office, whatever it touched.
    `template_version`: of the workbook's template; None when the file says none.
    """

    __tablename__ = "import_batch"

    id: Mapped[int] = identity()
    file_name: Mapped[str] = mapped_column(LONG)
    file_sha256: Mapped[str] = mapped_column(String(64), index=True)
    template_version: Mapped[str | None] = mapped_column(SHORT)
    mode: Mapped[str] = mapped_column(SHORT)
    principal: Mapped[str] = mapped_column(String(80))
    unit_code: Mapped[str | None] = mapped_column(CODE, index=True)
    created_at: Mapped[datetime]
    counts: Mapped[Any] = json_column()
    excluded: Mapped[Any] = json_column()
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[str | None] = mapped_column(String(80))


class ImportRow(Base):
    """What became of a row of a file; rows that changed nothing are only counted."""

    __tablename__ = "import_row"
    # pages of a batch's rows in the file's order
    __table_args__ = (Index("ix_import_row_page", "batch_id", "id"),)
    owned_through: ClassVar[str] = "batch_id"

    id: Mapped[int] = identity()
    batch_id: Mapped[int] = mapped_column(ForeignKey("import_batch.id"))
    sheet: Mapped[str] = mapped_column(SHORT)
    row: Mapped[int]
    key: Mapped[str] = mapped_column(KEY)
    action: Mapped[str] = mapped_column(SHORT)


class ChangeLog(Base):
    """Every change of every item, only ever added to. `before` and `after` hold what changed.

    Values of personal columns are never in it. `unit_code`: whose item it was then; None: the
    office's.
    """

    __tablename__ = "change_log"
    __table_args__ = (
        Index("ix_change_log_item", "sheet", "key"),
        # pages of what units changed, newest first
        Index("ix_change_log_page", "unit_code", "id"),
    )

    id: Mapped[int] = identity()
    at: Mapped[datetime]
    principal: Mapped[str] = mapped_column(String(80))
    batch_id: Mapped[int | None] = mapped_column(index=True)
    sheet: Mapped[str] = mapped_column(SHORT)
    key: Mapped[str] = mapped_column(KEY)
    unit_code: Mapped[str | None] = mapped_column(CODE)
    act: Mapped[str] = mapped_column(SHORT)
    before: Mapped[Any] = json_column(nullable=True)
    after: Mapped[Any] = json_column(nullable=True)
    reason: Mapped[str] = mapped_column(Text, default="")
