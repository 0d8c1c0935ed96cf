"""Lists of plans, waves, readings and the ledger, each a page with the total."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Query

from yunzhang.access.dependencies import Asking, Overseeing, ReadingSession
from yunzhang.allocation.schemas import AllocationRead, CounterRead
from yunzhang.allocation.service import TRANSITIONS as ALLOCATION_TRANSITIONS
from yunzhang.api import repository
from yunzhang.discovery.schemas import RunRead
from yunzhang.estate.endpoints import Code, Limit, Offset
from yunzhang.estate.schemas import Page
from yunzhang.moves.endpoints import WaveId
from yunzhang.moves.schemas import ObjectRead, WaveRead
from yunzhang.moves.states import WAVE_TRANSITIONS
from yunzhang.plans.schemas import VersionRead
from yunzhang.units.scope import demand

router = APIRouter()

Name = Annotated[str | None, Query(max_length=80)]
WaveState = StrEnum("WaveState", {state: state for state in WAVE_TRANSITIONS})  # type: ignore[misc]
AllocationState = StrEnum(  # type: ignore[misc]
    "AllocationState", {state: state for state in ALLOCATION_TRANSITIONS}
)


@router.get("/plans", tags=["plans"], summary="Versions of plans")
def list_plans(
    *,
    session: ReadingSession,
    principal: Overseeing,
    name: Name = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> Page[VersionRead]:
    """One page of the versions of one plan or of all, newest first."""
    total, rows = repository.page_versions(session, name, limit, offset)
    items = [VersionRead.model_validate(row) for row in rows]
    return Page(items=items, total=total, limit=limit, offset=offset)


@router.get("/waves", tags=["waves"], summary="Waves")
def list_waves(
    *,
    session: ReadingSession,
    principal: Asking,
    plan: Name = None,
    state: Annotated[WaveState | None, Query(description="only waves in this state")] = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> Page[WaveRead]:
    """One page of the waves that were ever asked for, newest first."""
    demand(principal, "read")
    total, rows = repository.page_waves(session, plan, state, limit, offset)
    items = [_wave(wave, name, number) for wave, name, number in rows]
    return Page(items=items, total=total, limit=limit, offset=offset)


def _wave(wave: Any, plan: str, version: int) -> WaveRead:
    own = WaveRead.model_fields.keys() - {"plan", "version"}
    return WaveRead(plan=plan, version=version, **{name: getattr(wave, name) for name in own})


@router.get("/waves/{wave_id}/objects", tags=["waves"], summary="Cloud objects of a wave")
def list_objects(
    *,
    wave_id: WaveId,
    session: ReadingSession,
    principal: Asking,
    limit: Limit = 100,
    offset: Offset = 0,
) -> Page[ObjectRead]:
    """One page of what a wave created or changed in clouds, in the order it was recorded."""
    demand(principal, "read")
    total, rows = repository.page_objects(session, wave_id, limit, offset)
    items = [ObjectRead.model_validate(row) for row in rows]
    return Page(items=items, total=total, limit=limit, offset=offset)


@router.get("/discovery/runs", tags=["discovery"], summary="Readings of clouds")
def list_runs(
    *,
    session: ReadingSession,
    principal: Overseeing,
    cloud: Name = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> Page[RunRead]:
    """One page of the complete readings of one cloud or of all, newest first."""
    total, rows = repository.page_runs(session, cloud, limit, offset)
    items = [RunRead.model_validate(row) for row in rows]
    return Page(items=items, total=total, limit=limit, offset=offset)


@router.get("/ledger/pools", tags=["ledger"], summary="Pools")
def list_pools(
    *, session: ReadingSession, principal: Overseeing, limit: Limit = 100, offset: Offset = 0
) -> Page[CounterRead]:
    """One page of what the pools can hold and have promised, by cloud and resource class."""
    total, rows = repository.page_counters(session, limit, offset)
    items = [
        CounterRead(
            cloud=cloud,
            resource_class=row.resource_class,
            capacity=row.capacity,
            held=row.held,
            committed=row.committed,
            free=row.capacity - row.held - row.committed,
        )
        for row, cloud in rows
    ]
    return Page(items=items, total=total, limit=limit, offset=offset)


@router.get("/ledger/allocations", tags=["ledger"], summary="Allocations")
def list_allocations(
    *,
    session: ReadingSession,
    principal: Asking,
    unit: Code = None,
    state: Annotated[AllocationState | None, Query(description="only in this state")] = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> Page[AllocationRead]:
    """One page of what units hold and were promised, newest first, with the amounts."""
    demand(principal, "read")
    total, rows = repository.page_allocations(session, unit, state, limit, offset)
    amounts = repository.amounts_of(session, [row.id for row, _ in rows])
    items = [
        AllocationRead(
            id=row.id,
            origin=row.origin,
            cloud=cloud,
            unit=row.unit,
            state=row.state,
            created_at=row.created_at,
            needed_from=row.needed_from,
            amounts=amounts[row.id],
        )
        for row, cloud in rows
    ]
    return Page(items=items, total=total, limit=limit, offset=offset)
