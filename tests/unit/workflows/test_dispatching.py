"""Jobs become workflows, slots become jobs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url, select, text

from tests.unit.audit.attacks import attacking
from yunzhang import audit, clock, db, jobs, schedule, settings
from yunzhang.audit import AuditEntry
from yunzhang.db.engine import _engine, durable_url
from yunzhang.db.tables import load_tables
from yunzhang.jobs import Job
from yunzhang.workflows import dispatcher, engine, upkeep


@pytest.fixture
def tables(instance: settings.Settings) -> Iterator[None]:
    """This process's own database with tables."""
    load_tables()
    db.Base.metadata.create_all(db.database_engine())
    yield
    db.database_engine().dispose()
    _engine.cache_clear()


def _waiting() -> list[str]:
    with db.reading() as session:
        return [job.key for job in jobs.due(session)]


@pytest.mark.usefixtures("tables")
def test_known_kinds_are_handed_over_bad_and_unknown_ones_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    handed: list[tuple[str, dict[str, Any]]] = []

    def enqueue(_: object, key: str, payload: dict[str, Any]) -> None:
        if key == "bad":
            raise RuntimeError(key)
        handed.append((key, payload))

    monkeypatch.setattr(engine, "enqueue", enqueue)
    monkeypatch.setitem(dispatcher.KINDS, "errand", lambda _: None)
    with db.transaction() as session:
        for kind, key in (("errand", "bad"), ("strange", "s"), ("errand", "a"), ("errand", "b")):
            jobs.start(session, kind, key, {"n": key})
    assert dispatcher.dispatch() == 2
    assert handed == [("a", {"n": "a"}), ("b", {"n": "b"})]
    assert _waiting() == ["bad", "s"]
    assert dispatcher.dispatch() == 0


def test_a_kind_has_one_workflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(dispatcher.KINDS, "errand", lambda _: None)
    with pytest.raises(ValueError, match="errand"):
        dispatcher.register("errand")(lambda _: None)


@pytest.mark.usefixtures("tables")
def test_a_slot_is_asked_for_once_and_the_next_one_again() -> None:
    hourly = schedule.Regular("verify-audit", 3600)
    start = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
    for minutes in (0, 1, 59, 60, 119):
        with clock.fixed(start + timedelta(minutes=minutes)):
            schedule.tick(hourly)
    keys = _waiting()
    assert len(keys) == 2
    assert keys == sorted(set(keys))
    assert {job.kind for job in _jobs()} <= set(dispatcher.KINDS)


def _jobs() -> list[Job]:
    with db.reading() as session:
        return list(session.scalars(select(Job)))


@pytest.mark.usefixtures("tables")
def test_a_broken_audit_record_is_noted_once_per_slot() -> None:
    engine._stopping.clear()
    with db.transaction() as session:
        audit.record(session, "wang", "approve", "plan", "plan-1")
    audit.seal()
    assert upkeep.find_broken_entry() is None
    with attacking(db.database_engine()) as connection:
        connection.execute(text("UPDATE audit_entry SET principal = 'li'"))
    broken = upkeep.find_broken_entry()
    assert broken == {"fault": "entry_changed", "block": 1, "entry": 1}
    for _ in range(2):
        upkeep.record_verification("7", broken)
    with db.reading() as session:
        found = session.scalars(select(AuditEntry).where(AuditEntry.act == "verify")).all()
        assert [(e.reference, e.details) for e in found] == [
            ("verify-audit:7", {"broken_entry": broken})
        ]


def test_the_engine_never_shares_sqlites_file_with_the_product(
    instance: settings.Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert durable_url() == make_url(f"sqlite:///{instance.state}/engine.db")
    monkeypatch.setenv("YUNZHANG_DATABASE_URL", f"sqlite:///{tmp_path}/x.db")
    settings.current.cache_clear()
    assert durable_url() == make_url(f"sqlite:///{tmp_path}/x-engine.db")
    monkeypatch.setenv("YUNZHANG_DATABASE_URL", "postgresql+psycopg://u:p@h/d")
    settings.current.cache_clear()
    assert durable_url() == make_url("postgresql+psycopg://u:p@h/d")
