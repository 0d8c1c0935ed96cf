"""Tables of divisions and units, and what every declared thing has in common."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from yunzhang.db import Base, identity, json_column

CODE = String(64)
NAME = String(200)


def coded_reference(target: str, *, optional: bool = False) -> Mapped[Any]:
    """A column that names another row by its business key.

    Checked when the transaction ends, so that a file may bring both ends in any order.
    """
    key = ForeignKey(target, deferrable=True, initially="DEFERRED")
    return mapped_column(CODE, key, index=True, nullable=optional)


class Recorded:
    """Columns of everything that units declare. `revision` counts changes (compare-and-set).

    `reasons`: why it was returned, column → what is wrong; None when it was not.
    """

    id: Mapped[int] = identity()
    state: Mapped[str] = mapped_column(String(20), default="draft")
    revision: Mapped[int] = mapped_column(default=1)
    reasons: Mapped[Any] = json_column(nullable=True)
    note: Mapped[str] = mapped_column(Text, default="")
    batch_id: Mapped[int | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Coded(Recorded):
    """A declared thing with a business key (编号) and a name."""

    code: Mapped[str] = mapped_column(CODE, unique=True)
    name: Mapped[str] = mapped_column(NAME)


class Division(Base):
    """An administrative division; a code is valid from and to a day (None: open)."""

    __tablename__ = "division"

    code: Mapped[str] = mapped_column(String(6), primary_key=True)
    name: Mapped[str] = mapped_column(NAME)
    level: Mapped[str] = mapped_column(String(20))
    parent_code: Mapped[str | None] = mapped_column(ForeignKey("division.code"))
    valid_from: Mapped[date | None]
    valid_to: Mapped[date | None]
    replaced_by: Mapped[str | None] = mapped_column(String(6))


class Unit(Coded, Base):
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
    valid_from: Mapped[date | None]
    valid_to: Mapped[date | None]
    replaced_by: Mapped[str | None] = coded_reference("unit.code", optional=True)


class Person(Coded, Base):
    """Somebody who answers for something. Name and masked phone are kept here and nowhere else."""

    __tablename__ = "person"

    unit_code: Mapped[str] = coded_reference("unit.code")
    phone: Mapped[str] = mapped_column(String(30), default="")
