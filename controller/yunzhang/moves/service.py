"""Rules of waves: start, pause, resume, cancel, roll back, accept.

What changes clouds is done by playbooks; `moves.execution` walks a wave through them.
"""

from __future__ import annotations

from yunzhang import audit, clock, jobs, settings, texts
from yunzhang.allocation import service as allocation
from yunzhang.db import Session, advance
from yunzhang.errors import Conflict, NotFound
from yunzhang.moves import repository
from yunzhang.moves.models import Move, Step, Wave
from yunzhang.moves.states import (
    ACTIVE,
    MOVE_TRANSITIONS,
    PERISHABLE,
    ROLL_BACK,
    STEP_NAMES,
    STEP_TRANSITIONS,
    WAVE_TRANSITIONS,
)
from yunzhang.plans import documents_of_version
from yunzhang.plans import service as plans
from yunzhang.plans.models import TRANSITIONS as PLAN_TRANSITIONS
from yunzhang.plans.models import PlanVersion
from yunzhang.units.scope import Principal, doing

RUN_JOB = "wave-run"
UNDO_JOB = "wave-undo"


def get_wave(session: Session, plan: str, number: int) -> tuple[Wave, PlanVersion]:
    """A wave of the newest version of a plan that has begun or may begin.

    Raises NotFound `moves.unknown`.
    """
    version = plans.get_version(session, plan)
    wave = repository.find_wave(session, version.id, number)
    if wave is None:
        raise NotFound("moves.unknown", plan=plan, number=number)
    return wave, version


@doing("run")
def start_wave(session: Session, principal: Principal, plan: str, number: int) -> Wave:
    """Ask for a wave of an approved plan to be run, or resume one that was paused or failed.

    Raises Conflict `moves.not_approved`, `moves.earlier_open` or `moves.active`.
    """
    version = plans.get_version(session, plan)
    if version.state not in ("approved", "running"):
        raise Conflict("moves.not_approved", plan=plan, state=version.state)
    planned = {wave["number"]: wave for wave in version.content["waves"]}
    if number not in planned:
        raise NotFound("moves.unknown", plan=plan, number=number)
    for earlier in range(1, number):
        before = repository.find_wave(session, version.id, earlier)
        if before is None or before.state not in ("completed", "closed"):
            raise Conflict("moves.earlier_open", plan=plan, number=number, earlier=earlier)
    wave = repository.find_wave(session, version.id, number)
    if wave is None:
        wave = _make_wave(session, version, planned[number])
    elif wave.state in ACTIVE:
        raise Conflict("moves.active", plan=plan, number=number, state=wave.state)
    elif wave.state not in ("scheduled", "paused", "failed", "rolled_back"):
        raise Conflict("moves.over", plan=plan, number=number, state=wave.state)
    if wave.state == "rolled_back":
        _begin_anew(session, principal, wave, version)
    if wave.state in ("paused", "failed"):
        _prove_sources_again(session, wave)
    if version.state == "approved":
        advance(session, version, "running", PLAN_TRANSITIONS)
    advance(session, wave, "frozen", WAVE_TRANSITIONS, control="go", runs=wave.runs + 1, fault="")
    jobs.start(session, RUN_JOB, f"wave:{wave.id}:{wave.runs}", {"wave": wave.id})
    audit.record(session, principal, "run", "wave", wave.name, run=wave.runs)
    return wave


def _make_wave(session: Session, version: PlanVersion, planned: dict[str, object]) -> Wave:
    number = int(str(planned["number"]))
    wave = Wave(
        version_id=version.id,
        number=number,
        name=str(planned["name"]),
        state="scheduled",
        revision=1,
        control="go",
        runs=0,
        document=str(settings.current().plans / f"{version.name}-v{version.number}.yml"),
        fault="",
    )
    session.add(wave)
    session.flush()
    session.add_all(
        Step(wave_id=wave.id, name=name, state="pending", revision=1, tries=0, fault="", result={})
        for name in STEP_NAMES
    )
    units = {hold["server"]: hold["unit"] for hold in version.content["holds"]}
    servers = planned["servers"]
    session.add_all(
        Move(wave_id=wave.id, server=key, unit=units[key], state="planned", revision=1, facts={})
        for key in (servers if isinstance(servers, list) else [])
    )
    session.flush()
    documents_of_version.write(session, version, wave.document)
    return wave


