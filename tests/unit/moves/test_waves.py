"""Waves run in order, pause at steps, fail in peace, roll back and are accepted once.

The clouds and the plays are stood in for here: this is about control flow alone.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.estates import make_approved_plan
from tests.surveys import snapshot
from yunzhang import db, jobs
from yunzhang.access import service as access
from yunzhang.allocation import repository as allocations
from yunzhang.allocation import service as allocation
from yunzhang.clouds.intents import Intent
from yunzhang.clouds.specs import CloudSpec
from yunzhang.errors import Conflict, Forbidden
from yunzhang.moves import execution, repository, service
from yunzhang.moves.models import Wave
from yunzhang.moves.states import STEP_NAMES
from yunzhang.plans import repository as plan_repository
from yunzhang.plans import service as plans
from yunzhang.plays.results import PlayResult
from yunzhang.units.scope import SYSTEM

pytestmark = pytest.mark.usefixtures("running", "noon")

DONE = PlayResult(status="successful", rc=0)
BROKEN = PlayResult(
    status="failed", rc=2, failures=[{"host": "localhost", "task": "t", "message": "no quota"}]
)


@pytest.fixture(autouse=True)
def quiet_clouds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step intends to make one object of its own name."""

    def intend(name: str, spec: CloudSpec) -> list[Intent]:
        return [Intent(cloud=spec.target_cloud, kind="thing", key=name, act="create")]

    monkeypatch.setattr(execution, "intend", intend)


