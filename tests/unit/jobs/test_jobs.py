"""A job is asked for once, whoever asks."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import func, select

from yunzhang import clock, db, jobs
from yunzhang.jobs import Job

pytestmark = pytest.mark.usefixtures("running")


def _count() -> int:
    with db.reading() as session:
        return session.scalar(select(func.count()).select_from(Job)) or 0


def test_asking_twice_gives_the_first_row() -> None:
    with db.transaction() as session:
        first = jobs.start(session, "kind", "key", {"n": 1})
        assert jobs.start(session, "kind", "key", {"n": 2}) is first
    assert _count() == 1


def test_two_that_asked_in_the_same_moment_failed_on_postgresql() -> None:
    """The second asks while the first has not committed: it must wait, then find the row."""
    asked, outcome = threading.Event(), []

    def ask() -> None:
        with db.transaction() as session:
            asked.set()
            outcome.append(jobs.start(session, "kind", "key", {"n": 2}).payload)
            session.add(Job(kind="kind", key="other", payload={}, created_at=clock.now()))

    second = threading.Thread(target=ask)
    with db.transaction() as session:
        jobs.start(session, "kind", "key", {"n": 1})
        second.start()
        # on SQLite the second cannot even begin; on PostgreSQL it has looked and found nothing
        asked.wait(timeout=0.3)
        second.join(timeout=0.3)
    second.join()
    assert outcome == [{"n": 1}]
    assert _count() == 2
