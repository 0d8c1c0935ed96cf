"""Queries on findings."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, select, text

from yunzhang.db import Session
from yunzhang.db.locks import Lock
from yunzhang.discovery.models import Finding, UnitComparison
from yunzhang.discovery.repository import CHUNK


@dataclass(frozen=True, slots=True)
class Filter:
    """Which findings; None: any."""

    state: str | None = None
    kind: str | None = None
    code: str | None = None
    unit: str | None = None
    source: str | None = None
    field: str | None = None


def lock(session: Session) -> None:
    """Let one reconciliation or decision write at a time; released with the transaction."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": Lock.RECONCILE})


def unresolved(session: Session) -> Sequence[Finding]:
    """All findings that still stand, decided or not."""
    return session.scalars(select(Finding).where(Finding.state != "resolved")).all()


def by_keys(session: Session, keys: Collection[str]) -> Iterator[Finding]:
    """Findings with one of these keys."""
    ordered = sorted(keys)
    for start in range(0, len(ordered), CHUNK):
        chunk = ordered[start : start + CHUNK]
        yield from session.scalars(select(Finding).where(Finding.key.in_(chunk)))


def get(session: Session, finding_id: int) -> Finding | None:
    """A finding."""
    return session.scalar(select(Finding).where(Finding.id == finding_id))


def _chosen(which: Filter) -> Any:
    query = select(Finding)
    for column, value in (
        (Finding.state, which.state),
        (Finding.kind, which.kind),
        (Finding.code, which.code),
        (Finding.unit_code, which.unit),
        (Finding.source, which.source),
    ):
        if value is not None:
            query = query.where(column == value)
    return query


def page(
    session: Session, which: Filter, *, limit: int, offset: int
) -> tuple[int, Sequence[Finding]]:
    """How many findings there are, and one page of them, by number; `field` is passed over."""
    query = _chosen(which)
    total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    rows = session.scalars(query.order_by(Finding.id).limit(limit).offset(offset))
    return total, rows.all()


def chosen(session: Session, which: Filter) -> Sequence[Finding]:
    """All findings of a filter, by number; of `field`: those that differ in that field alone."""
    rows = session.scalars(_chosen(which).order_by(Finding.id)).all()
    if which.field is None:
        return rows
    return [row for row in rows if [d.get("field") for d in row.details] == [which.field]]


def counts(session: Session) -> dict[str, int]:
    """Kind → open findings."""
    rows = session.execute(
        select(Finding.kind, func.count()).where(Finding.state == "open").group_by(Finding.kind)
    )
    return {row[0]: row[1] for row in rows}


def comparisons(session: Session, units: Collection[str] | None = None) -> Sequence[UnitComparison]:
    """What was compared of each unit, or of some, by unit."""
    query = select(UnitComparison).order_by(UnitComparison.unit_code)
    if units is not None:
        query = query.where(UnitComparison.unit_code.in_(sorted(units)))
    return session.scalars(query).all()


def count_comparisons(session: Session) -> int:
    """Of how many units something was compared."""
    return session.scalar(select(func.count(UnitComparison.unit_code))) or 0


def compared_units(session: Session, *, limit: int, offset: int) -> Sequence[str]:
    """One page of the units something was compared of, by code."""
    query = select(UnitComparison.unit_code).order_by(UnitComparison.unit_code)
    return session.scalars(query.limit(limit).offset(offset)).all()


def forget_comparisons(session: Session, units: Collection[str]) -> None:
    """Units nothing is compared of any more."""
    session.execute(delete(UnitComparison).where(UnitComparison.unit_code.in_(sorted(units))))


def settled_details(
    session: Session, units: Collection[str] | None = None
) -> Iterator[tuple[str | None, Any]]:
    """Unit and details of every difference that was decided and still stands."""
    query = select(Finding.unit_code, Finding.details).where(
        Finding.kind == "differs", Finding.state.in_(["settled", "excepted"])
    )
    if units is not None:
        query = query.where(Finding.unit_code.in_(sorted(units)))
    for row in session.execute(query):
        yield row.unit_code, row.details
