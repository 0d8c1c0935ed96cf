"""What the clock asks for follows the settings; each kind has slots of its own."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from tests.conftest import NOON
from yunzhang import clock, db, schedule, settings
from yunzhang.jobs import Job
from yunzhang.settings import Settings
from yunzhang.workflows.dispatcher import KINDS, load_kinds


def kinds() -> dict[str, int]:
    settings.current.cache_clear()
    return {regular.kind: regular.seconds for regular in schedule.regulars()}


def test_every_regular_job_has_a_workflow(instance: Settings) -> None:
    load_kinds()
    assert kinds().keys() <= KINDS.keys()


def test_intervals_are_set_and_nought_is_never(
    instance: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert kinds() == {"verify-audit": 3600, "discover": 3600, "reopen-expired": 86_400}
    monkeypatch.setenv("YUNZHANG_DISCOVER_MINUTES", "15")
    monkeypatch.setenv("YUNZHANG_REOPEN_HOURS", "0")
    assert kinds() == {"verify-audit": 3600, "discover": 900}
    monkeypatch.setenv("YUNZHANG_DISCOVER_MINUTES", "0")
    assert kinds() == {"verify-audit": 3600}


def test_a_slot_is_asked_for_once_and_the_next_one_too(running: Settings) -> None:
    regular = schedule.Regular("discover", 3600)
    for minutes in (0, 10, 59, 60, 61):
        with clock.fixed(NOON + timedelta(minutes=minutes)):
            schedule.tick(regular)
    with db.reading() as session:
        asked = session.scalars(select(Job.key).order_by(Job.id)).all()
    first = int(NOON.timestamp()) // 3600
    assert asked == [f"discover:{first}", f"discover:{first + 1}"]
