"""Work is done once, whichever worker dies in between."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections import Counter

import pytest
from dbos import DBOS
from sqlalchemy import text, update

import tests.integration.execution.children  # noqa: F401 - registers the tests' workflows
from tests.integration.execution.conftest import House, lines, wait_for
from yunzhang import audit, clock, db, jobs, plays, schedule
from yunzhang.audit import AuditEntry
from yunzhang.errors import Conflict
from yunzhang.plays import repository as plays_repository
from yunzhang.workflows import engine, run_worker
from yunzhang.workflows.models import Worker
from yunzhang.workflows.repository import list_workers

PLACES = ("after-1", "play", "after-play", "before-2", "after-3")


def _ask(kind: str, key: str, /, **payload: object) -> None:
    with db.transaction() as session:
        jobs.start(session, kind, key, payload)


def _has_job() -> bool:
    with db.reading() as session:
        return bool(jobs.due(session))


def _work_until_idle() -> None:
    run_worker(threading.Event(), until_idle=True)


def _died(child: subprocess.Popen[bytes]) -> bool:
    return child.wait(timeout=60) == -signal.SIGKILL


def _outcomes(key: str) -> list[tuple[str, object]]:
    """What the engine recorded of a workflow's steps."""
    engine.start("reader")
    try:
        recorded = DBOS.list_workflow_steps(key)
        assert engine.outcome(key) == ("SUCCESS", [step["output"] for step in recorded])
        return [(step["function_name"], step["output"]) for step in recorded]
    finally:
        engine.stop()


def test_a_workflow_killed_at_each_step_is_finished_with_each_outcome_once(house: House) -> None:
    house.write_playbook(house.counting("a", "b", "c"))
    _ask("journey", "journey-1", folder=str(house.folder), step="journey-1:play")
    for place in PLACES:
        (house.folder / f"die-{place}").touch()
        assert _died(house.spawn("work", "--until-idle")), place
    assert house.spawn("work", "--until-idle").wait(timeout=60) == 0

    assert lines(house.folder / "effects") == ["1", "2", "3"]
    assert lines(house.trace) == ["a", "b", "c"]
    assert _outcomes("journey-1") == [
        ("children.act", "done 1"),
        ("children.play", "successful"),
        ("children.act", "done 2"),
        ("children.act", "done 3"),
    ]


def test_two_workers_do_each_job_once(shared_house: House) -> None:
    house = shared_house
    with db.database_engine().begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("DROP SCHEMA IF EXISTS dbos CASCADE"))
    workers = [house.spawn("work") for _ in range(2)]
    keys = [f"errand-{number}" for number in range(20)]
    for key in keys:
        _ask("errand", key, file=str(house.trace), key=key)
        clock.pause(0.1)
    wait_for(lambda: len(lines(house.trace)) >= len(keys))
    for worker in workers:
        worker.send_signal(signal.SIGTERM)
    assert [worker.wait(timeout=30) for worker in workers] == [0, 0]
    done = Counter(line.split()[0] for line in lines(house.trace))
    assert done == dict.fromkeys(keys, 1)


def test_a_dead_workers_play_is_taken_up_by_another_of_the_host(house: House) -> None:
    house.write_playbook(house.counting("a", "b", "c", "d", "e", pause=0.4))
    first = house.spawn("work")
    _ask("journey", "journey-2", folder=str(house.folder), step="journey-2:play")
    wait_for(lambda: lines(house.trace))
    second = house.spawn("work")
    lock = house.folder / "state" / "executors" / "worker-1.lock"
    wait_for(lock.exists)
    house.kill(first)
    wait_for(lambda: len(lines(house.folder / "effects")) == 3)
    second.send_signal(signal.SIGTERM)
    assert second.wait(timeout=30) == 0
    assert lines(house.trace) == list("abcde")
    assert _outcomes("journey-2")[1] == ("children.play", "successful")


def test_a_stopped_worker_leaves_its_play_running_and_takes_it_up_again(house: House) -> None:
    house.write_playbook(house.counting("a", "b", "c", pause=1.2))
    _ask("journey", "journey-3", folder=str(house.folder), step="journey-3:play")
    worker = house.spawn("work")
    wait_for(lambda: lines(house.trace))
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=30) == 0
    with db.reading() as session:
        lease = plays_repository.find_lease(session, "journey-3:play")
        assert lease is not None
        agent = lease.pid
    assert plays.is_held("journey-3:play") or len(lines(house.trace)) == 3
    _work_until_idle()
    assert lines(house.trace) == ["a", "b", "c"]
    with db.reading() as session:
        lease = plays_repository.find_lease(session, "journey-3:play")
        assert lease is not None
        assert (lease.pid, lease.attempt) == (agent, 1)


def test_the_clock_asks_once_per_slot_and_the_audit_record_is_verified(house: House) -> None:
    regular = schedule.Regular("verify-audit", 3600)
    with db.transaction() as session:
        audit.record(session, "wang", "approve", "plan", "plan-1")
    clocks = [schedule.start_clock((regular,)) for _ in range(2)]
    try:
        wait_for(_has_job)
    finally:
        for each in clocks:
            each.shutdown()
    _work_until_idle()
    schedule.tick(regular)
    _work_until_idle()
    with db.reading() as session:
        found = session.query(AuditEntry).filter_by(act="verify").all()
        assert [entry.details for entry in found] == [{"broken_entry": None}]
        assert found[0].reference == f"verify-audit:{regular.slot()}"


def test_a_worker_taken_for_dead_stops(house: House) -> None:
    def usurp() -> None:
        wait_for(_has_worker)
        with db.transaction() as session:
            session.execute(update(Worker).values(token="another"))

    thread = threading.Thread(target=usurp)
    thread.start()
    with pytest.raises(Conflict, match=os.uname().nodename):
        run_worker(threading.Event())
    thread.join()
    # the usurper's row stays
    assert _has_worker()


def _has_worker() -> bool:
    with db.reading() as session:
        return bool(list_workers(session))
