"""Tables of divisions and units, and what every declared thing has in common."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, String, Text, event
from sqlalchemy.orm import Mapped, mapped_column, object_session

from yunzhang.db import Base, identity, json_column
from yunzhang.db.uid import RandomUid
from yunzhang.units.scope import asker_of

CODE = String(64)
NAME = String(200)
ACTOR = String(80)  # a principal's name


def coded_reference(target: str, *, optional: bool = False) -> Mapped[Any]:
    """A column that names another row by its business key.

    Checked when the transaction ends, so that a file may bring both ends in any order.
    """
    key = ForeignKey(target, deferrable=True, initially="DEFERRED")
    return mapped_column(CODE, key, index=True, nullable=optional)


class Recorded:
    """Columns of everything that units declare. `revision` counts changes (compare-and-set).

    `uid`: public key, given once, which outlives renames, mergers and new codes. `reasons`: why it
    was returned, column → what is wrong; None when it was not. `batch_id`: the import that wrote
    it last. `data_quality`: 0 to 100, see `estate.importing.quality`; None: not measured yet.
    """

    id: Mapped[int] = identity()
    uid: Mapped[str] = mapped_column(String(36), unique=True, server_default=RandomUid())
    state: Mapped[str] = mapped_column(String(20), default="draft")
    revision: Mapped[int] = mapped_column(default=1)
    reasons: Mapped[Any] = json_column(nullable=True)
    note: Mapped[str] = mapped_column(Text, default="")
    batch_id: Mapped[int | None]
    data_quality: Mapped[int | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(ACTOR, default="", server_default="")
    updated_by: Mapped[str] = mapped_column(ACTOR, default="", server_default="")


@event.listens_for(Recorded, "before_insert", propagate=True)
def _stamp_maker(_mapper: Any, _connection: Any, row: Recorded) -> None:
    """Who made a row that was added by itself; rows in bulk bring it along."""
    session = object_session(row)
    maker = asker_of(session).name if session else ""
    row.created_by, row.updated_by = row.created_by or maker, row.updated_by or maker


class Coded(Recorded):
    """A declared thing with a business key (编号) and a name."""

    code: Mapped[str] = mapped_column(CODE, unique=True)
    name: Mapped[str] = mapped_column(NAME)


class Dated:
    """The first and the last day on which a thing is (None: open)."""

    valid_from: Mapped[date | None]
    valid_to: Mapped[date | None]


class Division(Dated, Base):
    """An administrative division; a code is valid from and to a day (None: open)."""

    __tablename__ = "division"

    code: Mapped[str] = mapped_column(String(6), primary_key=True)
    name: Mapped[str] = mapped_column(NAME)
    level: Mapped[str] = mapped_column(String(20))
    parent_code: Mapped[str | None] = mapped_column(ForeignKey("division.code"))
    replaced_by: Mapped[str | None] = mapped_column(String(6))


class Unit(Coded, Dated, Base):
    """A department or body. `level`: region, city or county.

    A body closed by an institutional reform stays, with its last day and its successor.
    """

    __tablename__ = "unit"

    aliases: Mapped[list[Any]] = json_column(default=list)
    uscc: Mapped[str | None] = mapped_column(String(18), index=True)
    division_code: Mapped[str] = mapped_column(ForeignKey("division.code"), index=True)
    level: Mapped[str] = mapped_column(String(20))
    kind: Mapped[str | None] = mapped_column(String(20))
    parent_code: Mapped[str | None] = coded_reference("unit.code", optional=True)
    replaced_by: Mapped[str | None] = coded_reference("unit.code", optional=True)


class Person(Coded, Base):
    """Somebody who answers for something. Name and masked phone are kept here and nowhere else."""

    __tablename__ = "person"

    unit_code: Mapped[str] = coded_reference("unit.code")
    phone: Mapped[str] = mapped_column(String(30), default="")
