"""Queries of the API's lists: only the columns that are shown, a fixed number of statements."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import func, literal, select, union_all
from sqlalchemy.orm import defer

from yunzhang.allocation.models import Allocation, AllocationAmount, Pool, PoolCounter
from yunzhang.audit import AuditEntry, AuditSeal
from yunzhang.audit.repository import Filter, select_entries
from yunzhang.db import Session
from yunzhang.db.paging import Asked, Slice, read_page
from yunzhang.discovery.models import DiscoveryRun
from yunzhang.estate.models import CloudPlatform, InfoSystem, PrivateNetwork, Site
from yunzhang.moves.models import CloudObject, Wave
from yunzhang.plans.models import PlanVersion
from yunzhang.plays.models import PlayEvent
from yunzhang.units import scope
from yunzhang.units.models import Unit

# A page's rows, and how many there are in all (None: not asked for).
Found = tuple[Slice, int | None]
# States of items that were never verified, or are no longer there.
UNVERIFIED = ("draft", "submitted", "returned", "doubtful", "closed", "archived")
CATALOGUE = {
    "system": InfoSystem,
    "site": Site,
    "network": PrivateNetwork,
    "platform": CloudPlatform,
}


class Stream(NamedTuple):
    """The events of one attempt of a step: when they begin, how far they go."""

    step_id: str
    attempt: int
    begun: datetime
    last: int


def page_versions(session: Session, name: str | None, asked: Asked, reader: Hashable) -> Found:
    """Versions of one plan or of all, newest first, without their content."""
    query = select(PlanVersion).options(defer(PlanVersion.content, raiseload=True))
    if name:
        query = query.where(PlanVersion.name == name)
    return read_page(session, query, [PlanVersion.id], asked, reader, newest=True)


def page_waves(
    session: Session, plan: str | None, state: str | None, asked: Asked, reader: Hashable
) -> Found:
    """Waves with name and number of their plan's version, newest first."""
    query = select(Wave, PlanVersion.name, PlanVersion.number).join(
        PlanVersion, PlanVersion.id == Wave.version_id
    )
    if plan:
        query = query.where(PlanVersion.name == plan)
    if state:
        query = query.where(Wave.state == state)
    # of the plan, whom a wave was assigned learns the name
    with scope.unrestricted(session, PlanVersion):
        return read_page(session, query, [Wave.id], asked, reader, newest=True)


def page_objects(
    session: Session,
    wave_id: int,
    kind: str | None,
    cloud: str | None,
    asked: Asked,
    reader: Hashable,
) -> Found:
    """What a wave recorded, in the order it was recorded."""
    query = select(CloudObject).where(CloudObject.wave_id == wave_id)
    if kind:
        query = query.where(CloudObject.kind == kind)
    if cloud:
        query = query.where(CloudObject.cloud == cloud)
    return read_page(session, query, [CloudObject.id], asked, reader)


def page_runs(session: Session, cloud: str | None, asked: Asked, reader: Hashable) -> Found:
    """Readings of one cloud or of all, newest first."""
    query = select(DiscoveryRun)
    if cloud:
        query = query.where(DiscoveryRun.cloud == cloud)
    return read_page(session, query, [DiscoveryRun.id], asked, reader, newest=True)


def page_counters(session: Session, cloud: str | None, asked: Asked, reader: Hashable) -> Found:
    """Counters of all pools with the pool's cloud."""
    query = select(PoolCounter, Pool.cloud).join(Pool, Pool.id == PoolCounter.pool_id)
    if cloud:
        query = query.where(Pool.cloud == cloud)
    return read_page(session, query, [Pool.cloud, PoolCounter.resource_class], asked, reader)


def page_allocations(
    session: Session,
    unit: str | None,
    state: str | None,
    cloud: str | None,
    asked: Asked,
    reader: Hashable,
) -> Found:
    """Allocations with their pool's cloud, newest first."""
    query = select(Allocation, Pool.cloud).join(Pool, Pool.id == Allocation.pool_id)
    if unit:
        query = query.where(Allocation.unit == unit)
    if state:
        query = query.where(Allocation.state == state)
    if cloud:
        query = query.where(Pool.cloud == cloud)
    # of the pool, a unit learns the cloud its own allocations are in
    with scope.unrestricted(session, Pool):
        return read_page(session, query, [Allocation.id], asked, reader, newest=True)


