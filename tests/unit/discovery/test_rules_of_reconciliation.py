"""The rules reconciliation stands on, one by one: who matches, who is right, and what proves.

Ties, doubts and decisions on them are in `test_findings`; the pure core in `test_reconciling`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.conftest import NOON
from tests.unit.discovery.machines import declared, seen
from tests.unit.discovery.test_reconciling import U1, run, told
from tests.unit.discovery.world import (
    DAY,
    WANG,
    compared,
    only,
    read,
    servers,
    workload,
)
from yunzhang import clock
from yunzhang.discovery.authority import FIELDS
from yunzhang.discovery.decisions import Verdict, decide
from yunzhang.discovery.findings import accuracy
from yunzhang.discovery.keeping import Outcome, Reading, keep, record
from yunzhang.discovery.machines import Declared, Seen
from yunzhang.discovery.models import Finding
from yunzhang.estate.models import CloudPlatform, Workload
from yunzhang.settings import Settings
from yunzhang.units.scope import SYSTEM

MAC = "52:54:00:00:00:0a"


@pytest.fixture(autouse=True)
def settled(instance: Settings) -> Settings:
    return instance


# who matches

LADDER = ("identifier", "card", "name", "address")


@pytest.mark.parametrize("strongest", range(len(LADDER)))
def test_a_stronger_rung_wins_over_all_below_it(strongest: int) -> None:
    """Of four machines each answers to one thing of the workload; those above are left out."""
    answers = {
        "identifier": seen("one", uuid=U1),
        "card": seen("two", macs=(MAC,)),
        "name": seen("web"),
        "address": seen("four", ips=("10.0.0.1",)),
    }
    own = declared("web", uuid=U1, macs=(MAC,), ips=("10.0.0.1",))
    there = [answers[rung] for rung in LADDER[strongest:]]
    result = run([own], there)
    if LADDER[strongest] in ("identifier", "address"):
        assert [pair.observed for pair in result.pairs] == [there[0].ref]
    else:
        # a card or a name that name and address contradict is for a person, never first-wins
        assert result.pairs == []
        assert [found.kind for found in told(result, "ambiguous")] == ["ambiguous"]


def test_a_card_wins_over_other_machines_when_nothing_contradicts_it() -> None:
    own = [declared("web", macs=(MAC,)), declared("app")]
    result = run(own, [seen("renamed", macs=(MAC,)), seen("app")])
    assert [(pair.declared, pair.observed, pair.rung) for pair in result.pairs] == [
        ("app", "cloud/app", "name_or_address"),
        ("web", "cloud/renamed", "card"),
    ]


# who is right about what

VALUES: dict[str, tuple[Any, Any]] = {
    "name": ("a", "b"), "platform_uuid": (U1, U1[:-1] + "9"),
    "addresses": (["10.0.0.1"], ["10.0.0.2"]),
    "macs": ([MAC], ["52:54:00:00:00:0b"]), "power": ("on", "off"),
    **dict.fromkeys(("vcpu", "ram_mib", "disk_gib", "data_gib", "opex_fen", "mlps_level"), (2, 3)),
    **dict.fromkeys(("unit_code", "system_code", "responsible", "note", "last_seen"), ("x", "y")),
}  # fmt: skip


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_every_field_is_compared_by_its_own_authority(field: Any) -> None:
    own, other = VALUES[field.name]
    workload = declared("web", uuid=U1)
    machine = seen("web", uuid=U1)
    said = replace(workload, values={**workload.values, field.name: own})
    shown = replace(machine, values={**machine.values, field.name: other})
    result = run([said], [shown])
    found = [detail for one in told(result, "differs") for detail in one.details]
    expected = [] if field.authority == "declared" else [(field.name, field.authority)]
    assert [(detail["field"], detail["authority"]) for detail in found] == expected


def test_the_units_word_and_what_runs_are_these() -> None:
    by = {a: {f.name for f in FIELDS if f.authority == a} for a in ("declared", "observed")}
    assert by["declared"] >= {"unit_code", "mlps_level", "responsible", "opex_fen"}
    assert by["observed"] >= {"power", "vcpu", "macs", "last_seen"}
    assert {f.name for f in FIELDS if f.authority == "compare"} >= {"name", "addresses"}


# what proves that something is missing


def domain(number: int, *, power: str = "running") -> dict[str, Any]:
    return {
        "uuid": f"0c9a2f04-6f0e-4b3c-9a35-6c1d1f1b{number:04x}", "name": f"vm{number % 10}",
        "serial": "", "vcpus": 1, "ram_mib": 192, "disks": [], "nics": [], "power": power,
    }  # fmt: skip


def keep_farm(session: Session, farm: int, numbers: list[int], **how: Any) -> Outcome:
    """A libvirt farm's reading; domains are known by number."""
    payloads = [domain(farm * 10 + number, **how) for number in numbers]
    records = [record("domains", one["uuid"], one["name"], one) for one in payloads]
    return keep(session, SYSTEM, Reading(f"farm{farm}", "libvirt", clock.now()), records)


