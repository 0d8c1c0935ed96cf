"""Pages of the register's lists, narrowed to a unit, a city, a state."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, NamedTuple

from sqlalchemy import Select, select

from yunzhang.db import Base, Session
from yunzhang.db.paging import Asked, Slice, read_page
from yunzhang.estate.repository import MODELS
from yunzhang.estate.workbooks.sheets import BY_KEY
from yunzhang.units.models import Unit


class Narrowing(NamedTuple):
    """What a list is narrowed to. `division`: the leading digits of a division's code.

    `quality`: data quality at most this; what was never measured is not among them.
    """

    unit: str | None = None
    division: str | None = None
    state: str | None = None
    quality: int | None = None


def list_query(sheet: str, narrowing: Narrowing) -> Select[Any]:
    """The rows of a noun that are asked for, unsorted."""
    model = MODELS[sheet]
    query = select(model)
    if narrowing.state:
        query = query.where(model.state == narrowing.state)
    if narrowing.quality is not None:
        query = query.where(model.data_quality <= narrowing.quality)
    if narrowing.unit or narrowing.division:
        query = query.where(_owned(model, _units(narrowing)))
    return query


def _units(narrowing: Narrowing) -> Any:
    query = select(Unit.code)
    if narrowing.unit:
        query = query.where(Unit.code == narrowing.unit)
    if narrowing.division:
        query = query.where(Unit.division_code.startswith(narrowing.division, autoescape=True))
    return query


def _owned(model: Any, units: Any) -> Any:
    if model is Unit:
        return Unit.code.in_(units)
    if "unit_code" in model.__table__.c:
        return model.unit_code.in_(units)
    through = getattr(model, model.owned_through)
    (target,) = through.property.columns[0].foreign_keys
    owner = next(
        each.class_ for each in Base.registry.mappers if each.local_table is target.column.table
    )
    return through.in_(select(owner.code).where(_owned(owner, units)))


def page_rows(
    session: Session, sheet: str, narrowing: Narrowing, asked: Asked, reader: Hashable
) -> tuple[Slice, int | None]:
    """One page of a noun's rows by key, and how many there are for `reader` (None: untold)."""
    query = list_query(sheet, narrowing)
    columns = [getattr(MODELS[sheet], name) for name in BY_KEY[sheet].identity]
    return read_page(session, query, columns, asked, reader)
