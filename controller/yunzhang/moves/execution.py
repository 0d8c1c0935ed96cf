"""Walks a wave through its steps. Each function here is one durable step of the workflow:

at-least-once, so it finds out by looking what an earlier try has done.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from yunzhang import audit, clock, db, settings
from yunzhang.allocation import service as allocation
from yunzhang.clouds.intents import Intent
from yunzhang.clouds.makers.site import open_site
from yunzhang.clouds.specs import CloudSpec
from yunzhang.clouds.steps import STEPS as CLOUD_STEPS
from yunzhang.db import Session, advance
from yunzhang.moves import repository, service
from yunzhang.moves.facts import gather_facts, merge_facts
from yunzhang.moves.models import CloudObject, Step, Wave
from yunzhang.moves.states import (
    MOVE_ORDER,
    MOVE_TRANSITIONS,
    ROLL_BACK,
    STEP_TRANSITIONS,
    STEPS,
    TIDY,
    WAVE_TRANSITIONS,
    StepKind,
)
from yunzhang.plans import service as plans
from yunzhang.plans.models import TRANSITIONS as PLAN_TRANSITIONS
from yunzhang.plans.models import PlanVersion
from yunzhang.plays.results import PlayResult
from yunzhang.units.scope import SYSTEM

Verdict = Literal["go", "skip", "stop"]
# The kind of objects that `tidy` takes away.
TEMPORARY = "temporary"
KINDS: dict[str, StepKind] = {kind.name: kind for kind in STEPS}


@dataclass(frozen=True, slots=True)
class PlayOrder:
    """What is to be played for a step: playbook, variables, and the step's identity."""

    step_id: str
    playbook: str
    variables: dict[str, Any]
    attempt: int


def begin_step(wave_id: int, name: str) -> Verdict:
    """Open a step, unless it is done or a person asked the wave to pause or cancel."""
    with db.transaction() as session:
        wave = session.get_one(Wave, wave_id)
        step = _step(session, wave_id, name)
        if step.state == "done":
            return "skip"
        if wave.control in ("pause", "cancel"):
            service.end_wave(session, wave, "paused" if wave.control == "pause" else "cancelled")
            return "stop"
        wanted = KINDS[name].wave_state
        if wave.state != wanted:
            begun = wave.started_at or clock.now()
            advance(session, wave, wanted, WAVE_TRANSITIONS, started_at=begun, finished_at=None)
        if step.state != "running":
            advance(
                session,
                step,
                "running",
                STEP_TRANSITIONS,
                started_at=clock.now(),
                finished_at=None,
                tries=step.tries + 1,
                fault="",
                messages=[],
                message_count=0,
            )
        return "go"


def record_intents(wave_id: int, name: str) -> int:
    """Ask the clouds what the step is about to create or change, and record it before it does.

    What stands in the record already keeps the state it had before the first try.
    """
    with db.reading() as session:
        wave = session.get_one(Wave, wave_id)
        spec = wave_spec(session, wave)
    intents = intend(name, spec)
    with db.transaction() as session:
        wave = session.get_one(Wave, wave_id)
        for intent in intents:
            _record(session, wave, name, intent)
    return len(intents)


def intend(name: str, spec: CloudSpec) -> list[Intent]:
    """What a step would create or change now; reads both clouds."""
    step = CLOUD_STEPS[name]
    if not step.changes:
        return []
    return step.intend(open_site(spec))


def _record(session: Session, wave: Wave, step: str, intent: Intent) -> None:
    known = repository.find_object(session, wave.version_id, intent.cloud, intent.kind, intent.key)
    if known is not None and known.undone_at is None:
        return
    row = known or CloudObject(
        version_id=wave.version_id, cloud=intent.cloud, kind=intent.kind, key=intent.key
    )
    row.wave_id, row.step, row.act = wave.id, step, intent.act
    row.project, row.name, row.external_id = intent.project, intent.name, intent.id
    row.before, row.recorded_at = intent.before, clock.now()
    row.made_at = row.undone_at = None
    session.add(row)


def order_play(wave_id: int, name: str) -> PlayOrder:
    """What to play for a step that was begun."""
    with db.transaction() as session:
        wave = session.get_one(Wave, wave_id)
        step = _step(session, wave_id, name)
        variables = {"plan": wave.document, "wave": wave.number, **_variables(session, wave, name)}
        return PlayOrder(
            step_id=f"wave-{wave_id}-{name}",
            playbook=f"{name}.yml",
            variables=variables,
            attempt=step.tries,
        )