def page_audit(session: Session, wanted: Filter, asked: Asked, reader: Hashable) -> Found:
    """Entries of the audit record with their block, newest first, without what they tell."""
    unread = (AuditEntry.before, AuditEntry.after, AuditEntry.details)
    query = select_entries(wanted).options(*(defer(each, raiseload=True) for each in unread))
    return read_page(session, query, [AuditEntry.id], asked, reader, newest=True)


def count_sealed(session: Session, most: int) -> int:
    """How many entries of the audit record are sealed, counted no further than `most`."""
    counted = select(AuditSeal.entry_id).limit(most).subquery()
    return session.scalar(select(func.count()).select_from(counted)) or 0


def amounts_of(session: Session, allocations: Sequence[int]) -> Mapping[int, dict[str, int]]:
    """Allocation → class → amount, in one query."""
    found: dict[int, dict[str, int]] = {identity: {} for identity in allocations}
    rows = session.execute(
        select(
            AllocationAmount.allocation_id,
            AllocationAmount.resource_class,
            AllocationAmount.amount,
        )
        .where(AllocationAmount.allocation_id.in_(allocations))
        .order_by(AllocationAmount.resource_class)
    )
    for identity, name, amount in rows:
        found[identity][name] = amount
    return found


def wave_progress(session: Session, wave_id: int) -> tuple[str, int] | None:
    """State of a wave and how often it was started."""
    row = session.execute(select(Wave.state, Wave.runs).where(Wave.id == wave_id)).one_or_none()
    return (row.state, row.runs) if row else None


def event_streams(session: Session, step_ids: Sequence[str]) -> Sequence[Stream]:
    """Attempts of these steps that have events, in the order they began."""
    begun = func.min(PlayEvent.at)
    rows = session.execute(
        select(PlayEvent.step_id, PlayEvent.attempt, begun, func.max(PlayEvent.counter))
        .where(PlayEvent.step_id.in_(step_ids))
        .group_by(PlayEvent.step_id, PlayEvent.attempt)
        .order_by(begun, PlayEvent.attempt, PlayEvent.step_id)
    )
    return [Stream(*row) for row in rows]


def events_after(session: Session, stream: Stream, counter: int, limit: int) -> Sequence[PlayEvent]:
    """Events of one attempt with counters above `counter`, in order, without their results."""
    return session.scalars(
        select(PlayEvent)
        .options(defer(PlayEvent.result, raiseload=True))
        .where(
            PlayEvent.step_id == stream.step_id,
            PlayEvent.attempt == stream.attempt,
            PlayEvent.counter > counter,
        )
        .order_by(PlayEvent.counter)
        .limit(limit)
    ).all()


def page_catalogue(
    session: Session,
    kind: str | None,
    unit: str | None,
    name: str | None,
    asked: Asked,
    reader: Hashable,
) -> Found:
    """Rows (kind, name, unit, purpose) of all units' verified items, by unit, kind and name."""
    own: Any
    parts = []
    for each, own in CATALOGUE.items():
        if kind not in (None, each):
            continue
        purpose = own.purpose if hasattr(own, "purpose") else literal("")
        columns = own.name.label("name"), Unit.name.label("unit"), purpose.label("purpose")
        told = select(literal(each).label("kind"), *columns, own.uid.label("uid"))
        told = told.join(Unit, Unit.code == own.unit_code).where(own.state.not_in(UNVERIFIED))
        if unit:
            told = told.where(Unit.code == unit)
        if name:
            told = told.where(own.name.contains(name, autoescape=True))
        parts.append(told)
    rows = union_all(*parts).subquery()
    query = select(rows.c.kind, rows.c.name, rows.c.unit, rows.c.purpose)
    with scope.unrestricted(session):
        # a cursor can be read by whom it is given, and a code is not of what the catalogue tells
        order = [rows.c.unit, rows.c.kind, rows.c.name, rows.c.uid]
        return read_page(session, query, order, asked, reader)
