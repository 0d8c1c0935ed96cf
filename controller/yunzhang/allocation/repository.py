"""Queries on pools, allocations and the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import func, select, update

from yunzhang.allocation.models import (
    Allocation,
    AllocationAmount,
    LedgerEntry,
    Pool,
    PoolCounter,
)
from yunzhang.db import Session


def find_pool(session: Session, cloud: str) -> Pool | None:
    """The pool of a cloud."""
    return session.scalar(select(Pool).where(Pool.cloud == cloud))


def list_counters(session: Session, pool_id: int | None = None) -> Sequence[PoolCounter]:
    """Counters of one pool or of all, by pool and class."""
    query = select(PoolCounter).order_by(PoolCounter.pool_id, PoolCounter.resource_class)
    return session.scalars(
        query if pool_id is None else query.where(PoolCounter.pool_id == pool_id)
    ).all()


def move_counter(
    session: Session, pool_id: int, resource_class: str, *, held: int, committed: int
) -> bool:
    """Add to a counter in one conditional statement; False when the capacity does not allow it.

    Giving back is always allowed, also in a pool that shrank below what was promised.
    """
    grows = held + committed > 0
    statement = update(PoolCounter).where(
        PoolCounter.pool_id == pool_id,
        PoolCounter.resource_class == resource_class,
        PoolCounter.held + held >= 0,
        PoolCounter.committed + committed >= 0,
    )
    if grows:
        statement = statement.where(
            PoolCounter.held + PoolCounter.committed + held + committed <= PoolCounter.capacity
        )
    result = session.execute(
        statement.values(
            held=PoolCounter.held + held, committed=PoolCounter.committed + committed
        ).execution_options(synchronize_session=False)
    )
    return bool(result.rowcount == 1)  # type: ignore[attr-defined]


def find_allocation(session: Session, origin: str) -> Allocation | None:
    """The allocation an act placed."""
    return session.scalar(select(Allocation).where(Allocation.origin == origin))


def list_allocations(session: Session, prefix: str = "") -> Sequence[Allocation]:
    """Allocations whose origin begins with `prefix`, in the order they were placed."""
    return session.scalars(
        select(Allocation)
        .where(Allocation.origin.startswith(prefix, autoescape=True))
        .order_by(Allocation.id)
    ).all()


def amounts_of(session: Session, allocation_id: int) -> dict[str, int]:
    """Class → amount of an allocation."""
    rows = session.execute(
        select(AllocationAmount.resource_class, AllocationAmount.amount).where(
            AllocationAmount.allocation_id == allocation_id
        )
    )
    return {row.resource_class: row.amount for row in rows}


def sum_ledger(session: Session) -> Mapping[tuple[int, str], tuple[int, int]]:
    """(pool, class) → (held, committed) as the ledger's entries add up."""
    rows = session.execute(
        select(
            LedgerEntry.pool_id,
            LedgerEntry.resource_class,
            func.sum(LedgerEntry.held),
            func.sum(LedgerEntry.committed),
        ).group_by(LedgerEntry.pool_id, LedgerEntry.resource_class)
    )
    return {(pool, name): (int(held), int(done)) for pool, name, held, done in rows}


def sum_allocations(session: Session) -> Mapping[tuple[int, str, str], int]:
    """(pool, class, state) → amount over all allocations."""
    rows = session.execute(
        select(
            Allocation.pool_id,
            AllocationAmount.resource_class,
            Allocation.state,
            func.sum(AllocationAmount.amount),
        )
        .join(AllocationAmount, AllocationAmount.allocation_id == Allocation.id)
        .group_by(Allocation.pool_id, AllocationAmount.resource_class, Allocation.state)
    )
    return {(pool, name, state): int(total) for pool, name, state, total in rows}


def sum_by_unit(session: Session) -> Mapping[tuple[str, str, str], int]:
    """(unit, state, class) → amount."""
    rows = session.execute(
        select(
            Allocation.unit,
            Allocation.state,
            AllocationAmount.resource_class,
            func.sum(AllocationAmount.amount),
        )
        .join(AllocationAmount, AllocationAmount.allocation_id == Allocation.id)
        .group_by(Allocation.unit, Allocation.state, AllocationAmount.resource_class)
    )
    return {(unit, state, name): int(total) for unit, state, name, total in rows}