@pytest.fixture
def farms(estate: Session) -> Session:
    """Six farms of three domains each, all with the same names, all declared; read once."""
    model = workload(estate, "hrss-app")
    columns = {c.key for c in Workload.__table__.columns} - {"id", "uid"}
    kept = {name: getattr(model, name) for name in columns}
    now = {"created_at": NOON, "updated_at": NOON, "state": "verified"}
    for farm in range(6):
        estate.add(
            CloudPlatform(
                code=f"F{farm}", name=f"F{farm}", unit_code="U-hrss", kind="virtualisation",
                technology="kvm", cloud_name=f"farm{farm}", **now,
            )
        )  # fmt: skip
        estate.flush()
        for number in range(3):
            own = {
                "code": f"f{farm}-vm{number}",
                "name": f"vm{number}",
                "platform_code": f"F{farm}",
            }
            bare: dict[str, Any] = {"project": "", "domain_code": None}
            bare |= {"networks": [], "addresses": []}
            estate.add(Workload(**kept | own | bare))
        estate.flush()
        keep_farm(estate, farm, [0, 1, 2])
    return estate


def missing(session: Session) -> list[str]:
    rows = session.scalars(select(Finding).where(Finding.kind == "declared_only"))
    return sorted(row.declared[0] for row in rows if row.state != "resolved")


def test_six_farms_do_not_orphan_one_another(farms: Session, days: Any) -> None:
    assert compared(farms).matched == 6 + 18
    assert missing(farms) == []
    for day in (1, 2, 9):
        with days(day):
            for _ in range(2):
                keep_farm(farms, 4, [0, 1, 2])
            compared(farms)
    assert missing(farms) == []
    with days(10):
        farms_reading = Reading("farm4", "libvirt", clock.now(), allow_shrink=True)
        one = domain(40)
        keep(farms, SYSTEM, farms_reading, [record("domains", one["uuid"], one["name"], one)])
        compared(farms)
    assert missing(farms) == ["f4-vm1", "f4-vm2"]


def test_a_domain_that_was_off_when_its_host_forgot_it_is_not_missing(
    farms: Session, days: Any
) -> None:
    compared(farms)
    with days(1):
        keep_farm(farms, 0, [0, 1, 2], power="off")
        compared(farms)
    for day in (2, 3, 12):
        with days(day):
            reading = Reading("farm0", "libvirt", clock.now(), allow_shrink=True)
            keep(farms, SYSTEM, reading, [])
            compared(farms)
    assert missing(farms) == []


def test_a_stopped_server_of_a_cloud_is_listed_and_not_missing(estate: Session, days: Any) -> None:
    workload(estate, "mib-web").power = "on"
    estate.flush()
    compared(estate)
    for day in (1, 2, 9):
        with days(day):
            read(estate, **servers(mib_web={"status": "SHUTOFF"}))
            compared(estate)
    row = only(estate)
    assert (row.kind, [d["field"] for d in row.details]) == ("differs", ["power"])


@pytest.mark.parametrize(("left", "guarded"), [(10, False), (8, False), (7, True), (0, True)])
def test_a_source_that_shows_less_than_four_fifths_proves_nothing(
    farms: Session, left: int, guarded: bool
) -> None:
    keep_farm(farms, 0, list(range(10)))
    outcome = keep_farm(farms, 0, list(range(left)))
    assert (outcome.guarded, bool(outcome.gone)) == (guarded, 10 - left > 0 and not guarded)


def test_misses_count_in_a_row_only(estate: Session, days: Any) -> None:
    compared(estate)
    gone = servers(without=("mib-web",))
    told = []
    for day, shown in ((1, gone), (2, gone), (3, servers()), (11, gone), (12, gone), (13, gone)):
        with days(day):
            read(estate, **shown)
            compared(estate)
            row = only(estate, kind="declared_only")
            told.append((row.state, row.misses, workload(estate, "mib-web").state))
    assert [misses for _, misses, _ in told] == [1, 2, 2, 1, 2, 3]
    assert told[2][0] == "resolved"
    # three in a row, but of two days since it was last there
    assert told[-1] == ("watching", 3, "verified")


