"""Queries of the reports: aggregates over the register, the moves and the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, Select, cast, func, select

from yunzhang.allocation.models import Allocation, AllocationAmount, Pool
from yunzhang.db import Session
from yunzhang.estate.models import Workload
from yunzhang.moves.models import Move
from yunzhang.units.models import Division, Unit

# Moves whose workload runs in the unified cloud.
MIGRATED = ("validated", "accepted")


def _declared(code: Any, name: Any) -> Select[Any]:
    """Sums of the declared workloads by `code`, with how many of them were moved."""
    moved = select(Move.server).where(Move.state.in_(MIGRATED)).distinct().subquery()
    return (
        select(
            code.label("place"),
            name.label("place_name"),
            func.count(Workload.id),
            func.coalesce(func.sum(Workload.vcpu), 0),
            func.coalesce(func.sum(Workload.ram_mib), 0),
            # each sum is wide enough; the sum of two columns of one row is not
            func.coalesce(func.sum(cast(Workload.disk_gib, BigInteger) + Workload.data_gib), 0),
            func.count(moved.c.server),
        )
        .select_from(Workload)
        .join(Unit, Unit.code == Workload.unit_code)
        .outerjoin(moved, moved.c.server == Workload.code)
    )


def totals_by_unit(session: Session, *, limit: int | None = None, offset: int = 0) -> Sequence[Any]:
    """(code, name, workloads, vCPU, MiB, GiB, migrated) of every unit with workloads, by code."""
    query = _declared(Unit.code, Unit.name).group_by("place", "place_name").order_by("place")
    return session.execute(query.limit(limit).offset(offset)).all()


def totals_by_city(session: Session) -> Sequence[Any]:
    """The same of every city (the region itself among them), by code."""
    city = func.substr(Unit.division_code, 1, 4) + "00"
    query = (
        _declared(city, Division.name)
        .join(Division, Division.code == city)
        .group_by("place", "place_name")
        .order_by("place")
    )
    return session.execute(query).all()


def total(session: Session) -> Any:
    """The same of the whole register, as one row without code and name."""
    rows = _declared(func.min(Unit.code), func.min(Unit.name))
    return session.execute(rows).one()


def count_units(session: Session) -> int:
    """How many units have workloads."""
    return session.scalar(select(func.count(Workload.unit_code.distinct()))) or 0


def ledger_of_units(
    session: Session, cloud: str, units: Sequence[str]
) -> Mapping[tuple[str, str, str], int]:
    """(unit, state, class) → amount in the pool of `cloud`."""
    rows = session.execute(
        select(
            Allocation.unit,
            Allocation.state,
            AllocationAmount.resource_class,
            func.sum(AllocationAmount.amount),
        )
        .join(AllocationAmount, AllocationAmount.allocation_id == Allocation.id)
        .join(Pool, Pool.id == Allocation.pool_id)
        .where(Pool.cloud == cloud, Allocation.unit.in_(units))
        .group_by(Allocation.unit, Allocation.state, AllocationAmount.resource_class)
    )
    return {(unit, state, name): int(amount) for unit, state, name, amount in rows}
