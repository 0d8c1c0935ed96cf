"""Units write their own rows, and no file makes another's theirs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from tests.unit.estate.books import load_demo
from yunzhang.errors import Conflict, Forbidden, NotFound
from yunzhang.estate import service
from yunzhang.estate.addresses.service import find_conflicts
from yunzhang.estate.changes.models import ImportBatch
from yunzhang.estate.example.province import invented_uscc
from yunzhang.estate.importing.undo import undo_batch
from yunzhang.estate.items import editing, lifecycle
from yunzhang.estate.items.lifecycle import Step
from yunzhang.estate.models import AddressDomain, PrivateNetwork, Site, Workload
from yunzhang.estate.workbooks.files import RawFile, RawSheet
from yunzhang.estate.workbooks.report import ImportReport
from yunzhang.estate.workbooks.sheets import BY_KEY
from yunzhang.units.models import Unit
from yunzhang.units.scope import SYSTEM, Granted, Principal, bind, unrestricted

MIB = Principal("zhao", account_id=7, grants=frozenset({Granted("applicant", "unit", "mib")}))


@pytest.fixture
def estate(session: Session) -> Session:
    load_demo(session)
    session.commit()
    return bind(session, MIB)


def bring(session: Session, who: Principal = MIB, **sheets: list[dict[str, Any]]) -> ImportReport:
    """Import rows as one file: sheet key → rows by column key."""
    raw = []
    for key, rows in sheets.items():
        names = list(rows[0])
        cells = [[row.get(name, "") for name in names] for row in rows]
        raw.append(RawSheet(BY_KEY[key].title, [names, *cells]))
    return service.import_raw(session, who, RawFile("file", "0" * 64, raw), "good")


def site(code: str, unit: str) -> dict[str, Any]:
    return {"code": code, "name": code, "unit_code": unit, "division_code": "450100",
            "classified": "否"}  # fmt: skip


def refused(report: ImportReport) -> list[tuple[str, int]]:
    return [(f.sheet, f.row) for f in report.faults if f.code == "not_yours"]


def test_a_unit_writes_its_own_and_not_anothers(estate: Session) -> None:
    report = bring(estate, sites=[site("mine", "mib"), site("theirs", "hrss")])
    assert refused(report) == [("机房", 3)]
    assert report.counts["sites"]["create"] == 1
    with unrestricted(estate):
        assert "theirs" not in set(estate.scalars(select(Site.code)))


def test_a_unit_below_is_its_own_and_one_beside_is_not(estate: Session) -> None:
    told = {"name": "某所", "division_code": "450100", "level": "region"}
    below = told | {"code": "mib-sub", "parent_code": "mib"}
    report = bring(estate, units=[below, told | {"code": "free", "parent_code": ""}])
    assert refused(report) == [("单位", 3)]
    assert set(estate.scalars(select(Unit.code))) == {"mib", "mib-sub"}


def test_anothers_thing_is_not_taken_over_by_naming_oneself_its_unit(estate: Session) -> None:
    with unrestricted(estate):
        other = estate.scalars(select(Site.code).where(Site.unit_code == "hrss")).first()
    report = bring(estate, sites=[site(str(other), "mib")])
    assert refused(report) == [("机房", 2)]
    assert report.changes[0].diff == {}, "what stands there is not told"


def test_a_claim_that_was_refused_let_the_next_sheet_into_anothers_network(
    estate: Session,
) -> None:
    with unrestricted(estate):
        query = select(PrivateNetwork.code).where(PrivateNetwork.unit_code == "hrss")
        network = str(estate.scalars(query).first())
    claim = {"code": network, "name": "x", "unit_code": "mib", "reach": "region",
             "ministry_run": "否", "zone": "private", "classified": "否"}  # fmt: skip
    inside = {"code": "inside", "name": "x", "network_code": network}
    report = bring(estate, networks=[claim], domains=[inside])
    assert ("业务专网", 2) in refused(report)
    assert report.counts["domains"]["create"] == 0
    with unrestricted(estate):
        assert "inside" not in set(estate.scalars(select(AddressDomain.code)))


def test_a_code_of_anothers_is_taken_without_saying_by_what(estate: Session) -> None:
    with unrestricted(estate):
        other = estate.scalars(select(Site.code).where(Site.unit_code == "hrss")).first()
    record = site(str(other), "mib") | {"classified": False}
    with pytest.raises((editing.ItemsRefused, Conflict)) as told:
        editing.create_item(estate, MIB, BY_KEY["sites"], record)
    assert "hrss" not in str(told.value)


def test_of_the_other_side_of_a_conflict_only_the_unit_is_told(estate: Session) -> None:
    report = find_conflicts(estate, MIB)
    assert (report.total, report.domains) == (1, 1)
    (pair,) = report.pairs
    assert (pair.first.domain_code, pair.first.cidr) == ("mib", "192.168.10.0/24")
    assert pair.second.unit_code == "hrss"
    assert {pair.second.cidr, pair.second.domain_code, pair.second.network_code} == {""}
    assert [network.unit_code for network in report.networks] == ["mib"]


def test_an_export_holds_own_rows_alone(tmp_path: Path, estate: Session) -> None:
    counts = service.export_workbook(estate, MIB, tmp_path / "own.xlsx")
    assert (counts["units"], counts["workloads"]) == (1, 3)


# Reads the whole office as an engineer, who may not import; imports for one unit.
MIXED = Principal(
    "sun", frozenset({"engineer"}), 8, frozenset({Granted("applicant", "unit", "mib")})
)


@pytest.fixture
def mixed(estate: Session) -> Session:
    return bind(estate, MIXED)


def test_an_office_role_without_import_let_a_units_applicant_import_for_everybody(
    mixed: Session,
) -> None:
    report = bring(mixed, MIXED, sites=[site("mine", "mib"), site("theirs", "hrss")])
    assert refused(report) == [("机房", 3)]
    assert "theirs" not in set(mixed.scalars(select(Site.code)))


def test_who_reads_everything_changed_and_removed_what_they_only_read(mixed: Session) -> None:
    theirs = mixed.scalars(select(Site).where(Site.unit_code == "hrss")).first()
    assert theirs is not None
    sheet, key = BY_KEY["sites"], (theirs.code,)
    with pytest.raises(NotFound):
        editing.change_item(mixed, MIXED, sheet, key, {"name": "x"}, theirs.revision)
    with pytest.raises(NotFound):
        editing.remove_item(mixed, MIXED, sheet, key, theirs.revision)
    with pytest.raises(NotFound):
        lifecycle.advance_items(mixed, MIXED, "sites", [theirs.code], Step("submitted"))
    assert editing.read_item(mixed, MIXED, sheet, key).name == theirs.name


def test_who_reads_everything_undid_anothers_import(mixed: Session) -> None:
    batch = mixed.scalars(select(ImportBatch.id)).one()
    with pytest.raises(Forbidden):
        undo_batch(mixed, MIXED, batch)


def test_a_new_unit_and_what_it_has_come_in_one_file(estate: Session) -> None:
    told = {"name": "某所", "division_code": "450100", "level": "region"}
    below = told | {"code": "mib-sub", "parent_code": "mib-mid"}
    middle = told | {"code": "mib-mid", "name": "某中心", "parent_code": "mib"}
    report = bring(estate, units=[below, middle], sites=[site("s-sub", "mib-sub")])
    assert refused(report) == []
    assert report.counts["sites"]["create"] == 1


def test_a_refused_row_let_a_new_unit_take_anothers_credit_code(estate: Session) -> None:
    uscc, other = invented_uscc("450000", 900_008), invented_uscc("450000", 900_009)
    bind(estate, SYSTEM).execute(update(Unit).where(Unit.code == "hrss").values(uscc=uscc))
    bind(estate, MIB)
    values = {"name": "某所", "division_code": "450100", "level": "region"}
    report = bring(
        estate,
        units=[
            values | {"code": "hrss", "uscc": other, "parent_code": ""},
            values | {"code": "mib-sub", "uscc": uscc, "parent_code": "mib"},
        ],
    )
    assert [f.code for f in report.faults if f.row == 3] == ["uscc_twice"]
    assert report.counts["units"]["create"] == 0


def told(report: ImportReport) -> str:
    """All that an answer says."""
    words = [(f.message, f.suggestion, f.values) for f in (*report.faults, *report.notes)]
    return str(words) + str([change.diff for change in report.changes])


NIC = {"workload_code": "hrss-db", "name": "zz"}
PROBES: dict[str, dict[str, list[dict[str, Any]]]] = {
    "addresses of its cards": {"nics": [NIC]},
    "size of its disks": {"disks": [{"workload_code": "hrss-db", "name": "z", "size_gib": 1,
                                     "boot": "否"}]},
    "its prefixes": {"prefixes": [{"domain_code": "hrss", "cidr": "192.168.0.0/16",
                                   "role": "网段"}]},
    "a row that is bad besides": {"prefixes": [{"domain_code": "hrss", "cidr": "192.168.0.0/16",
                                                "role": "网段", "segment_code": "nowhere"}]},
    "its units above": {"units": [{"code": "hrss", "name": "x", "division_code": "450100",
                                   "level": "region", "parent_code": "mib"}]},
}  # fmt: skip


@pytest.mark.parametrize("probe", PROBES)
def test_rows_of_anothers_were_answered_with_what_stands_there(estate: Session, probe: str) -> None:
    report = bring(estate, MIB, **PROBES[probe])
    assert [f.code for f in report.faults] == ["not_yours"]
    assert "192.168" not in told(report)


def server(code: str, **more: Any) -> dict[str, Any]:
    return {"code": code, "name": code, "system_code": "mib-approval", "unit_code": "mib",
            "platform_code": "legacy", "vcpu": 1, "ram_mib": 1024, "disk_gib": 10,
            **more}  # fmt: skip


@pytest.fixture
def known_things(estate: Session) -> Session:
    """Another's server has what numbers a machine."""
    theirs = update(Workload).where(Workload.code == "hrss-db")
    bind(estate, SYSTEM).execute(
        theirs.values(serial="S-1", platform_uuid="11111111-2222-4333-8444-555555555555")
    )
    return bind(estate, MIB)


