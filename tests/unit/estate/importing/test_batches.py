"""A unit sees and takes back its own imports, and through none of them another's rows."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.unit.estate.books import load_demo
from yunzhang.errors import Conflict, Forbidden, NotFound
from yunzhang.estate import service
from yunzhang.estate.importing.batches import list_batches, list_import_rows, read_batch
from yunzhang.estate.importing.undo import undo_batch
from yunzhang.estate.items import reform
from yunzhang.estate.workbooks.files import RawFile, RawSheet
from yunzhang.estate.workbooks.sheets import BY_KEY
from yunzhang.units.scope import Granted, Principal, bind

OFFICE = Principal("lu", frozenset({"operator"}), account_id=3)


def of(*units: str, role: str = "applicant") -> Principal:
    grants = frozenset(Granted(role, "unit", unit) for unit in units)
    return Principal("zhao", account_id=7, grants=grants)


MIB, HRSS = of("mib"), of("hrss")


@pytest.fixture
def estate(session: Session) -> Session:
    load_demo(session)
    session.commit()
    return session


def asked_by(session: Session, principal: Principal) -> Session:
    """The session in a new transaction of somebody's."""
    session.rollback()
    session.expunge_all()
    return bind(session, principal)


def bring(
    session: Session, principal: Principal, digest: str = "0", **sheets: list[dict[str, Any]]
) -> int:
    """Import rows as one file of somebody's: sheet key → rows by column key; the batch."""
    raw = [
        RawSheet(BY_KEY[key].title, [list(rows[0]), *(list(row.values()) for row in rows)])
        for key, rows in sheets.items()
    ]
    file = RawFile("file", digest * 64, raw)
    report = service.import_raw(asked_by(session, principal), principal, file, "good")
    session.commit()
    assert report.batch_id
    assert not report.errors, [(f.column, f.message) for f in report.faults]
    return report.batch_id


def site(code: str, unit: str, **more: Any) -> dict[str, Any]:
    return {"code": code, "name": code, "unit_code": unit, "division_code": "450100",
            "classified": "否", **more}  # fmt: skip


def domains(unit: str) -> dict[str, list[dict[str, Any]]]:
    return {
        "networks": [
            {"code": "net", "name": "net", "unit_code": unit, "reach": "市", "zone": "专网区",
             "ministry_run": "否", "mlps_level": "二级",
             "classified": "否"}
        ],
    }  # fmt: skip


def seen(session: Session, principal: Principal) -> list[int]:
    return [batch.id for batch in list_batches(asked_by(session, principal), principal).items]


def test_a_unit_sees_its_own_imports(estate: Session) -> None:
    batch = bring(estate, MIB, sites=[site("mine", "mib")])
    assert seen(estate, MIB) == [batch]
    assert seen(estate, HRSS) == []
    assert seen(estate, OFFICE)[0] == batch
    asked_by(estate, HRSS)
    for read in (read_batch, list_import_rows, undo_batch):
        with pytest.raises(NotFound, match=str(batch)):
            read(estate, HRSS, batch)
    asked_by(estate, MIB)
    assert read_batch(estate, MIB, batch).unit_code == "mib"
    assert [row.key for row in list_import_rows(estate, MIB, batch).items] == ["mine"]


def test_what_the_office_imports_is_the_offices(estate: Session) -> None:
    batch = bring(estate, OFFICE, sites=[site("theirs", "mib")])
    assert seen(estate, MIB) == []
    with pytest.raises(NotFound):
        undo_batch(asked_by(estate, MIB), MIB, batch)


@pytest.mark.parametrize(
    ("rows", "unit"),
    [(["mib"], "mib"), (["hrss", "hrss"], "hrss"), (["mib", "hrss"], None), (["new"], "mib")],
)
def test_somebody_of_two_units(estate: Session, rows: list[str], unit: str | None) -> None:
    both = of("mib", "hrss")
    sheets: dict[str, Any] = {"sites": [site(f"s{n}", code) for n, code in enumerate(rows)]}
    if "new" in rows:
        below = {"code": "new", "name": "新设机构", "division_code": "450100", "level": "设区市",
                 "parent_code": "mib"}  # fmt: skip
        bring(estate, OFFICE, "1", units=[below])
    batch = bring(estate, both, **sheets)
    assert read_batch(asked_by(estate, OFFICE), OFFICE, batch).unit_code == unit
    assert seen(estate, both) == ([batch] if unit else [])
    assert seen(estate, MIB) == ([batch] if unit == "mib" else [])


