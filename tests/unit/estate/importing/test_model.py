"""What every row carries beside its columns: its key for ever, who wrote it, how good it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from tests.unit.estate.books import save, set_cell
from tests.unit.estate.whole import load_whole, whole_cells, whole_rows, write_whole
from yunzhang.estate import service
from yunzhang.estate.changes.models import ImportBatch
from yunzhang.estate.importing.quality import Quality
from yunzhang.estate.items import reform
from yunzhang.estate.models import PrivateNetwork, Workload
from yunzhang.estate.repository import MODELS
from yunzhang.estate.workbooks.report import Fault
from yunzhang.estate.workbooks.sheets import BY_KEY, TEMPLATE_VERSION
from yunzhang.units.models import Unit
from yunzhang.units.scope import SYSTEM, Principal

WANG = Principal("wang", frozenset({"operator"}), 1)


def uids(session: Session) -> dict[str, str]:
    session.expire_all()
    return {
        f"{key} {row.id}": row.uid
        for key, model in MODELS.items()
        for row in session.scalars(select(model))
    }


def test_every_row_has_a_uid_for_ever(session: Session, tmp_path: Path) -> None:
    load_whole(session, tmp_path)
    before = uids(session)
    assert len(set(before.values())) == len(before) > len(MODELS)
    assert all(UUID(uid).version == 4 and str(UUID(uid)) == uid for uid in before.values())
    rows = whole_rows()
    rows["networks"][0]["name"] = "新名称"
    path = write_whole(tmp_path / "renamed.xlsx", rows)
    assert service.import_workbook(session, WANG, path, "all").written
    reform.rename_unit(session, WANG, "u2", "南宁市自然资源局")
    reform.merge_units(session, WANG, ["u2"], "u1")
    session.commit()
    assert uids(session) == before


def test_a_row_says_who_made_it_and_who_wrote_it_last(session: Session, tmp_path: Path) -> None:
    load_whole(session, tmp_path)
    rows = whole_rows()
    rows["networks"][0]["name"] = "新名称"
    path = write_whole(tmp_path / "renamed.xlsx", rows)
    batch = service.import_workbook(session, WANG, path, "all").batch_id
    session.commit()
    network = session.scalars(select(PrivateNetwork)).one()
    assert (network.created_by, network.updated_by) == ("system", "wang")
    assert network.batch_id == batch
    read = service.list_rows(session, SYSTEM, "networks").items[0]
    assert (read.uid, read.created_by, read.updated_by, read.batch_id) == (
        network.uid, "system", "wang", batch)  # fmt: skip
    added = Unit(code="u9", name="新单位", division_code="450100", level="city", state="draft",
                 created_at=network.created_at, updated_at=network.created_at)  # fmt: skip
    session.add(added)
    session.flush()
    assert (added.created_by, added.updated_by, len(added.uid)) == ("system", "system", 36)


def test_quality_is_the_share_of_expected_columns_less_warnings() -> None:
    sheet = BY_KEY["circuits"]
    assert len(sheet.expected) == 5
    warning = Fault(sheet.title, 4, "带宽(Mbps)", "bandwidth_doubtful", "warning")
    other = Fault("互联网出口", 3, "带宽(Mbps)", "bandwidth_doubtful", "warning")
    quality = Quality(sheet, [warning, other])
    full: dict[str, Any] = dict.fromkeys(sheet.expected, "x") | {"annual_fee_fen": 0}
    assert quality.of(3, full) == 100
    assert quality.of(3, full | {"kind": None}) == 80
    assert quality.of(4, full | {"kind": None, "contract_no": ""}) == 50
    assert quality.of(4, {}) == 0


def test_expected_columns_are_optional_columns() -> None:
    for sheet in BY_KEY.values():
        for name in sheet.expected:
            assert not sheet.by_key[name].required, f"{sheet.key}.{name}"


def test_quality_is_measured_when_a_row_is_written(session: Session, tmp_path: Path) -> None:
    load_whole(session, tmp_path)
    systems = service.list_rows(session, SYSTEM, "systems").items
    assert [row.data_quality for row in systems] == [25]  # rto_minutes, disposition of eight
    cells = whole_cells(tmp_path)
    for header, value in (("重要程度", "核心"), ("用户数", 9), ("等保级别", "三级")):
        set_cell(cells, "信息系统", 3, header, value)
    path = save(tmp_path / "better.xlsx", cells)
    assert service.import_workbook(session, SYSTEM, path, "all").written
    systems = service.list_rows(session, SYSTEM, "systems").items
    assert [row.data_quality for row in systems] == [50 - 10]  # no filing number
    assert service.list_rows(session, SYSTEM, "systems", quality=39).items == []
    assert len(service.list_rows(session, SYSTEM, "systems", quality=40).items) == 1


def test_quality_is_told_for_each_unit(session: Session, tmp_path: Path) -> None:
    load_whole(session, tmp_path)
    told = {each.unit_code: each for each in service.list_quality(session, SYSTEM)}
    assert told.keys() == {"u1", "u2"}
    rows = [
        row.data_quality
        for key, model in MODELS.items()
        if "unit_code" in BY_KEY[key].by_key
        for row in session.scalars(select(model).where(model.unit_code == "u2"))
    ]
    assert told["u2"].items == told["u2"].measured == len(rows)
    assert told["u2"].quality == round(sum(rows) / len(rows))
    session.execute(update(Workload).values(data_quality=None))
    less = {each.unit_code: each for each in service.list_quality(session, SYSTEM)}["u2"]
    assert less.measured == less.items - 2


def test_a_batch_says_which_template_it_came_in(session: Session, tmp_path: Path) -> None:
    load_whole(session, tmp_path)
    assert session.scalars(select(ImportBatch)).one().template_version == TEMPLATE_VERSION


OLD = Path(__file__).parents[1] / "workbooks" / "templates" / "version-2.xlsx"


def test_a_workbook_of_the_template_before_is_read_without_a_word(session: Session) -> None:
    report = service.import_workbook(session, SYSTEM, OLD, "all")
    assert report.faults == []
    assert report.written
    assert session.scalars(select(ImportBatch)).one().template_version == "2"


def test_an_old_workbook_leaves_new_columns_alone(session: Session, tmp_path: Path) -> None:
    assert service.import_workbook(session, SYSTEM, OLD, "all").written
    server = session.scalars(select(Workload).order_by(Workload.code)).first()
    assert server is not None
    server.form, server.serial = "physical", "GX1"
    session.commit()
    report = service.import_workbook(session, SYSTEM, OLD, "all")
    assert {change.action for change in report.changes} == {"unchanged"}
    service.export_workbook(session, SYSTEM, tmp_path / "out.xlsx")
    again = service.check_workbook(session, SYSTEM, tmp_path / "out.xlsx")
    assert {change.action for change in again.changes} == {"unchanged"}


def physical(**values: Any) -> dict[str, Any]:
    return whole_rows()["workloads"][1] | {
        "code": "x1", "form": "physical", "hardware": "某厂 2U", "serial": "SN-1",
        "site_code": "dc1", "rack": "A03-12U", "mgmt_address": "10.1.3.9", "localised": True,
        **values,
    }  # fmt: skip


def test_a_physical_server_is_registered_and_comes_back(session: Session, tmp_path: Path) -> None:
    rows = whole_rows()
    rows["workloads"].append(physical())
    path = write_whole(tmp_path / "a.xlsx", rows)
    assert service.import_workbook(session, SYSTEM, path, "all").faults == []
    session.commit()
    read = service.list_rows(session, SYSTEM, "workloads").items[-1]
    assert (read.form, read.serial, read.site_code, read.rack, read.mgmt_address, read.localised) \
        == ("physical", "SN-1", "dc1", "A03-12U", "10.1.3.9", True)  # fmt: skip
    assert service.list_rows(session, SYSTEM, "workloads").items[0].form == "vm"
    assert service.check_workbook(session, SYSTEM, path).counts["workloads"]["unchanged"] == 3


@pytest.mark.parametrize("where", ["file", "stored"])
def test_a_serial_number_stands_once(session: Session, tmp_path: Path, where: str) -> None:
    rows = whole_rows()
    rows["workloads"].append(physical())
    if where == "stored":
        path = write_whole(tmp_path / "a.xlsx", rows)
        assert service.import_workbook(session, SYSTEM, path, "all").written
        rows["workloads"].pop()
    rows["workloads"].append(physical(code="x2"))
    report = service.check_workbook(session, SYSTEM, write_whole(tmp_path / "b.xlsx", rows))
    assert [(f.code, f.severity, f.values["other"]) for f in report.faults] == [
        ("serial_twice", "warning", "x1")]  # fmt: skip