def test_whose_a_number_is_already_was_told_by_code(known_things: Session) -> None:
    own = known_things.scalars(select(Workload).where(Workload.unit_code == "mib")).first()
    assert own is not None
    system = {"system_code": own.system_code, "platform_code": own.platform_code}
    rows = [
        server("a", serial="S-1", platform_uuid="", **system),
        server("b", serial="", platform_uuid="11111111-2222-4333-8444-555555555555", **system),
    ]
    report = bring(known_things, workloads=rows)
    assert {"serial_twice", "uuid_twice"} <= {f.code for f in report.faults}
    assert "hrss-db" not in told(report)
    assert "其他单位的对象" in told(report)


def test_addresses_of_anothers_domain_could_be_tried_out(known_things: Session) -> None:
    own = known_things.scalars(select(Workload).where(Workload.unit_code == "mib")).first()
    assert own is not None
    system = {"system_code": own.system_code, "platform_code": own.platform_code}
    rows = [
        server(f"t{n}", domain_code="hrss", addresses=address, **system)
        for n, address in enumerate(["192.168.20.9", "192.168.21.9"])
    ]
    report = bring(known_things, workloads=rows)
    assert [f.code for f in report.faults if f.severity == "error"] == []


def test_one_unit_wrote_anothers_costs_and_duties(estate: Session) -> None:
    with unrestricted(estate):
        query = select(PrivateNetwork.code).where(PrivateNetwork.unit_code == "hrss")
        network = str(estate.scalars(query).first())
    about = {"object_sheet": "业务专网", "object_code": network}
    person = {"code": "p-mib", "name": "韦某", "unit_code": "mib"}
    duty = about | {"duty": "责任人", "person_code": "p-mib", "valid_from": "2026-01-01"}
    report = bring(
        estate, persons=[person], responsibilities=[duty],
        opex=[about | {"unit_code": "mib", "year": 2026}],
    )  # fmt: skip
    assert refused(report) == [("责任分工", 2), ("运维经费", 2)]