def _start(number: int = 1, *, waves: int = 1) -> int:
    with db.transaction() as session:
        if number == 1 and not plan_repository.versions_of(session, "demo"):
            make_approved_plan(session, snapshot(wave_limit=20 // waves - 7 * (waves - 1)))
        return service.start_wave(session, SYSTEM, "demo", number).id


def _play(wave: int, *, until: str | None = None, result: PlayResult = DONE) -> str:
    """Walk a wave as the workflow does; `result` is what step `until` gives."""
    for name in STEP_NAMES:
        verdict = execution.begin_step(wave, name)
        if verdict == "stop":
            return "stopped"
        if verdict == "skip":
            continue
        execution.record_intents(wave, name)
        given = result if name == until else DONE
        if not execution.settle_step(wave, name, given):
            return name
    execution.complete_wave(wave)
    return "completed"


def _state(wave: int) -> str:
    with db.reading() as session:
        return session.get_one(Wave, wave).state


def _accept(number: int = 1) -> None:
    with db.transaction() as session:
        service.accept_wave(session, access.principal_of(session, "wang"), "demo", number)


def test_wave_runs_to_the_end_and_acceptance_commits() -> None:
    wave = _start()
    assert _play(wave) == "completed"
    _accept()
    with db.reading() as session:
        assert {m.state for m in repository.moves_of(session, wave)} == {"accepted"}
        held = allocations.sum_by_unit(session)
        assert held["U-mib", "committed", "VCPU"] == 3
        assert allocation.verify_ledger(session) == []
        assert plans.get_version(session, "demo").state == "completed"


def test_intents_are_recorded_before_and_once() -> None:
    wave = _start()
    execution.begin_step(wave, "precheck")
    execution.record_intents(wave, "precheck")
    execution.record_intents(wave, "precheck")
    with db.reading() as session:
        (row,) = repository.objects_to_undo(session, wave)
        assert (row.step, row.made_at) == ("precheck", None)


def test_failed_step_is_tried_again_on_resume() -> None:
    wave = _start()
    assert _play(wave, until="create_volumes", result=BROKEN) == "create_volumes"
    assert _state(wave) == "failed"
    with db.reading() as session:
        assert "no quota" in session.get_one(Wave, wave).fault
    assert _start() == wave
    assert _play(wave) == "completed"


def test_sources_are_proven_again_when_a_wave_failed_before_boot() -> None:
    wave = _start()
    _play(wave, until="verify_disks", result=BROKEN)
    _start()
    with db.reading() as session:
        states = {step.name: step.state for step in repository.steps_of(session, wave)}
    assert states["create_volumes"] == "done"
    assert (states["stop_sources"], states["copy_disks"]) == ("pending", "pending")
    assert _play(wave) == "completed"


def test_pause_holds_before_the_next_step_and_resume_goes_on() -> None:
    wave = _start()
    execution.begin_step(wave, "precheck")
    with db.transaction() as session:
        service.ask(session, SYSTEM, "demo", 1, "pause")
    execution.settle_step(wave, "precheck", DONE)
    assert _play(wave) == "stopped"
    assert _state(wave) == "paused"
    _start()
    assert _play(wave) == "completed"


def test_cancelled_play_leaves_the_wave_cancelled() -> None:
    wave = _start()
    execution.begin_step(wave, "precheck")
    with db.transaction() as session:
        service.ask(session, SYSTEM, "demo", 1, "cancel")
    assert execution.should_stop(wave)
    assert not execution.settle_step(wave, "precheck", PlayResult(status="canceled"))
    assert _state(wave) == "cancelled"


def _roll_back(wave: int) -> None:
    with db.transaction() as session:
        service.roll_back(session, SYSTEM, "demo", 1)
    assert execution.begin_roll_back(wave) == "go"
    assert execution.settle_roll_back(wave, DONE)


def test_rollback_releases_holds_and_the_wave_can_run_anew() -> None:
    wave = _start()
    _play(wave, until="boot_targets", result=BROKEN)
    _roll_back(wave)
    assert _state(wave) == "rolled_back"
    with db.reading() as session:
        assert not repository.objects_to_undo(session, wave)
        assert allocations.sum_by_unit(session)["U-hrss", "released", "VCPU"] == 3
        assert plans.get_version(session, "demo").state == "approved"
    _start()
    assert _play(wave) == "completed"
    with db.reading() as session:
        assert allocations.sum_by_unit(session)["U-hrss", "held", "VCPU"] == 3


def test_failed_rollback_needs_an_operator_and_can_be_repeated() -> None:
    wave = _start()
    _play(wave)
    with db.transaction() as session:
        service.roll_back(session, SYSTEM, "demo", 1)
    execution.begin_roll_back(wave)
    assert not execution.settle_roll_back(wave, BROKEN)
    assert _state(wave) == "needs_operator"
    _roll_back(wave)
    assert _state(wave) == "rolled_back"


def test_accepted_wave_is_not_rolled_back() -> None:
    wave = _start()
    _play(wave)
    _accept()
    with db.transaction() as session, pytest.raises(Conflict):
        service.roll_back(session, SYSTEM, "demo", 1)


def test_unvalidated_wave_and_system_principal_cannot_accept() -> None:
    wave = _start()
    _play(wave, until="validate_targets", result=BROKEN)
    with pytest.raises(Conflict):
        _accept()
    with db.transaction() as session, pytest.raises(Forbidden):
        service.accept_wave(session, SYSTEM, "demo", 1)


def test_second_wave_waits_for_the_first() -> None:
    wave = _start(waves=2)
    with pytest.raises(Conflict, match="1"):
        _start(2)
    _play(wave)
    second = _start(2)
    assert second != wave
    with db.transaction() as session, pytest.raises(Conflict):
        service.roll_back(session, SYSTEM, "demo", 1)


def test_wave_of_an_unapproved_plan_does_not_run() -> None:
    with db.transaction() as session:
        version = make_approved_plan(session)
        version.state = "submitted"
    with db.transaction() as session, pytest.raises(Conflict, match="submitted"):
        service.start_wave(session, SYSTEM, "demo", 1)


def test_start_writes_a_job_and_twice_is_refused() -> None:
    wave = _start()
    with db.reading() as session:
        job: Any = jobs.find(session, f"wave:{wave}:1")
        assert (job.kind, job.payload) == (service.RUN_JOB, {"wave": wave})
    execution.begin_step(wave, "precheck")
    with pytest.raises(Conflict):
        _start()


def _messages(wave: int, name: str) -> tuple[int, list[str]]:
    with db.reading() as session:
        step = repository.find_step(session, wave, name)
        assert step is not None
        return step.message_count, step.messages


def test_messages_are_kept_while_the_step_is_at_work_and_begin_anew_with_each_try() -> None:
    wave = _start()
    execution.begin_step(wave, "precheck")
    execution.note_messages(wave, "precheck", 30, ["b", "c"])
    assert _messages(wave, "precheck") == (30, ["b", "c"])
    execution.settle_step(wave, "precheck", BROKEN)
    execution.note_messages(wave, "precheck", 31, ["too late"])
    assert _messages(wave, "precheck") == (30, ["b", "c"])
    _start()
    execution.begin_step(wave, "precheck")
    assert _messages(wave, "precheck") == (0, [])


def test_what_tidy_took_away_stood_as_made_in_the_record(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def intend(name: str, spec: CloudSpec) -> list[Intent]:
        kind = "temporary" if name == "copy_disks" else "thing"
        return [Intent(cloud=spec.target_cloud, kind=kind, key=name, act="create")]

    monkeypatch.setattr(execution, "intend", intend)
    wave = _start()
    _play(wave)
    with db.reading() as session:
        left = {row.kind for row in repository.objects_to_undo(session, wave)}
    assert left == {"thing"}
