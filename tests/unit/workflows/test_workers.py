"""Names of executors, heartbeats, and who is dead."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from yunzhang import db, settings
from yunzhang.db.engine import _engine
from yunzhang.db.tables import load_tables
from yunzhang.plays import repository as plays_repository
from yunzhang.plays.processes import boot_id
from yunzhang.plays.repository import Claim
from yunzhang.workflows import engine, executors, reaper, repository
from yunzhang.workflows.models import Worker


@pytest.fixture
def tables(
    instance: settings.Settings, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """This process's own database, of each kind, with tables."""
    monkeypatch.setenv("YUNZHANG_DATABASE_URL", database_url)
    settings.current.cache_clear()
    load_tables()
    db.Base.metadata.create_all(db.database_engine())
    yield
    db.database_engine().dispose()
    _engine.cache_clear()


@pytest.fixture
def resumed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Keys of the workflows resumed; the engine knows of one unfinished workflow per executor."""
    keys: list[str] = []
    left = [("k-mine", _name(0)), ("k-other", "other:worker:0"), ("k-gone", "gone:worker:0")]
    monkeypatch.setattr(engine, "unfinished_of", lambda: left)
    monkeypatch.setattr(engine, "resume", keys.append)
    return keys


def _name(index: int) -> str:
    return f"{os.uname().nodename}:worker:{index}"


def _worker(session: Session, name: str, boot: str, lock_file: str = "/none") -> None:
    now = db.database_now(session)
    session.add(
        Worker(
            executor_id=name,
            token="t",
            host="other",
            boot_id=boot,
            lock_file=lock_file,
            pid=1,
            beat_seconds=2.0,
            started_at=now,
            beat_at=now,
        )
    )


def _silence(session: Session, name: str, seconds: float) -> None:
    past = db.database_now(session) - timedelta(seconds=seconds)
    session.execute(update(Worker).where(Worker.executor_id == name).values(beat_at=past))


@pytest.mark.usefixtures("tables")
def test_names_are_not_shared_and_come_back() -> None:
    first, second = executors.claim(), executors.claim()
    assert (first.id, second.id) == (_name(0), _name(1))
    os.close(first.lock)  # as a crash leaves it: no lock, but a row
    third = executors.claim()
    assert third.id == first.id
    assert not first.beat()
    assert third.beat()
    third.release()
    second.release()
    with db.reading() as session:
        assert not repository.list_workers(session)


@pytest.mark.usefixtures("tables")
def test_a_name_alive_on_another_machine_is_left_alone_until_it_is_silent() -> None:
    with db.transaction() as session:
        _worker(session, _name(0), "another-boot")
    second = executors.claim()
    assert second.id == _name(1)
    with db.transaction() as session:
        _silence(session, _name(0), 13)
    first = executors.claim()
    assert first.id == _name(0)
    for executor in (first, second):
        executor.release()


@pytest.mark.usefixtures("tables")
def test_dead_by_silence_or_on_this_boot_without_its_lock(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    with db.transaction() as session:
        _worker(session, "silent:worker:0", "another-boot")
        _silence(session, "silent:worker:0", 13)
        _worker(session, "slow:worker:0", "another-boot")
        _silence(session, "slow:worker:0", 11)
        _worker(session, "here:worker:0", boot_id(), str(tmp_path / "lock"))
        _worker(session, "container:worker:0", boot_id(), str(tmp_path / "absent"))
        session.flush()
        dead = {
            worker.executor_id
            for worker in repository.list_workers(session)
            if executors.is_dead(session, worker)
        }
    assert dead == {"silent:worker:0", "here:worker:0"}


@pytest.mark.usefixtures("tables")
def test_only_the_dead_and_unknown_are_reaped(resumed: list[str]) -> None:
    mine = executors.claim()
    with db.transaction() as session:
        _worker(session, "other:worker:0", "another-boot")
        # however late its own heartbeat is
        _silence(session, mine.id, 99)
    assert reaper.reap(mine) == 1
    assert resumed == ["k-gone"]
    with db.transaction() as session:
        _silence(session, "other:worker:0", 13)
    assert reaper.reap(mine) == 2
    assert resumed == ["k-gone", "k-other", "k-gone"]
    mine.release()
    # whoever lost its place takes nobody's work
    assert reaper.reap(mine) == 0


@pytest.mark.usefixtures("tables")
def test_work_whose_agent_lives_on_another_host_waits_for_its_lease(resumed: list[str]) -> None:
    mine = executors.claim()
    claim = Claim("step", 1, "agent", "gone:worker:0", "gone", "another-boot", "/x", 1, 30.0)
    with db.transaction() as session:
        _worker(session, "other:worker:0", "another-boot")
        assert plays_repository.acquire(session, claim)
    assert reaper.reap(mine) == 0
    with db.transaction() as session:
        plays_repository.release(session, "step", "agent")
    assert reaper.reap(mine) == 1
    assert resumed == ["k-gone"]
    mine.release()
