"""One agent at a time, one attempt after the other, by the database's clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from yunzhang import db
from yunzhang.plays import repository
from yunzhang.plays.models import PlayLease
from yunzhang.plays.repository import Claim
from yunzhang.plays.results import event_row

FIRST = Claim("step", 1, "agent-1", "host:worker:0", "host", "boot", "/run/1", 11, 30.0)
SECOND = replace(FIRST, attempt=2, agent_id="agent-2", pid=12)


def _age(session: Session, seconds: float) -> None:
    past = db.database_now(session) - timedelta(seconds=seconds)
    session.execute(update(PlayLease).values(expires_at=past))
    session.expire_all()


def test_a_held_lease_is_refused_until_it_runs_out(session: Session) -> None:
    assert repository.acquire(session, FIRST)
    assert not repository.acquire(session, SECOND)
    assert repository.held_leases(session, "host:worker:0")
    _age(session, 1)
    assert not repository.held_leases(session, "host:worker:0")
    assert repository.acquire(session, SECOND)
    assert repository.renew(session, FIRST) is None


def test_a_released_lease_is_free_but_its_attempt_is_spent(session: Session) -> None:
    assert repository.acquire(session, FIRST)
    repository.release(session, "step", "somebody-else")
    assert not repository.acquire(session, SECOND)
    repository.release(session, "step", FIRST.agent_id)
    session.expire_all()
    assert not repository.acquire(session, replace(FIRST, agent_id="agent-3"))
    assert repository.renew(session, FIRST) is None
    assert repository.acquire(session, SECOND)


def test_renewing_extends_and_brings_the_wish_to_cancel(session: Session) -> None:
    assert repository.acquire(session, FIRST)
    _age(session, -1)
    repository.request_cancel(session, "step", 1)
    session.expire_all()
    renewed = repository.renew(session, FIRST)
    assert renewed is not None
    assert renewed.cancel_requested
    ahead = renewed.expires_at - db.database_now(session)
    assert timedelta(seconds=25) < ahead <= timedelta(seconds=30)
    repository.request_cancel(session, "step", 2)  # another attempt: nothing to do with it


def test_events_are_taken_in_once(session: Session) -> None:
    rows = [
        event_row("step", 1, n, {"event": "runner_on_ok", "stdout": "a\x00b", "event_data": {}})
        for n in (1, 2, 3)
    ]
    repository.add_events(session, rows[:2])
    repository.add_events(session, rows)
    repository.add_events(session, [])
    session.commit()
    found = repository.find_events(session, "step", attempt=1)
    assert [event.counter for event in found] == [1, 2, 3]
    assert [event.counter for event in repository.find_events(session, "step", after=2)] == [3]