def test_a_unit_takes_its_own_import_back(estate: Session) -> None:
    batch = bring(estate, MIB, sites=[site("mine", "mib")])
    assert undo_batch(estate, MIB, batch, dry_run=True).removed == {"sites": 1}
    assert read_batch(estate, MIB, batch).undone_at is None
    assert undo_batch(estate, MIB, batch).removed == {"sites": 1}
    estate.commit()
    estate.expire_all()
    assert read_batch(estate, MIB, batch).undone_by == "zhao"
    with pytest.raises(Conflict, match="已撤销过"):
        undo_batch(estate, MIB, batch)


def test_what_went_to_another_unit_is_not_taken_back(estate: Session) -> None:
    batch = bring(estate, MIB, sites=[site("mine", "mib")])
    reform.move_items(asked_by(estate, OFFICE), OFFICE, [("sites", "mine")], "hrss")
    estate.commit()
    with pytest.raises(Conflict) as refused:
        undo_batch(asked_by(estate, MIB), MIB, batch)
    # that it changed is told, what and whose it is now is not
    assert refused.value.code == "estate.batch_changed"
    assert refused.value.values["shown"] == "其他单位的 1 个"


def test_what_moved_with_its_network_is_not_taken_back(estate: Session) -> None:
    """The change is logged for the network only; its domain went along silently."""
    bring(estate, MIB, "1", **domains("mib"))
    batch = bring(estate, MIB, "2", domains=[{"code": "dom", "name": "dom", "network_code": "net"}])
    reform.move_items(asked_by(estate, OFFICE), OFFICE, [("networks", "net")], "hrss")
    estate.commit()
    for dry_run in (True, False):
        with pytest.raises(Conflict) as refused:
            undo_batch(asked_by(estate, MIB), MIB, batch, dry_run=dry_run)
        assert refused.value.code == "estate.batch_moved"
    assert undo_batch(asked_by(estate, OFFICE), OFFICE, batch).removed == {"domains": 1}


def test_of_others_that_depend_on_it_only_the_number_is_told(estate: Session) -> None:
    batch = bring(estate, MIB, "1", sites=[site("mine", "mib")])
    (network,) = domains("hrss")["networks"]
    bring(estate, OFFICE, "2", networks=[network | {"site_code": "mine"}])
    with pytest.raises(Conflict) as refused:
        undo_batch(asked_by(estate, MIB), MIB, batch)
    assert refused.value.code == "estate.batch_depended"
    assert "net" not in str(refused.value)
    assert "其他单位的 1 个" in str(refused.value)


def test_who_only_reads_a_unit_undoes_nothing_of_it(estate: Session) -> None:
    batch = bring(estate, HRSS, sites=[site("theirs", "hrss")])
    mixed = Principal(
        "wei", account_id=8,
        grants=frozenset({Granted("auditor", "unit", "hrss"), Granted("applicant", "unit", "mib")}),
    )  # fmt: skip
    assert seen(estate, mixed) == [batch]
    with pytest.raises(Forbidden) as refused:
        undo_batch(asked_by(estate, mixed), mixed, batch, dry_run=True)
    assert refused.value.code == "estate.batch_not_yours"


def test_the_same_file_of_another_is_not_told(estate: Session) -> None:
    rows = {"sites": [site("mine", "mib")]}
    raw = RawFile("f", "7" * 64, [RawSheet("机房", [list(rows["sites"][0]), []])])
    bring(estate, MIB, "7", **rows)
    assert service.check_raw(asked_by(estate, MIB), MIB, raw).earlier is not None
    assert service.check_raw(asked_by(estate, HRSS), HRSS, raw).earlier is None