def _variables(session: Session, wave: Wave, name: str) -> dict[str, Any]:
    if name != ROLL_BACK:
        return {}
    path = settings.current().state / "runs" / f"wave-{wave.id}-run-{wave.runs}-record.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = repository.objects_to_undo(session, wave.id)
    path.write_text(json.dumps([as_intent(row).model_dump(mode="json") for row in reversed(rows)]))
    return {"record": str(path)}


def retry_step(wave_id: int, name: str) -> None:
    """Count another try of a step whose play was interrupted."""
    with db.transaction() as session:
        step = _step(session, wave_id, name)
        advance(session, step, "running", STEP_TRANSITIONS, tries=step.tries + 1)


def settle_step(wave_id: int, name: str, result: PlayResult) -> bool:
    """Write down how a step ended; whether the wave may go on."""
    with db.transaction() as session:
        wave = session.get_one(Wave, wave_id)
        step = _step(session, wave_id, name)
        if step.state == "done":
            return True
        returned = merge_results(result)
        _note_made(session, wave, returned.get("made", []))
        _note_facts(session, wave, name, returned)
        if name == TIDY and result.is_successful:
            _note_tidied(session, wave)
        if result.is_successful:
            _finish(session, wave, step, returned)
            return True
        fault = describe(result)
        stopped = result.status == "canceled" and wave.control == "cancel"
        advance(
            session,
            step,
            "stopped" if stopped else "failed",
            STEP_TRANSITIONS,
            finished_at=clock.now(),
            fault=fault,
            result=returned,
        )
        service.end_wave(session, wave, "cancelled" if stopped else "failed", fault)
        audit.record(session, SYSTEM, "fail", "step", f"{wave.name}/{name}", fault=fault)
        return False


def _finish(session: Session, wave: Wave, step: Step, returned: dict[str, Any]) -> None:
    advance(
        session, step, "done", STEP_TRANSITIONS, finished_at=clock.now(), result=returned, fault=""
    )
    state = KINDS[step.name].move_state
    if state:
        for move in repository.moves_of(session, wave.id):
            # a step gone through again does not take a move back
            if MOVE_ORDER.index(move.state) < MOVE_ORDER.index(state):
                advance(session, move, state, MOVE_TRANSITIONS)
    audit.record(session, SYSTEM, "finish", "step", f"{wave.name}/{step.name}")


def fail_step(wave_id: int, name: str, reason: str) -> None:
    """A step failed before or beside its play: a cloud could not be read, a playbook not started.

    A wave that was settled already stays as it is.
    """
    with db.transaction() as session:
        wave = session.get_one(Wave, wave_id)
        step = _step(session, wave_id, name)
        if step.state != "running":
            return
        advance(session, step, "failed", STEP_TRANSITIONS, finished_at=clock.now(), fault=reason)
        service.end_wave(session, wave, "needs_operator" if name == ROLL_BACK else "failed", reason)
        audit.record(session, SYSTEM, "fail", "step", f"{wave.name}/{name}", fault=reason)


def complete_wave(wave_id: int) -> None:
    """All steps are done: the wave is completed and waits for acceptance."""
    with db.transaction() as session:
        wave = session.get_one(Wave, wave_id)
        if wave.state != "completed":
            service.end_wave(session, wave, "completed")


def begin_roll_back(wave_id: int) -> Verdict:
    """Open the undoing of a wave."""
    with db.transaction() as session:
        step = _step(session, wave_id, ROLL_BACK)
        if step.state == "done":
            return "skip"
        if step.state != "running":
            advance(
                session,
                step,
                "running",
                STEP_TRANSITIONS,
                started_at=clock.now(),
                tries=step.tries + 1,
            )
        return "go"


