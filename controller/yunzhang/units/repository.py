"""Queries of divisions and units."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from sqlalchemy import insert, select

from yunzhang.db import Session
from yunzhang.units.divisions import DivisionRow
from yunzhang.units.models import Division


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