def _begin_anew(session: Session, principal: Principal, wave: Wave, version: PlanVersion) -> None:
    """A wave that was rolled back starts from the beginning, and holds its capacity again."""
    holds = {hold["server"]: hold for hold in version.content["holds"]}
    for step in repository.steps_of(session, wave.id):
        if step.name != ROLL_BACK and step.state != "pending":
            advance(session, step, "pending", STEP_TRANSITIONS, fault="", result={})
    for move in repository.moves_of(session, wave.id):
        advance(session, move, "planned", MOVE_TRANSITIONS, facts={})
        allocation.place_hold(
            session,
            principal,
            cloud=version.content["build"]["target_cloud"],
            origin=plans.origin_of(version, move.server),
            unit=move.unit,
            amounts=holds[move.server]["amounts"],
        )
    advance(session, wave, "scheduled", WAVE_TRANSITIONS)


def _prove_sources_again(session: Session, wave: Wave) -> None:
    steps = {step.name: step for step in repository.steps_of(session, wave.id)}
    if steps["boot_targets"].state != "pending":
        return
    for name in PERISHABLE:
        if steps[name].state == "done":
            advance(session, steps[name], "pending", STEP_TRANSITIONS)


@doing("run")
def ask(session: Session, principal: Principal, plan: str, number: int, control: str) -> Wave:
    """Ask a running wave to `pause` at the next step, or to `cancel` now."""
    wave, _ = get_wave(session, plan, number)
    if wave.state not in ACTIVE:
        raise Conflict("moves.inactive", plan=plan, number=number, state=wave.state)
    wave.control = control
    audit.record(session, principal, control, "wave", wave.name)
    return wave


@doing("run")
def roll_back(session: Session, principal: Principal, plan: str, number: int) -> Wave:
    """Ask for everything a wave did to be undone. Not possible once a workload is accepted."""
    wave, version = get_wave(session, plan, number)
    if wave.state in ACTIVE:
        raise Conflict("moves.active", plan=plan, number=number, state=wave.state)
    if any(move.state == "accepted" for move in repository.moves_of(session, wave.id)):
        raise Conflict("moves.accepted", plan=plan, number=number)
    for later in repository.waves_of(session, version.id):
        if later.number > number and later.state != "rolled_back":
            raise Conflict("moves.later_open", plan=plan, number=number, later=later.number)
    runs = wave.runs + 1
    advance(session, wave, "rolling_back", WAVE_TRANSITIONS, control="go", runs=runs, fault="")
    _reset_roll_back(session, wave)
    jobs.start(session, UNDO_JOB, f"wave:{wave.id}:{wave.runs}", {"wave": wave.id})
    audit.record(session, principal, "roll_back", "wave", wave.name, run=wave.runs)
    return wave


def _reset_roll_back(session: Session, wave: Wave) -> None:
    step = repository.find_step(session, wave.id, ROLL_BACK)
    if step is None:
        step = Step(
            wave_id=wave.id,
            name=ROLL_BACK,
            state="pending",
            revision=1,
            tries=0,
            fault="",
            result={},
        )
        session.add(step)
        session.flush()
    elif step.state != "pending":
        if step.state == "running":
            advance(session, step, "failed", STEP_TRANSITIONS)
        advance(session, step, "pending", STEP_TRANSITIONS, fault="", result={})


@doing("accept")
def accept_wave(session: Session, principal: Principal, plan: str, number: int) -> Wave:
    """Accept the validated workloads of a wave: what was held for them is theirs from now on.

    Raises Conflict `moves.not_validated` while one of them is not validated.
    """
    wave, version = get_wave(session, plan, number)
    moves = repository.moves_of(session, wave.id)
    late = [move.server for move in moves if move.state not in ("validated", "accepted")]
    if wave.state != "completed" or late:
        raise Conflict(
            "moves.not_validated",
            plan=plan,
            number=number,
            state=wave.state,
            late=texts.listed(late),
        )
    for move in moves:
        if move.state == "accepted":
            continue
        allocation.commit_hold(session, principal, plans.origin_of(version, move.server))
        advance(session, move, "accepted", MOVE_TRANSITIONS)
        audit.record(session, principal, "accept", "move", move.server, plan=plan)
    advance(session, wave, "closed", WAVE_TRANSITIONS)
    last = max(planned["number"] for planned in version.content["waves"])
    closed = [w for w in repository.waves_of(session, version.id) if w.state == "closed"]
    if len(closed) == last:
        advance(session, version, "completed", PLAN_TRANSITIONS)
    return wave


def end_wave(session: Session, wave: Wave, state: str, fault: str = "") -> None:
    """A wave comes to rest in `state`."""
    advance(
        session, wave, state, WAVE_TRANSITIONS, finished_at=clock.now(), fault=fault, control="go"
    )