def settle_roll_back(wave_id: int, result: PlayResult) -> bool:
    """Write down what was undone; holds are given back once all of it was."""
    with db.transaction() as session:
        wave = session.get_one(Wave, wave_id)
        step = _step(session, wave_id, ROLL_BACK)
        if step.state == "done":
            return True
        returned = merge_results(result)
        if not result.is_successful:
            fault = describe(result)
            advance(session, step, "failed", STEP_TRANSITIONS, finished_at=clock.now(), fault=fault)
            service.end_wave(session, wave, "needs_operator", fault)
            return False
        _note_undone(session, wave, returned.get("undone", []))
        moves = repository.moves_of(session, wave.id)
        for move in moves:
            if move.state != "rolled_back":
                advance(session, move, "rolled_back", MOVE_TRANSITIONS)
        version = session.get_one(PlanVersion, wave.version_id)
        origins = [plans.origin_of(version, move.server) for move in moves]
        allocation.release_held(session, SYSTEM, origins)
        advance(session, step, "done", STEP_TRANSITIONS, finished_at=clock.now(), result=returned)
        service.end_wave(session, wave, "rolled_back")
        if all(w.state == "rolled_back" for w in repository.waves_of(session, version.id)):
            advance(session, version, "approved", PLAN_TRANSITIONS)
        audit.record(session, SYSTEM, "rolled_back", "wave", wave.name)
        return True


def _note_undone(session: Session, wave: Wave, undone: list[dict[str, Any]]) -> None:
    """What other waves still stand on is theirs from now on, and goes when they are undone."""
    kept = {(item["kind"], item["key"]) for item in undone if item["outcome"] == "kept"}
    standing = [
        other
        for other in repository.waves_of(session, wave.version_id)
        if other.id != wave.id and other.state != "rolled_back"
    ]
    for row in repository.objects_to_undo(session, wave.id):
        if (row.kind, row.key) in kept and standing:
            row.wave_id = standing[0].id
        else:
            row.undone_at = clock.now()


def note_messages(wave_id: int, name: str, count: int, last: list[str]) -> None:
    """Keep what a step at work said last, for people who watch; `count` is of all it said."""
    with db.transaction() as session:
        repository.keep_messages(session, wave_id, name, count, last)


def should_stop(wave_id: int) -> bool:
    """Whether a person asked for the wave to be cancelled now."""
    with db.reading() as session:
        return session.get_one(Wave, wave_id).control == "cancel"


# -- helpers ------------------------------------------------------------------------------------


def _step(session: Session, wave_id: int, name: str) -> Step:
    step = repository.find_step(session, wave_id, name)
    assert step is not None, f"wave {wave_id} was made without step {name}"  # noqa: S101
    return step


def wave_spec(session: Session, wave: Wave) -> CloudSpec:
    """What the wave builds."""
    version = session.get_one(PlanVersion, wave.version_id)
    planned = next(w for w in version.content["waves"] if w["number"] == wave.number)
    spec = CloudSpec.model_validate(version.content["build"])
    return spec.for_servers(frozenset(planned["servers"]))


def as_intent(row: CloudObject) -> Intent:
    """A recorded row as the intent it was."""
    return Intent(
        cloud=row.cloud,
        kind=row.kind,
        key=row.key,
        act="change" if row.act == "change" else "create",
        project=row.project,
        name=row.name,
        id=row.external_id,
        before=row.before,
    )


def merge_results(result: PlayResult) -> dict[str, Any]:
    """What the modules of a play returned, as one: lists joined, other values by name."""
    merged: dict[str, Any] = {}
    for returned in result.results.values():
        for name, value in returned.items():
            if name.startswith("_") or name in ("changed", "failed", "msg", "invocation"):
                continue
            if isinstance(value, list):
                merged.setdefault(name, []).extend(value)
            else:
                merged[name] = value
    return merged


def describe(result: PlayResult) -> str:
    """Why a play did not succeed, for people."""
    told = "\n".join(f"{f['task']}: {f['message']}" for f in result.failures)
    return told or result.status


def _note_made(session: Session, wave: Wave, made: list[dict[str, Any]]) -> None:
    for item in made:
        row = repository.find_object(
            session, wave.version_id, item["cloud"], item["kind"], item["key"]
        )
        if row is not None:
            row.external_id, row.made_at = item["id"], clock.now()


def _note_tidied(session: Session, wave: Wave) -> None:
    for row in repository.objects_to_undo(session, wave.id):
        if row.kind == TEMPORARY:
            row.undone_at = clock.now()


def _note_facts(session: Session, wave: Wave, name: str, returned: dict[str, Any]) -> None:
    found = gather_facts(name, returned.get("made", []), clock.now())
    for move in repository.moves_of(session, wave.id):
        if move.server in found:
            move.facts = merge_facts(move.facts, found[move.server])