# decisions and what they are counted as


def test_an_exception_for_what_comes_again_ends_too(estate: Session, days: Any) -> None:
    seen_now = servers(hrss_app={"vcpus": 9})
    read(estate, **seen_now)
    compared(estate)
    row = only(estate, kind="differs")
    until = (NOON + 3 * DAY).date()
    decide(estate, WANG, row.id, Verdict("except_until", reason="批文 7 号", until=until))
    states = []
    for day, shown in ((1, servers()), (2, seen_now), (3, servers()), (4, seen_now)):
        with days(day):
            read(estate, **shown)
            compared(estate)
            states.append(row.state)
    assert states == ["resolved", "excepted", "resolved", "open"]


def test_what_is_missing_or_unsaid_is_never_scored(estate: Session) -> None:
    """A workload nobody saw and a field nobody declared count neither for nor against a unit."""
    for row in estate.scalars(select(Workload)):
        row.power = row.platform_uuid = None
    compared(estate)
    before = {one.unit: (one.compared, one.share) for one in accuracy(estate, SYSTEM)}
    read(estate, **servers(without=("mib-web",)))
    compared(estate)
    after = {one.unit: (one.compared, one.share) for one in accuracy(estate, SYSTEM)}
    assert after["U-hrss"] == before["U-hrss"]
    assert after["U-mib"][0] < before["U-mib"][0]
    assert after["U-mib"][1] == before["U-mib"][1] == 1.0
    assert "U-lz" not in after  # nothing was compared of it
    read(estate, servers=())
    assert {one.unit for one in accuracy(estate, SYSTEM)} == {"U-hrss", "U-mib"}


def test_the_same_observation_twice_changes_nothing_but_when_it_was_seen(farms: Session) -> None:
    compared(farms)
    with clock.fixed(NOON + timedelta(hours=1)):
        for farm in range(6):
            assert keep_farm(farms, farm, [0, 1, 2]).changes == 0
        assert compared(farms).changes == {}


def test_days_alone_without_enough_complete_readings_prove_nothing(
    estate: Session, days: Any
) -> None:
    compared(estate)
    for day in (1, 30):
        with days(day):
            read(estate, **servers(without=("mib-web",)))
            compared(estate)
    row = only(estate, kind="declared_only")
    assert (row.state, row.misses) == ("watching", 2)
    assert workload(estate, "mib-web").state == "verified"


# who is told: a machine that stands among another unit's workloads alone is theirs to know


def told_units(own: list[Declared], other: list[Seen]) -> dict[str, str | None]:
    return {found.kind: found.unit for found in run(own, other).findings}


def theirs(name: str = "b-app") -> Declared:
    return declared(name, project="pb", unit="UB")


def test_a_machine_of_anothers_project_is_not_suggested_to_a_unit() -> None:
    own = [theirs(), declared("hrss-web-01", project="pa", unit="UA")]
    other = [seen("b-app", project="pb"), seen("hrss_web01", project="pb")]
    assert told_units(own, other)["suggestion"] is None
    beside = [seen("b-app", project="pb"), seen("hrss_web01", project="pa")]
    assert told_units(own, beside)["suggestion"] == "UA"


def test_a_tie_with_anothers_machines_is_the_offices() -> None:
    own = [theirs(), declared("web", unit="UA")]
    twins = [seen("web", ref=ref, project="pb") for ref in ("1", "2")]
    assert told_units(own, [seen("b-app", project="pb"), *twins])["ambiguous"] is None
    nobodys = [seen("web", ref=ref, project="new") for ref in ("1", "2")]
    assert told_units(own, [seen("b-app", project="pb"), *nobodys])["ambiguous"] == "UA"


def test_what_differs_from_anothers_machine_is_the_offices() -> None:
    """Declaring a name without a project must not tell what another's machine of it is like."""
    own = [theirs(), declared("web", unit="UA", vcpu=1)]
    other = [seen("b-app", project="pb"), seen("web", project="pb", vcpu=9)]
    assert told_units(own, other) == {"differs": None}
    assert told_units(own, [other[0], seen("web", project="pa", vcpu=9)]) == {"differs": "UA"}
