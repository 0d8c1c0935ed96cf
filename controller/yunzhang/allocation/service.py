"""Promising capacity: hold, commit, release, each one transaction and one ledger entry a class."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from yunzhang import audit, clock
from yunzhang.allocation import repository
from yunzhang.allocation.models import (
    Allocation,
    AllocationAmount,
    LedgerEntry,
    Pool,
    PoolCounter,
)
from yunzhang.db import Session, Transitions, advance
from yunzhang.errors import Conflict, NotFound, Shortage
from yunzhang.units.scope import Principal, doing

TRANSITIONS: Transitions = {
    "held": frozenset({"committed", "released"}),
    "committed": frozenset({"closed"}),
    "released": frozenset({"held"}),
    "closed": frozenset(),
}


@doing("discover")
def sync_pool(
    session: Session, principal: Principal, cloud: str, capacity: Mapping[str, int]
) -> Pool:
    """Set what the pool of `cloud` can hold per class, as last observed.

    Capacity may fall below what was promised; then nothing more is promised until it recovers.
    """
    pool = repository.find_pool(session, cloud)
    if pool is None:
        pool = Pool(cloud=cloud)
        session.add(pool)
        session.flush()
    known = {c.resource_class: c for c in repository.list_counters(session, pool.id)}
    for name, amount in sorted(capacity.items()):
        if name in known:
            known[name].capacity = amount
        else:
            session.add(
                PoolCounter(
                    pool_id=pool.id, resource_class=name, capacity=amount, held=0, committed=0
                )
            )
    session.flush()
    audit.record(session, principal, "sync", "pool", cloud, capacity=dict(capacity))
    return pool


def _move(session: Session, allocation: Allocation, act: str, held: int, committed: int) -> None:
    # Sorted order: two grants that touch the same counters take their locks in the same order.
    for name, amount in sorted(repository.amounts_of(session, allocation.id).items()):
        if not repository.move_counter(
            session, allocation.pool_id, name, held=held * amount, committed=committed * amount
        ):
            raise _shortage(session, allocation.pool_id, name, amount)
        session.add(
            LedgerEntry(
                at=clock.now(),
                allocation_id=allocation.id,
                turn=allocation.revision,
                pool_id=allocation.pool_id,
                resource_class=name,
                act=act,
                held=held * amount,
                committed=committed * amount,
            )
        )
    session.flush()


def _shortage(session: Session, pool_id: int, name: str, amount: int) -> Shortage:
    pool = session.get_one(Pool, pool_id)
    for counter in repository.list_counters(session, pool_id):
        if counter.resource_class == name:
            session.refresh(counter)
            free = counter.capacity - counter.held - counter.committed
            return Shortage(
                "allocation.shortage",
                pool=pool.cloud,
                resource=name,
                need=amount,
                free=max(free, 0),
                missing=amount - max(free, 0),
            )
    return Shortage(
        "allocation.shortage", pool=pool.cloud, resource=name, need=amount, free=0, missing=amount
    )


def place_hold(
    session: Session,
    principal: Principal,
    *,
    cloud: str,
    origin: str,
    unit: str,
    amounts: Mapping[str, int],
    needed_from: datetime | None = None,
) -> Allocation:
    """Hold `amounts` (class → units of the class) for `unit`; the same origin holds only once.

    What was released under the origin is held again in its old amounts.

    Raises NotFound `allocation.pool_unknown` or Shortage `allocation.shortage` (the caller's
    transaction is then to be rolled back: nothing is held in part).
    """
    known = repository.find_allocation(session, origin)
    if known:
        if known.state == "released":
            advance(session, known, "held", TRANSITIONS)
            _move(session, known, "hold", held=1, committed=0)
            audit.record(session, principal, "hold", "allocation", origin, again=True)
        return known
    pool = repository.find_pool(session, cloud)
    if pool is None:
        raise NotFound("allocation.pool_unknown", cloud=cloud)
    allocation = Allocation(
        origin=origin,
        pool_id=pool.id,
        unit=unit,
        state="held",
        revision=1,
        created_at=clock.now(),
        needed_from=needed_from,
    )
    session.add(allocation)
    session.flush()
    session.add_all(
        AllocationAmount(allocation_id=allocation.id, resource_class=name, amount=amount)
        for name, amount in amounts.items()
        if amount > 0
    )
    session.flush()
    _move(session, allocation, "hold", held=1, committed=0)
    audit.record(session, principal, "hold", "allocation", origin, unit=unit, amounts=dict(amounts))
    return allocation


def commit_hold(session: Session, principal: Principal, origin: str) -> Allocation:
    """Turn what was held into what the unit holds. Doing it again changes nothing."""
    allocation = _get(session, origin)
    if allocation.state == "committed":
        return allocation
    advance(session, allocation, "committed", TRANSITIONS)
    _move(session, allocation, "commit", held=-1, committed=1)
    audit.record(session, principal, "commit", "allocation", origin, unit=allocation.unit)
    return allocation


def release_held(session: Session, principal: Principal, origins: Iterable[str]) -> int:
    """Give back those of `origins` that are still only held; what units hold stays theirs."""
    found = (repository.find_allocation(session, origin) for origin in origins)
    return release_holds(session, principal, [a.origin for a in found if a and a.state == "held"])


def release_holds(session: Session, principal: Principal, origins: Iterable[str]) -> int:
    """Give back what is still held; how many allocations were released.

    Raises Conflict `allocation.not_held` for what was committed meanwhile.
    """
    released = 0
    for origin in sorted(origins):
        allocation = repository.find_allocation(session, origin)
        if allocation is None or allocation.state == "released":
            continue
        if allocation.state != "held":
            raise Conflict("allocation.not_held", origin=origin, state=allocation.state)
        advance(session, allocation, "released", TRANSITIONS)
        _move(session, allocation, "release", held=-1, committed=0)
        audit.record(session, principal, "release", "allocation", origin)
        released += 1
    return released


def _get(session: Session, origin: str) -> Allocation:
    allocation = repository.find_allocation(session, origin)
    if allocation is None:
        raise NotFound("allocation.unknown", origin=origin)
    return allocation


def verify_ledger(session: Session) -> list[str]:
    """Compare ledger, counters and allocations; a line per mismatch, none when all agree."""
    ledger = repository.sum_ledger(session)
    allocations = repository.sum_allocations(session)
    faults = []
    for counter in repository.list_counters(session):
        place = (counter.pool_id, counter.resource_class)
        told = (
            allocations.get((*place, "held"), 0),
            allocations.get((*place, "committed"), 0),
        )
        counted = (counter.held, counter.committed)
        if not ledger.get(place, (0, 0)) == counted == told:
            faults.append(f"{place}: ledger {ledger.get(place)} counter {counted} told {told}")
    return faults
