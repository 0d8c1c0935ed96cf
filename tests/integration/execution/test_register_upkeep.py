"""By the clock alone sources are read and the register is compared; what is away stops nobody."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from tests.factories import make_register
from tests.integration.execution.conftest import House
from tests.unit.clouds.conftest import FakeCloud, fake_cloud  # noqa: F401 - a fixture
from tests.unit.clouds.test_streaming import BigCloud, changed, server
from tests.unit.hosts.test_facts import FACTS
from yunzhang import clock, db, schedule, settings
from yunzhang.discovery.models import DiscoveryRun, Finding
from yunzhang.estate.changes.models import ChangeLog
from yunzhang.estate.models import CloudPlatform
from yunzhang.schedule import Regular
from yunzhang.workflows import engine, register_upkeep, run_worker


@pytest.fixture
def province(
    house: House,
    fake_cloud: FakeCloud,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[FakeCloud]:
    """A register, a cloud of three servers, clouds that do not answer, and a folder of facts."""
    folder = tmp_path / "facts"
    folder.mkdir()
    (folder / "w.json").write_text(json.dumps({"ansible_facts": FACTS}))
    monkeypatch.setenv("YUNZHANG_FACTS", json.dumps({"hosts": str(folder)}))
    monkeypatch.setenv("YUNZHANG_FARMS", json.dumps({"farm": ["test:///no/such.xml"]}))
    settings.current.cache_clear()
    BigCloud(fake_cloud, 3)
    with db.transaction() as session:
        make_register(session)
    yield fake_cloud
    # connections kept for the next slot end with the cloud
    settings.current.cache_clear()


def slot(kind: str, seconds: int = 3600) -> str:
    """Let the clock ask for the present slot and a worker do it; the job's key."""
    regular = Regular(kind, seconds)
    schedule.tick(regular)
    run_worker(threading.Event(), until_idle=True)
    return f"{kind}:{regular.slot()}"


def outcome(key: str) -> Any:
    engine.start("reader")
    try:
        return engine.outcome(key)
    finally:
        engine.stop()


def runs() -> list[tuple[str, str, int]]:
    with db.reading() as session:
        query = select(DiscoveryRun.cloud, DiscoveryRun.mode, DiscoveryRun.machines)
        return [(*row,) for row in session.execute(query.order_by(DiscoveryRun.id))]


def test_sources_are_read_compared_and_then_only_their_changes(province: FakeCloud) -> None:
    with capture_logs() as logs:
        first = slot("discover")
    assert sorted(runs()) == [("hosts", "full", 1), ("one", "full", 3)]
    status, told = outcome(first)
    assert (status, sorted(told["failed"])) == ("SUCCESS", ["away", "farm", "nobody", "stranger"])
    assert told["changes"]["opened"] >= 3
    warned = {log["source"] for log in logs if log["event"] == "source not read"}
    assert warned == {"away", "farm", "nobody", "stranger"}
    with db.reading() as session:
        found = session.scalars(select(Finding.source).where(Finding.kind == "observed_only")).all()
    assert sorted(filter(None, found)) == ["hosts", "one", "one", "one"]
    changed(province, server(2, status="DELETED"))
    with clock.fixed(clock.now() + timedelta(hours=1)):
        slot("discover")
    assert sorted(runs())[-1] == ("one", "full", 3)
    assert ("one", "delta", 2) in runs()


def test_asking_twice_in_a_slot_reads_once(province: FakeCloud) -> None:
    with clock.fixed(clock.now()):
        slot("discover")
        slot("discover")
    assert sorted(name for name, *_ in runs()) == ["hosts", "one"]


def test_while_an_earlier_slot_is_read_the_next_is_passed_over(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        engine, "unfinished_of", lambda *_: [("discover:7", "a"), ("journey:3", "a")]
    )
    engine.start("reader")
    try:
        assert register_upkeep.has_earlier_reading(8)
        assert not register_upkeep.has_earlier_reading(7)
        assert not register_upkeep.has_earlier_reading(6)
    finally:
        engine.stop()


def test_a_retention_that_ended_is_to_be_decided_anew(house: House) -> None:
    today = clock.now().date()
    with db.transaction() as session:
        make_register(session)
        for number, platform in enumerate(session.scalars(select(CloudPlatform))):
            platform.state, platform.disposition = "retained", "retain"
            platform.disposition_until = today + timedelta(days=number - 1)
    assert outcome(slot("reopen-expired", 86_400)) == ("SUCCESS", {"reopened": 1})
    with db.reading() as session:
        states = session.scalars(select(CloudPlatform.state).order_by(CloudPlatform.id)).all()
        log = session.scalars(select(ChangeLog)).one()
    assert states == ["verified", "retained", "retained"]
    assert (log.key, log.act, log.principal) == ("P-hrss", "state", "system")
