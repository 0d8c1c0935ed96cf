"""The ledger never promises more than there is, whatever the order of acts."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import Engine, update
from sqlalchemy.orm import Session

from yunzhang.allocation import repository, service
from yunzhang.allocation.models import PoolCounter
from yunzhang.errors import Conflict, Shortage
from yunzhang.units.scope import SYSTEM

SIZE = {"VCPU": 2, "MEMORY_MB": 4096}


def _pool(session: Session, vcpu: int = 10) -> None:
    service.sync_pool(session, SYSTEM, "gov", {"VCPU": vcpu, "MEMORY_MB": 1 << 20})


def _hold(session: Session, origin: str) -> None:
    service.place_hold(
        session, SYSTEM, cloud="gov", origin=origin, unit="hrss", amounts=SIZE, needed_from=None
    )


def test_hold_commit_release_keep_the_books_equal(session: Session) -> None:
    _pool(session)
    for number in range(5):
        _hold(session, f"plan:a/{number}")
    service.commit_hold(session, SYSTEM, "plan:a/0")
    service.commit_hold(session, SYSTEM, "plan:a/0")  # again: changes nothing
    assert service.release_holds(session, SYSTEM, ["plan:a/1", "plan:a/1"]) == 1
    session.commit()

    assert service.verify_ledger(session) == []
    counter = next(c for c in repository.list_counters(session) if c.resource_class == "VCPU")
    assert (counter.held, counter.committed) == (6, 2)


def test_same_origin_holds_once(session: Session) -> None:
    _pool(session)
    _hold(session, "plan:a/0")
    _hold(session, "plan:a/0")
    assert repository.sum_by_unit(session)["hrss", "held", "VCPU"] == 2


def test_released_hold_can_be_held_again(session: Session) -> None:
    _pool(session)
    _hold(session, "plan:a/0")
    service.release_holds(session, SYSTEM, ["plan:a/0"])
    _hold(session, "plan:a/0")
    assert repository.sum_by_unit(session)["hrss", "held", "VCPU"] == 2
    assert service.verify_ledger(session) == []


def test_more_than_there_is_is_refused_with_the_missing_amount(session: Session) -> None:
    _pool(session, vcpu=3)
    _hold(session, "plan:a/0")
    with pytest.raises(Shortage) as caught:
        _hold(session, "plan:a/1")
    assert caught.value.values["missing"] == 1


def test_committed_is_not_released_as_a_hold(session: Session) -> None:
    _pool(session)
    _hold(session, "plan:a/0")
    service.commit_hold(session, SYSTEM, "plan:a/0")
    with pytest.raises(Conflict, match="committed"):
        service.release_holds(session, SYSTEM, ["plan:a/0"])


def test_shrunken_pool_still_takes_back(session: Session) -> None:
    _pool(session)
    _hold(session, "plan:a/0")
    _pool(session, vcpu=1)
    assert service.release_holds(session, SYSTEM, ["plan:a/0"]) == 1
    assert service.verify_ledger(session) == []


def test_verify_sees_a_counter_changed_behind_its_back(session: Session) -> None:
    _pool(session)
    _hold(session, "plan:a/0")
    session.execute(update(PoolCounter).values(held=PoolCounter.held + 1))
    session.expire_all()
    assert service.verify_ledger(session)


def test_concurrent_holds_never_exceed_capacity(engine: Engine) -> None:
    with Session(engine) as session, session.begin():
        _pool(session, vcpu=10)
    refused: list[str] = []

    def take(number: int) -> None:
        try:
            with Session(engine) as session, session.begin():
                _hold(session, f"plan:a/{number}")
        except Shortage:
            refused.append(str(number))

    threads = [threading.Thread(target=take, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with Session(engine) as session:
        assert len(refused) == 3
        assert repository.sum_by_unit(session)["hrss", "held", "VCPU"] == 10
        assert service.verify_ledger(session) == []
