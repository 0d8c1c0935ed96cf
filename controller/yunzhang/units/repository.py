"""Queries of divisions and units."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict

from sqlalchemy import func, insert, select

from yunzhang.db import Session
from yunzhang.units.divisions import DivisionRow
from yunzhang.units.models import Division, Unit


def division_rows(session: Session) -> list[DivisionRow]:
    """All divisions that the database knows."""
    return [
        DivisionRow(
            code=row.code,
            name=row.name,
            level=row.level,
            parent_code=row.parent_code,
            valid_from=row.valid_from,
            valid_to=row.valid_to,
            replaced_by=row.replaced_by,
        )
        for row in session.scalars(select(Division).order_by(Division.code))
    ]


def insert_divisions(session: Session, rows: Iterable[DivisionRow]) -> None:
    """Add divisions, parents first."""
    values = [asdict(row) for row in rows]
    if values:
        session.execute(insert(Division), values)


def page_units(
    session: Session, *, parent: str | None, limit: int, offset: int
) -> tuple[Sequence[Unit], int]:
    """Units by code, and how many there are."""
    query = select(Unit)
    if parent:
        query = query.where(Unit.parent_code == parent)
    total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    return session.scalars(query.order_by(Unit.code).limit(limit).offset(offset)).all(), total
