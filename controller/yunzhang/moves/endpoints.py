"""Reading one wave over HTTP. Lists stand in `api.lists`, live events in `api.events`."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path

from yunzhang.access.dependencies import Asking, ReadingSession
from yunzhang.errors import NotFound
from yunzhang.moves import repository, schemas
from yunzhang.moves.models import Move, Wave
from yunzhang.plans.models import PlanVersion
from yunzhang.units import scope
from yunzhang.units.scope import demand

router = APIRouter(prefix="/waves", tags=["waves"])

WaveId = Annotated[int, Path(ge=1, le=2**63 - 1, description="the wave's identifier")]


@router.get("/{wave_id}", summary="One wave")
def get_wave(wave_id: WaveId, session: ReadingSession, principal: Asking) -> schemas.WaveDetail:
    """A wave with its steps, and every workload's addresses, state and facts."""
    demand(principal, "read")
    wave = session.get(Wave, wave_id)
    if wave is None:
        raise NotFound("api.wave_unknown", wave=wave_id)
    # whom the wave was assigned needs of its plan what concerns the wave, and is told no more
    with scope.unrestricted(session, PlanVersion):
        version = session.get_one(PlanVersion, wave.version_id)
    servers = {server["key"]: server for server in version.content["build"]["servers"]}
    steps = repository.steps_of(session, wave_id)
    moves = repository.moves_of(session, wave_id)
    return schemas.WaveDetail(
        id=wave.id,
        plan=version.name,
        version=version.number,
        number=wave.number,
        name=wave.name,
        state=wave.state,
        control=wave.control,
        runs=wave.runs,
        started_at=wave.started_at,
        finished_at=wave.finished_at,
        fault=wave.fault,
        steps=[schemas.StepRead.model_validate(step) for step in steps],
        moves=[_move(move, servers[move.server]) for move in moves],
    )


def _move(move: Move, server: dict[str, Any]) -> schemas.MoveRead:
    return schemas.MoveRead(
        server=move.server,
        unit=move.unit,
        state=move.state,
        old_addresses=[a for nic in server["nics"] for a in nic["old_addresses"]],
        new_addresses=[a for nic in server["nics"] for _, a in nic["addresses"]],
        facts=move.facts or {},
    )
