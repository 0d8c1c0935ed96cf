"""Lists of plans, waves, readings and the ledger, each a page with the total."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query

from yunzhang.access.dependencies import Asking, Overseeing, ReadingSession
from yunzhang.allocation.models import Allocation, PoolCounter
from yunzhang.allocation.schemas import AllocationRead, CounterRead
from yunzhang.allocation.service import TRANSITIONS as ALLOCATION_TRANSITIONS
from yunzhang.api import repository
from yunzhang.discovery.schemas import RunRead
from yunzhang.estate.endpoints import Code, Paging
from yunzhang.estate.pages import told_page
from yunzhang.estate.schemas import Page
from yunzhang.moves.endpoints import WaveId
from yunzhang.moves.models import Wave
from yunzhang.moves.schemas import ObjectRead, WaveRead
from yunzhang.moves.states import WAVE_TRANSITIONS
from yunzhang.plans.schemas import VersionRead
from yunzhang.units.scope import demand

router = APIRouter()

Name = Annotated[str | None, Query(max_length=80)]
Cloud = Annotated[str | None, Query(max_length=80, description="only in this cloud")]
Kind = Annotated[str | None, Query(max_length=40, description="only of this kind")]
WaveState = StrEnum("WaveState", {state: state for state in WAVE_TRANSITIONS})  # type: ignore[misc]
AllocationState = StrEnum(  # type: ignore[misc]
    "AllocationState", {state: state for state in ALLOCATION_TRANSITIONS}
)


@router.get("/plans", tags=["plans"], summary="Versions of plans")
def list_plans(
    *, session: ReadingSession, principal: Overseeing, asked: Paging, name: Name = None
) -> Page[VersionRead]:
    """One page of the versions of one plan or of all, newest first."""
    found = repository.page_versions(session, name, asked, principal)
    return told_page(found, asked, VersionRead.model_validate)


@router.get("/waves", tags=["waves"], summary="Waves")
def list_waves(
    *,
    session: ReadingSession,
    principal: Asking,
    asked: Paging,
    plan: Name = None,
    state: Annotated[WaveState | None, Query(description="only waves in this state")] = None,
) -> Page[WaveRead]:
    """One page of the waves that were ever asked for, newest first."""
    demand(principal, "read")
    found = repository.page_waves(session, plan, state, asked, principal)
    return told_page(found, asked, lambda row: _wave(*row))


def _wave(wave: Wave, plan: str, version: int) -> WaveRead:
    own = WaveRead.model_fields.keys() - {"plan", "version"}
    return WaveRead(plan=plan, version=version, **{name: getattr(wave, name) for name in own})


@router.get("/waves/{wave_id}/objects", tags=["waves"], summary="Cloud objects of a wave")
def list_objects(
    *,
    wave_id: WaveId,
    session: ReadingSession,
    principal: Asking,
    asked: Paging,
    kind: Kind = None,
    cloud: Cloud = None,
) -> Page[ObjectRead]:
    """One page of what a wave created or changed in clouds, in the order it was recorded."""
    demand(principal, "read")
    found = repository.page_objects(session, wave_id, kind, cloud, asked, principal)
    return told_page(found, asked, ObjectRead.model_validate)


@router.get("/discovery/runs", tags=["discovery"], summary="Readings of clouds")
def list_runs(
    *, session: ReadingSession, principal: Overseeing, asked: Paging, cloud: Cloud = None
) -> Page[RunRead]:
    """One page of the complete readings of one cloud or of all, newest first."""
    found = repository.page_runs(session, cloud, asked, principal)
    return told_page(found, asked, RunRead.model_validate)


@router.get("/ledger/pools", tags=["ledger"], summary="Pools")
def list_pools(
    *, session: ReadingSession, principal: Overseeing, asked: Paging, cloud: Cloud = None
) -> Page[CounterRead]:
    """One page of what the pools can hold and have promised, by cloud and resource class."""
    found = repository.page_counters(session, cloud, asked, principal)
    return told_page(found, asked, lambda row: _counter(*row))


def _counter(row: PoolCounter, cloud: str) -> CounterRead:
    return CounterRead(
        cloud=cloud,
        resource_class=row.resource_class,
        capacity=row.capacity,
        held=row.held,
        committed=row.committed,
        free=row.capacity - row.held - row.committed,
    )


@router.get("/ledger/allocations", tags=["ledger"], summary="Allocations")
def list_allocations(
    *,
    session: ReadingSession,
    principal: Asking,
    asked: Paging,
    unit: Code = None,
    state: Annotated[AllocationState | None, Query(description="only in this state")] = None,
    cloud: Cloud = None,
) -> Page[AllocationRead]:
    """One page of what units hold and were promised, newest first, with the amounts."""
    demand(principal, "read")
    found = repository.page_allocations(session, unit, state, cloud, asked, principal)
    amounts = repository.amounts_of(session, [row.id for row, _ in found[0].rows])
    return told_page(found, asked, lambda row: _allocation(row[0], row[1], amounts))


def _allocation(
    row: Allocation, cloud: str, amounts: Mapping[int, dict[str, int]]
) -> AllocationRead:
    own = AllocationRead.model_fields.keys() - {"cloud", "amounts"}
    return AllocationRead(
        cloud=cloud, amounts=amounts[row.id], **{name: getattr(row, name) for name in own}
    )
