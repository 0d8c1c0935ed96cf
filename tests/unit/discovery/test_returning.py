"""What is returned goes back to the unit's hands, says why, and comes again when left as it was."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.surveys import source_survey
from tests.unit.discovery.world import (
    WANG,
    compared,
    only,
    read,
    servers,
    with_servers,
    workload,
)
from yunzhang.discovery.decisions import Verdict, decide
from yunzhang.discovery.models import Finding
from yunzhang.estate.changes.models import ChangeLog
from yunzhang.estate.items import lifecycle
from yunzhang.estate.items.lifecycle import Step
from yunzhang.settings import Settings
from yunzhang.units.scope import SYSTEM

RETURN = Verdict("return_to_unit", reason="请核对配置")


@pytest.fixture(autouse=True)
def settled(instance: Settings) -> Settings:
    return instance


@pytest.fixture
def differing(estate: Session) -> Finding:
    read(estate, **servers(hrss_app={"vcpus": 9, "name": "hrss-neu"}))
    compared(estate)
    return only(estate, kind="differs")


def hand_in(session: Session, code: str) -> None:
    lifecycle.advance_items(session, SYSTEM, "workloads", [code], Step("submitted"))


def test_the_workload_is_returned_with_a_reason_for_every_field(
    estate: Session, differing: Finding
) -> None:
    decide(estate, WANG, differing.id, RETURN)
    row = workload(estate, "hrss-app")
    assert (row.state, differing.state) == ("returned", "returned")
    assert row.reasons == {
        "name": "登记为 hrss-app，实际观测为 hrss-neu",
        "vcpu": "登记为 1，实际观测为 9",
    }
    log = estate.scalars(select(ChangeLog).where(ChangeLog.key == "hrss-app")).one()
    assert (log.act, log.before, log.reason) == ("state", {"state": "verified"}, "请核对配置")
    assert log.after["reasons"] == row.reasons
    assert compared(estate).changes == {}


def test_what_the_unit_mends_is_resolved(estate: Session, differing: Finding) -> None:
    decide(estate, WANG, differing.id, RETURN)
    row = workload(estate, "hrss-app")
    row.vcpu, row.name = 9, "hrss-neu"
    hand_in(estate, "hrss-app")
    assert compared(estate).changes == {"resolved": 1}


def test_what_the_unit_hands_in_as_it_was_is_open_again(
    estate: Session, differing: Finding
) -> None:
    decide(estate, WANG, differing.id, RETURN)
    hand_in(estate, "hrss-app")
    assert compared(estate).changes == {"reopened": 1}
    assert differing.state == "open"
    decide(estate, WANG, differing.id, RETURN)  # once more
    assert workload(estate, "hrss-app").state == "returned"


@pytest.mark.parametrize("state", ["draft", "to_migrate", "retained", "merged", "observed"])
def test_a_state_that_allows_no_return_stays_and_the_finding_alone_tells(
    estate: Session, differing: Finding, state: str
) -> None:
    workload(estate, "hrss-app").state = state
    estate.flush()
    decide(estate, WANG, differing.id, RETURN)
    assert (workload(estate, "hrss-app").state, differing.state) == (state, "returned")
    assert compared(estate).changes == {}


def test_a_doubt_that_is_returned_ends_and_is_proven_anew(estate: Session, days: Any) -> None:
    compared(estate)
    gone = servers(without=("mib-web",))
    for day in (1, 2, 9):
        with days(day):
            read(estate, **gone)
            compared(estate)
    row = only(estate, kind="declared_only")
    assert workload(estate, "mib-web").state == "doubtful"
    with days(10):
        decide(estate, WANG, row.id, RETURN)
        own = workload(estate, "mib-web")
        assert own.state == "returned"
        assert own.reasons == {"platform_code": "曾在云平台上见到，现已多次未见，请核实"}
        read(estate, **gone)
        assert compared(estate).doubted == []
        hand_in(estate, "mib-web")
    states = []
    for day in (11, 12, 13, 18):
        with days(day):
            read(estate, **gone)
            compared(estate)
            states.append((row.state, row.misses, workload(estate, "mib-web").state))
    assert states == [
        ("watching", 1, "submitted"),
        ("watching", 2, "submitted"),
        ("watching", 3, "submitted"),
        ("open", 4, "doubtful"),
    ]


def test_of_a_tie_the_unit_is_told_how_many_and_not_which(estate: Session) -> None:
    twin = source_survey().servers[0].model_copy(update={"id": "twin", "nics": ()})
    read(estate, **with_servers(twin))
    compared(estate)
    decide(estate, WANG, only(estate, kind="ambiguous").id, RETURN)
    (told,) = (workload(estate, "hrss-web").reasons or {}).items()
    assert told == ("platform_uuid", "有 2 台观测对象与此项登记相符，无法唯一对应，请补充平台UUID")
