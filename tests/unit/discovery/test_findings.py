"""Findings on real tables: opened once, decided, reopened, and missing only with proof."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.conftest import NOON
from tests.surveys import source_survey
from tests.unit.discovery.world import (
    DAY,
    WANG,
    compared,
    extra_server,
    only,
    read,
    servers,
    with_servers,
    workload,
)
from yunzhang import audit, clock
from yunzhang.audit.models import AuditEntry
from yunzhang.clouds.observed import ObservedServer
from yunzhang.discovery import decisions, repository
from yunzhang.discovery.decisions import Verdict, decide, decide_all
from yunzhang.discovery.finding_repository import Filter
from yunzhang.discovery.findings import accuracy
from yunzhang.discovery.keeping import Reading, deleted, keep, record
from yunzhang.discovery.models import Finding
from yunzhang.discovery.service import cloud_record, load_survey
from yunzhang.errors import Conflict, Forbidden, InputError, NotFound
from yunzhang.estate.changes.models import ChangeLog
from yunzhang.estate.models import Nic
from yunzhang.settings import Settings
from yunzhang.units.scope import SYSTEM, Granted, Principal, bind


@pytest.fixture(autouse=True)
def settled(instance: Settings) -> Settings:
    return instance


def test_a_register_that_says_what_is_there_has_no_findings(estate: Session) -> None:
    result = compared(estate)
    assert (result.matched, result.open) == (6, {})
    assert result.changes == {"links": 6}
    assert [a.share for a in accuracy(estate, SYSTEM)] == [1.0, 1.0]


def test_the_same_again_changes_nothing(estate: Session) -> None:
    read(estate, **servers(without=("mib-web",), hrss_app={"vcpus": 9}))
    compared(estate)
    estate.flush()
    entries = len(estate.scalars(select(AuditEntry)).all())
    rows = {row.id: (row.revision, row.changed_at) for row in estate.scalars(select(Finding))}
    with clock.fixed(NOON + DAY):
        assert compared(estate).changes == {}
    assert {r.id: (r.revision, r.changed_at) for r in estate.scalars(select(Finding))} == rows
    assert len(estate.scalars(select(AuditEntry)).all()) == entries
    again = read(estate, **servers(without=("mib-web",), hrss_app={"vcpus": 9}))
    assert again.changes == 0


def test_nothing_observed_overwrites_what_is_declared_until_it_is_decided(estate: Session) -> None:
    read(estate, **servers(hrss_app={"vcpus": 9, "ram_mib": 512}))
    compared(estate)
    row = only(estate, kind="differs")
    assert (row.unit_code, row.declared, workload(estate, "hrss-app").vcpu) == (
        "U-hrss", ["hrss-app"], 1,
    )  # fmt: skip
    with pytest.raises(Forbidden):
        decide(estate, SYSTEM, row.id, Verdict("accept_observed"))
    seen = workload(estate, "hrss-app").revision
    decide(estate, WANG, row.id, Verdict("accept_observed"), revision=row.revision)
    changed = workload(estate, "hrss-app")
    assert (changed.vcpu, changed.ram_mib, changed.revision) == (9, 512, seen + 1)
    assert compared(estate).changes == {"resolved": 1}
    entry = estate.scalars(select(AuditEntry).where(AuditEntry.act == "decide")).one()
    assert entry.details["was"] == {"vcpu": 1, "ram_mib": 192}
    assert entry.details["is"] == {"vcpu": 9, "ram_mib": 512}
    assert audit.verify(estate) is None


def test_a_decision_on_what_changed_meanwhile_is_refused(estate: Session) -> None:
    read(estate, **servers(hrss_app={"vcpus": 9}))
    compared(estate)
    row = only(estate, kind="differs")
    with pytest.raises(Conflict, match="已经变化"):
        decide(estate, WANG, row.id, Verdict("accept_observed"), revision=row.revision + 1)
    workload(estate, "hrss-app").vcpu = 3
    estate.flush()
    with pytest.raises(Conflict) as refused:
        decide(estate, WANG, row.id, Verdict("accept_observed"))
    assert refused.value.code == "discovery.changed_meanwhile"


def test_a_workload_on_the_move_has_no_findings_and_is_not_written(estate: Session) -> None:
    read(estate, **servers(hrss_app={"vcpus": 9}))
    compared(estate)
    row = only(estate, kind="differs")
    workload(estate, "hrss-app").state = "migrating"
    estate.flush()
    with pytest.raises(Conflict) as refused:
        decide(estate, WANG, row.id, Verdict("accept_observed"))
    assert refused.value.code == "discovery.not_now"
    assert compared(estate).changes == {"resolved": 1}


def test_a_decision_holds_for_the_same_and_falls_with_another_value(estate: Session) -> None:
    seen = servers(hrss_app={"vcpus": 9})
    read(estate, **seen)
    compared(estate)
    row = only(estate, kind="differs")
    decide(estate, WANG, row.id, Verdict("keep_declared", reason="扩容中"))
    read(estate, **seen)
    assert compared(estate).changes == {}
    assert only(estate, kind="differs").state == "settled"
    first = accuracy(estate, WANG)[0]
    assert (first.unit, first.settled, first.share) == ("U-hrss", 1, 1.0)
    read(estate, **servers(hrss_app={"vcpus": 8}))
    assert compared(estate).changes == {"reopened": 1}
    found = only(estate, kind="differs")
    assert (found.state, found.details[0]["observed"]) == ("open", 8)
    assert accuracy(estate, WANG)[0].share == pytest.approx(17 / 18)


def test_a_difference_that_comes_and_goes_stays_decided(estate: Session) -> None:
    for expected in ("open", "settled"):
        read(estate, **servers(hrss_app={"vcpus": 9}))
        compared(estate)
        row = only(estate, kind="differs")
        assert row.state == expected
        if expected == "open":
            decide(estate, WANG, row.id, Verdict("keep_declared", reason="按需"))
        read(estate)
        assert compared(estate).changes == {"resolved": 1}


def test_an_exception_ends(estate: Session, days: Any) -> None:
    read(estate, **servers(hrss_app={"vcpus": 9}))
    compared(estate)
    row = only(estate, kind="differs")
    until = (NOON + 3 * DAY).date()
    decide(estate, WANG, row.id, Verdict("except_until", reason="批文 7 号", until=until))
    with days(3):
        assert compared(estate).changes == {}
    with days(4):
        assert compared(estate).changes == {"reopened": 1}
    assert row.state == "open"


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        (Verdict("keep_declared"), "discovery.why_missing"),
        (Verdict("except_until", reason="x"), "discovery.until_bad"),
        (Verdict("except_until", reason="x", until=date(2026, 11, 22)), "discovery.until_bad"),
        (Verdict("except_until", reason="x", until=date(2099, 1, 1)), "discovery.until_bad"),
        (
            Verdict("keep_declared", reason="x", until=date(2026, 12, 1)),
            "discovery.until_idle",
        ),
    ],
)
def test_a_verdict_that_is_not_whole_is_refused(
    estate: Session, verdict: Verdict, code: str
) -> None:
    read(estate, **servers(hrss_app={"vcpus": 9}))
    compared(estate)
    with pytest.raises(InputError) as refused:
        decide(estate, WANG, only(estate, kind="differs").id, verdict)
    assert refused.value.code == code


def test_missing_needs_runs_and_days_and_ends_in_doubt_never_in_deletion(
    estate: Session, days: Any
) -> None:
    compared(estate)
    gone = servers(without=("mib-web",))
    states = []
    for day in (1, 2, 3, 9):
        with days(day):
            read(estate, **gone)
            compared(estate)
            compared(estate)  # one run counts once
            row = only(estate, kind="declared_only")
            states.append((row.code, row.state, row.misses, workload(estate, "mib-web").state))
    assert states == [
        ("missing", "watching", 1, "verified"),
        ("missing", "watching", 2, "verified"),
        ("missing", "watching", 3, "verified"),  # enough runs, not enough days
        ("missing", "open", 4, "doubtful"),
    ]
    with days(10):
        read(estate)
        result = compared(estate)
    assert result.restored == ["mib-web"]
    assert workload(estate, "mib-web").state == "verified"


def doubted(session: Session, days: Any) -> Finding:
    compared(session)
    for day in (1, 2, 9):
        with days(day):
            read(session, **servers(without=("mib-web",)))
            compared(session)
    return only(session, kind="declared_only")


def test_a_doubt_is_ended_by_a_person(estate: Session, days: Any) -> None:
    row = doubted(estate, days)
    assert workload(estate, "mib-web").state == "doubtful"
    decide(estate, WANG, row.id, Verdict("keep_declared", reason="已现场核实"))
    assert workload(estate, "mib-web").state == "verified"
    with days(20):
        read(estate, **servers(without=("mib-web",)))
        assert compared(estate).changes == {}  # settled is settled
    decide(estate, WANG, row.id, Verdict("return_to_unit", reason="请复核"))
    assert row.state == "returned"


def test_what_is_proven_missing_can_be_closed(estate: Session, days: Any) -> None:
    row = doubted(estate, days)
    decide(estate, WANG, row.id, Verdict("accept_observed"))
    assert workload(estate, "mib-web").state == "closed"
    with days(30):
        assert compared(estate).changes == {"resolved": 1}
    assert workload(estate, "mib-web").state == "closed"


def test_what_is_not_proven_cannot_be_closed(estate: Session) -> None:
    own = workload(estate, "hrss-web")
    own.name = "quite-something-else"
    own.addresses = []
    estate.flush()
    compared(estate)
    row = only(estate, kind="declared_only")
    assert (row.code, row.state) == ("never_seen", "open")
    with pytest.raises(Conflict) as refused:
        decide(estate, WANG, row.id, Verdict("accept_observed"))
    assert refused.value.code == "discovery.not_proven"


def test_a_cloud_that_shrank_by_half_orphans_nobody(estate: Session, days: Any) -> None:
    compared(estate)
    half = servers(without=("mib-web", "mib-app", "mib-db"))
    for day in range(1, 12):
        with days(day):
            outcome = read(estate, **half)
            assert (outcome.guarded, outcome.gone) == (True, {})
            assert compared(estate).changes == {}
    survey = source_survey().model_copy(update=half)
    records = [cloud_record("servers", server) for server in survey.servers]
    reading = Reading("legacy", "openstack", NOON, allow_shrink=True)
    outcome = keep(estate, SYSTEM, reading, records)
    assert (outcome.guarded, outcome.gone["servers"]) == (False, 3)
    compared(estate)
    assert {r.state for r in estate.scalars(select(Finding))} == {"watching"}


def test_a_partial_run_proves_nothing_missing(estate: Session, days: Any) -> None:
    compared(estate)
    records = [cloud_record("servers", source_survey().servers[0])]
    for day in (1, 2, 9):
        with days(day):
            outcome = keep(
                estate, SYSTEM, Reading("legacy", "openstack", NOON, complete=False), records
            )
            assert outcome.gone == {}
            assert compared(estate).changes == {}
    run, survey = load_survey(estate, "legacy")
    assert (run.complete, len(survey.servers)) == (True, 6)


def renamed(server: ObservedServer, **changes: Any) -> ObservedServer:
    return server.model_copy(update=changes)


def test_a_tie_is_broken_by_a_person_and_stays_so(estate: Session) -> None:
    twin = renamed(source_survey().servers[0], id="twin", nics=())
    survey = servers()
    survey["servers"] += (twin,)
    read(estate, **survey)
    compared(estate)
    row = only(estate, kind="ambiguous")
    assert row.observed == ["legacy/hrss-web-id", "legacy/twin"]
    with pytest.raises(InputError) as refused:
        decide(estate, WANG, row.id, Verdict("accept_observed"))
    assert refused.value.code == "discovery.match_missing"
    match = ("hrss-web", "legacy/twin")
    decide(estate, WANG, row.id, Verdict("accept_observed", match=match))
    result = compared(estate)
    assert (len(result.resolved), result.open) == (1, {"observed_only": 1})
    read(estate, **survey)
    assert compared(estate).changes == {}


def test_all_of_a_filter_each_whole_or_not_at_all(estate: Session) -> None:
    read(
        estate,
        **servers(
            hrss_app={"vcpus": 9}, hrss_web={"vcpus": 9, "name": "hrss-www"}, mib_app={"vcpus": 7}
        ),
    )
    compared(estate)
    workload(estate, "mib-app").state = "migrating"
    estate.flush()
    decided, refused = decide_all(
        estate, WANG, Filter(kind="differs", field="vcpu"), Verdict("accept_observed")
    )
    assert [row.name for row in decided] == ["hrss-app"]
    assert [refusal.error.code for refusal in refused] == ["discovery.not_now"]
    assert workload(estate, "hrss-web").vcpu == 1  # its name differs too


def test_an_apply_that_failed_leaves_no_hash_behind(estate: Session) -> None:
    estate.commit()
    changed = servers(hrss_app={"vcpus": 9})["servers"]

    def broken() -> Iterator[Any]:
        for server in changed:
            yield cloud_record("servers", server)
        raise OSError("the spool broke")

    with pytest.raises(OSError, match="spool"):
        keep(estate, SYSTEM, Reading("legacy", "openstack", NOON), broken())
    estate.rollback()
    assert read(estate, servers=changed).changed == {"servers": 1}


def test_a_delta_keeps_the_rest_and_knows_what_was_deleted(estate: Session) -> None:
    base = repository.base_run(estate, "legacy")
    assert base is not None
    changed = renamed(source_survey().servers[0], vcpus=9)
    records = [cloud_record("servers", changed), deleted("servers", "mib-web-id")]
    reading = Reading("legacy", "openstack", NOON, mode="delta", since=base.id)
    outcome = keep(estate, SYSTEM, reading, records)
    assert (outcome.changed, outcome.gone, outcome.seen["servers"]) == (
        {"servers": 1}, {"servers": 1}, 5,
    )  # fmt: skip
    assert outcome.seen["volumes"] == len(source_survey().volumes)
    with pytest.raises(Conflict) as refused:
        keep(estate, SYSTEM, reading, [])
    assert refused.value.code == "discovery.delta_stale"


def test_a_name_belongs_to_one_kind_of_source(estate: Session) -> None:
    with pytest.raises(Conflict) as refused:
        keep(estate, SYSTEM, Reading("legacy", "libvirt", NOON), [])
    assert refused.value.code == "discovery.kind_changed"


def test_verdicts_name_acts_a_person_has() -> None:
    assert decisions.ACT not in {"read", "discover"}


def test_unregistered_machines_are_told_to_their_projects_unit(estate: Session) -> None:
    extra = renamed(source_survey().servers[0], id="x", name="x", nics=())
    survey: dict[str, Any] = servers()
    survey["servers"] += (extra,)
    read(estate, **survey)
    compared(estate)
    row = only(estate, kind="observed_only")
    assert (row.unit_code, row.details[0]["vcpu"]) == ("U-hrss", 1)
    with pytest.raises(InputError) as refused:
        decide(estate, WANG, row.id, Verdict("keep_declared", reason="x"))
    assert refused.value.code == "discovery.not_so"


def test_a_host_of_our_own_inventory_is_found_by_its_code(estate: Session) -> None:
    host = {
        "inventory_name": "hrss-web", "hostname": "whatever", "machine_id": "", "product_uuid": "",
        "serial": "", "virtual": False, "vcpus": 4, "ram_mib": 190, "disks": [], "nics": [],
        "system": "", "architecture": "",
    }  # fmt: skip
    workload(estate, "hrss-web").platform_code = "P-lz"
    workload(estate, "hrss-web").name = "old"
    estate.flush()
    reading = Reading("facts", "facts", NOON, complete=False)
    keep(estate, SYSTEM, reading, [record("hosts", "hrss-web", "whatever", host)])
    read(estate, **servers(without=("hrss-web",)))
    compared(estate)
    row = only(estate, kind="differs")
    assert {d["field"] for d in row.details} == {"name", "vcpu"}
    assert row.observed == ["facts/hrss-web"]


def test_a_renamed_machine_is_recognised_by_the_card_that_is_declared(estate: Session) -> None:
    server = next(s for s in source_survey().servers if s.name == "hrss-app")
    estate.add(
        Nic(
            workload_code="hrss-app",
            name="eth0",
            mac=server.nics[0].mac_address,
            created_at=NOON,
            updated_at=NOON,
        )
    )
    estate.flush()
    elsewhere = {"name": "somebody", "project_id": "another"}
    read(estate, **servers(hrss_app=elsewhere))
    assert compared(estate).matched == 6
    row = only(estate, kind="differs")
    assert ([d["field"] for d in row.details], row.declared) == (["name"], ["hrss-app"])


def test_an_identifier_and_power_are_compared_once_they_are_declared(estate: Session) -> None:
    declared = workload(estate, "hrss-app")
    server = next(s for s in source_survey().servers if s.name == "hrss-app")
    declared.platform_uuid, declared.power = server.id, "off"
    estate.flush()
    read(estate)
    compared(estate)
    row = only(estate, kind="differs")
    assert [(d["field"], d["declared"], d["observed"]) for d in row.details] == [
        ("power", "off", "on")
    ]


def test_what_reconciliation_changes_stands_in_the_things_own_history(
    estate: Session, days: Any
) -> None:
    read(estate, **servers(hrss_app={"vcpus": 9}))
    compared(estate)
    decide(estate, WANG, only(estate, kind="differs").id, Verdict("accept_observed"))
    row = doubted(estate, days)
    decide(estate, WANG, row.id, Verdict("accept_observed"))
    log = estate.scalars(select(ChangeLog).order_by(ChangeLog.id)).all()
    assert [
        (entry.key, entry.act, entry.before, entry.after, entry.principal) for entry in log
    ] == [
        ("hrss-app", "update", {"vcpu": 1}, {"vcpu": 9}, "wang"),
        ("mib-web", "state", {"state": "verified"}, {"state": "doubtful"}, "system"),
        ("mib-web", "state", {"state": "doubtful"}, {"state": "closed"}, "wang"),
    ]
    assert {entry.unit_code for entry in log} == {"U-hrss", "U-mib"}


def test_what_was_accepted_and_is_found_again_is_open(estate: Session) -> None:
    seen = servers(hrss_app={"vcpus": 9})
    read(estate, **seen)
    compared(estate)
    row = only(estate, kind="differs")
    decide(estate, WANG, row.id, Verdict("accept_observed"))
    workload(estate, "hrss-app").vcpu = 1  # declared otherwise again
    estate.flush()
    assert compared(estate).changes == {"reopened": 1}
    assert row.state == "open"


def test_an_exception_for_a_machine_in_no_register_holds_while_it_is_switched_off(
    estate: Session,
) -> None:
    read(estate, **with_servers(extra_server("lab")))
    compared(estate)
    row = only(estate, kind="observed_only")
    until = (NOON + 30 * DAY).date()
    decide(estate, WANG, row.id, Verdict("except_until", reason="临时", until=until))
    read(estate, **with_servers(extra_server("lab", status="SHUTOFF")))
    assert compared(estate).changes == {"changed": 1}
    assert (row.state, row.details[0]["power"]) == ("excepted", "off")


def card_of(code: str, name: str, mac: str) -> Nic:
    return Nic(workload_code=code, name=name, mac=mac, created_at=NOON, updated_at=NOON)


@pytest.mark.parametrize(
    ("declared", "after"),
    [
        (["02:00:00:00:00:01"], ["eth0"]),  # exchanged
        (["fa:16:3e:00:00:01", "02:00:00:00:00:01"], ["eth0"]),  # one too many
        (["02:00:00:00:00:01", "02:00:00:00:00:02"], ["eth0"]),
    ],
)
def test_cards_that_were_seen_replace_those_declared(
    estate: Session, declared: list[str], after: list[str]
) -> None:
    estate.add_all(card_of("hrss-app", f"eth{n}", mac) for n, mac in enumerate(declared))
    estate.flush()
    read(estate)
    compared(estate)
    row = only(estate, kind="differs")
    assert [(d["field"], d["authority"]) for d in row.details] == [("macs", "observed")]
    decide(estate, WANG, row.id, Verdict("accept_observed"))
    cards = estate.scalars(select(Nic).where(Nic.workload_code == "hrss-app")).all()
    assert [(card.name, card.mac) for card in cards] == [(after[0], "fa:16:3e:00:00:01")]
    log = estate.scalars(select(ChangeLog).where(ChangeLog.sheet == "nics")).all()
    assert {entry.unit_code for entry in log} == {"U-hrss"}
    assert len(log) == len(declared) - ("fa:16:3e:00:00:01" in declared)
    assert compared(estate).open == {}  # matched by its card from now on
    assert compared(estate).changes == {}


def test_a_card_more_than_declared_is_added_under_a_free_name(estate: Session) -> None:
    nic = next(s for s in source_survey().servers if s.name == "hrss-app").nics[0]
    second = nic.model_copy(update={"port_id": "p2", "mac_address": "fa:16:3e:00:00:f2",
                                    "addresses": ()})  # fmt: skip
    estate.add(card_of("hrss-app", "eth1", nic.mac_address))
    estate.flush()
    read(estate, **servers(hrss_app={"nics": (nic, second)}))
    compared(estate)
    decide(estate, WANG, only(estate, kind="differs").id, Verdict("accept_observed"))
    cards = estate.scalars(select(Nic).order_by(Nic.name)).all()
    assert [(card.name, card.mac) for card in cards] == [
        ("eth0", "fa:16:3e:00:00:f2"),
        ("eth1", nic.mac_address),
    ]


def test_cards_that_differ_are_returned_with_a_reason_too(estate: Session) -> None:
    estate.add(card_of("hrss-app", "eth0", "02:00:00:00:00:01"))
    estate.flush()
    read(estate)
    compared(estate)
    decide(
        estate, WANG, only(estate, kind="differs").id, Verdict("return_to_unit", reason="请核对")
    )
    assert (workload(estate, "hrss-app").reasons or {}).keys() == {"networks"}


def test_an_operator_of_one_unit_cannot_tell_anothers_finding_from_none(estate: Session) -> None:
    read(estate, **servers(hrss_app={"vcpus": 9}))
    compared(estate)
    foreign = only(estate, kind="differs").id
    estate.commit()
    mine = Principal("mei", account_id=7, grants=frozenset([Granted("operator", "unit", "U-mib")]))
    bind(estate, mine)
    told = []
    for number in (foreign, 99_999):
        with pytest.raises(NotFound) as refused:
            decide(estate, mine, number, Verdict("keep_declared", reason="x"))
        told.append((refused.value.code, str(refused.value).replace(str(number), "N")))
    assert told[0] == told[1]
    assert decide_all(estate, mine, Filter(kind="differs"), Verdict("accept_observed")) == ([], [])
    assert [one.unit for one in accuracy(estate, mine)] == ["U-mib"]