@pytest.mark.parametrize("parent", ["hrss", ""])
def test_a_unit_took_itself_out_of_its_superiors_sight(estate: Session, parent: str) -> None:
    below = Principal(
        "he", account_id=6, grants=frozenset({Granted("applicant", "unit", "mib-sub")})
    )
    values = {"code": "mib-sub", "name": "某所", "division_code": "450100", "level": "region"}
    bring(estate, units=[values | {"parent_code": "mib"}])
    estate.commit()
    bind(estate, below)
    assert refused(bring(estate, below, units=[values | {"parent_code": parent}])) == [("单位", 2)]
    renamed = values | {"name": "某中心", "parent_code": "mib"}
    assert refused(bring(estate, below, units=[renamed])) == []


def test_whom_a_site_was_given_took_and_removed_what_stands_in_it(estate: Session) -> None:
    with unrestricted(estate):
        theirs = estate.scalars(select(Site).where(Site.unit_code == "hrss")).first()
    assert theirs is not None
    keeper = Principal(
        "luo", account_id=5, grants=frozenset({Granted("manager", "site", theirs.code)})
    )
    bind(estate, keeper)
    assert theirs.code in set(estate.scalars(select(Site.code)))
    with pytest.raises(NotFound):
        editing.remove_item(estate, keeper, BY_KEY["sites"], (theirs.code,), theirs.revision)
    with pytest.raises(NotFound):
        lifecycle.advance_items(estate, keeper, "sites", [theirs.code], Step("submitted"))
