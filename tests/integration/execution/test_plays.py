"""A play outlives its controller, dies wholly when it shall, and is never run twice unasked."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from pathlib import Path

import pytest

from tests.integration.execution.conftest import House, lines, wait_for
from yunzhang import clock, db, plays, settings
from yunzhang.clouds.connection import check_lease
from yunzhang.errors import Conflict, Outside
from yunzhang.plays import processes, repository
from yunzhang.plays.rundir import RunDirectory, run_directory

STEP = "wave-1:copy"


def _agent(step_id: str) -> int:
    with db.reading() as session:
        lease = repository.find_lease(session, step_id)
        assert lease is not None
        return lease.pid


def _counters(step_id: str, attempt: int = 1) -> list[int]:
    with db.reading() as session:
        found = repository.find_events(session, step_id, attempt=attempt)
        return [event.counter for event in found]


def _files(run: RunDirectory) -> list[Path]:
    return [path for path in run.path.rglob("*") if path.is_file()]


def test_a_killed_controller_finds_its_play_again_and_each_event_once(house: House) -> None:
    book = house.write_playbook(
        house.counting("a", "b", "c", "d", "e", "f"),
        {"name": "answer", "ansible.builtin.set_fact": {"answer": 42}},
    )
    controller = house.spawn("follow", STEP, book)
    wait_for(lambda: len(_counters(STEP)) >= 5)
    house.kill(controller)
    agent = _agent(STEP)

    heard: list[int] = []
    plays.start_play(STEP, book, {})
    assert _agent(STEP) == agent
    result = plays.follow_play(STEP, lambda event: heard.append(event.counter))

    assert (result.status, result.rc) == ("successful", 0)
    assert result.results["answer"]["ansible_facts"] == {"answer": 42}
    assert lines(house.trace) == list("abcdef")
    assert heard == _counters(STEP) == list(range(1, len(heard) + 1))
    assert not plays.is_held(STEP)

    # once more: it is over, nothing runs, the same result
    plays.start_play(STEP, book, {})
    assert plays.follow_play(STEP).results.keys() == result.results.keys()
    assert lines(house.trace) == list("abcdef")


def test_cancelling_kills_workers_in_their_own_sessions(house: House) -> None:
    detached = f"setsid sh -c 'sleep 1.5; echo escaped >> {house.trace}' & wait"
    book = house.write_playbook(
        house.counting("a", pause=0), {"name": "escape", "ansible.builtin.shell": detached}
    )
    plays.start_play(STEP, book, {})

    # the sleeper lives in a session of its own, below a worker in a session of its own
    result = plays.follow_play(STEP, should_stop=lambda: _has_sleeper(STEP))

    assert result.status == "canceled"
    assert processes.find_step_processes(STEP) == set()
    clock.pause(1.6)
    assert lines(house.trace) == ["a"]
    assert not plays.is_held(STEP)


def _has_sleeper(step_id: str) -> bool:
    pids = processes.find_step_processes(step_id)
    return any(_command(pid).startswith(b"sleep\x001.5") for pid in pids)


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_after_an_agents_death_its_strays_die_and_the_next_attempt_runs(house: House) -> None:
    book = house.write_playbook(house.counting("a", "b", "c", pause=1))
    plays.start_play(STEP, book, {})
    wait_for(lambda: lines(house.trace))
    os.kill(_agent(STEP), signal.SIGKILL)

    result = plays.follow_play(STEP)
    assert result.status == "interrupted"
    assert processes.find_step_processes(STEP) == set()
    before = lines(house.trace)
    assert before < ["a", "b", "c"]
    assert not run_directory(STEP, 1).lease.exists()

    # asking for the same attempt again starts nothing
    plays.start_play(STEP, book, {})
    assert plays.follow_play(STEP).status == "interrupted"
    assert lines(house.trace) == before

    house.write_playbook(house.counting("a", "b", "c", pause=0))
    plays.start_play(STEP, book, {}, attempt=2)
    assert plays.follow_play(STEP, attempt=2).is_successful
    assert lines(house.trace) == [*before, "a", "b", "c"]
    assert _counters(STEP, attempt=2)[0] == 1


@pytest.mark.parametrize("how", ["moved", "locked"])
def test_an_agent_that_cannot_renew_kills_its_play(
    house: House, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setenv("YUNZHANG_LEASE_SECONDS", "4")
    settings.current.cache_clear()
    book = house.write_playbook(house.counting("a", pause=60))
    plays.start_play(STEP, book, {})
    wait_for(lambda: lines(house.trace))
    run, agent = run_directory(STEP, 1), _agent(STEP)
    monkeypatch.setenv("YUNZHANG_LEASE_FILE", str(run.lease))
    check_lease()

    database = Path(f"{settings.current().state}/yunzhang.db")
    began = clock.monotonic()
    if how == "moved":
        db.database_engine().dispose()
        database.rename(house.folder / "away.db")
        wait_for(lambda: not run.is_live())
        assert not database.exists()
        (house.folder / "away.db").rename(database)
    else:
        holder = sqlite3.connect(database, isolation_level=None)
        holder.execute("BEGIN EXCLUSIVE")
        wait_for(lambda: not run.is_live())
        holder.close()

    assert clock.monotonic() - began < 8
    wait_for(lambda: not Path(f"/proc/{agent}/exe").exists())
    assert processes.find_step_processes(STEP) == set()
    with pytest.raises(Outside):
        check_lease()
    assert plays.follow_play(STEP).status == "interrupted"


def test_a_lease_of_another_host_is_waited_for_and_its_attempt_not_run_again(house: House) -> None:
    book = house.write_playbook(house.counting("a", pause=0))
    with db.transaction() as session:
        assert repository.acquire(
            session,
            repository.Claim(STEP, 1, "agent", "other:worker:0", "other", "boot", "/x", 1, 60.0),
        )
    with pytest.raises(Conflict, match=STEP):
        plays.start_play(STEP, book, {})

    with db.transaction() as session:
        repository.release(session, STEP, "agent")
    plays.start_play(STEP, book, {})
    assert plays.follow_play(STEP).status == "interrupted"
    assert lines(house.trace) == []
    plays.start_play(STEP, book, {}, attempt=2)
    assert plays.follow_play(STEP, attempt=2).is_successful


def test_no_secret_reaches_the_play_nor_stays_behind(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "Geheim-4711"
    url = f"sqlite:///{settings.current().state}/{secret}.db"
    monkeypatch.setenv("YUNZHANG_DATABASE_URL", url)
    monkeypatch.setenv("OS_PASSWORD", secret)
    settings.current.cache_clear()
    db.Base.metadata.create_all(db.database_engine())
    book = house.write_playbook(
        {"name": "environment", "ansible.builtin.command": "env"},
        {"name": "hidden", "ansible.builtin.command": "echo {{ word }}x", "no_log": True},
        house.counting("a", pause=1),
    )
    plays.start_play(STEP, book, {"word": "Still"})
    wait_for(lambda: lines(house.trace))
    run = run_directory(STEP, 1)
    for pid in processes.find_step_processes(STEP):
        shown = Path(f"/proc/{pid}/environ").read_bytes() + _command(pid)
        assert secret.encode() not in shown
    assert not (run.artifacts / "command").exists()

    result = plays.follow_play(STEP)
    environment = result.results["environment"]["stdout"]
    assert f"YUNZHANG_STEP={STEP}" in environment
    assert "YUNZHANG_LEASE_FILE=" in environment
    assert "Stillx" not in json.dumps(result.by_host)
    assert not (run.artifacts / "command").exists()
    for file in _files(run):
        assert secret not in file.read_text("utf-8", "replace"), file
        assert file.stat().st_mode & 0o077 == 0 or file.is_relative_to(run.artifacts), file
    assert not (run.path / "tmp").exists()


def test_a_failed_task_is_told_with_its_host_and_words(house: House) -> None:
    book = house.write_playbook(
        {"name": "forgiven", "ansible.builtin.command": "false", "ignore_errors": True},
        {"name": "fatal", "ansible.builtin.fail": {"msg": "no such port"}},
        house.counting("never"),
    )
    plays.start_play(STEP, book, {})
    result = plays.follow_play(STEP)
    assert (result.status, result.rc) == ("failed", 2)
    assert result.failures == [{"host": "localhost", "task": "fatal", "message": "no such port"}]
    assert result.results["forgiven"]["rc"] == 1
    assert lines(house.trace) == []
