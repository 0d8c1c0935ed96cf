"""Import, export, import changes nothing; the same rows are the same bytes."""

from __future__ import annotations

import csv
from pathlib import Path

from sqlalchemy.orm import Session

from tests.unit.estate.books import INVENTORY, load_demo, stored
from yunzhang.estate import service
from yunzhang.estate.example import province as example
from yunzhang.estate.repository import MODELS
from yunzhang.estate.workbooks import workbook
from yunzhang.estate.workbooks.fault_lists import write_faults
from yunzhang.estate.workbooks.files import read_file
from yunzhang.estate.workbooks.parsing import parse_file
from yunzhang.estate.workbooks.report import Fault
from yunzhang.estate.workbooks.sheets import SHEETS, TEMPLATE_VERSION
from yunzhang.units.scope import SYSTEM

PROVINCE = INVENTORY / "example" / "province.xlsx"


def test_columns_are_the_tables_columns() -> None:
    for sheet in SHEETS:
        table = MODELS[sheet.key].__table__
        own = {column.key for column in sheet.columns} - {"classified"}
        kept = {"id", "state", "revision", "reasons", "batch_id", "created_at", "updated_at"}
        kept |= {"uid", "data_quality", "created_by", "updated_by"}
        kept |= {"valid_to", "replaced_by"} if sheet.key == "units" else set()
        derived = {"family", "lo", "hi"} if sheet.key in {"prefixes", "ranges"} else set()
        assert own | kept | derived == set(table.c.keys()), sheet.key
        for column in sheet.columns:
            if column.key != "classified" and column.required:
                assert not table.c[column.key].nullable, f"{sheet.key}.{column.key}"


def test_export_then_import_changes_nothing(session: Session, tmp_path: Path) -> None:
    load_demo(session)
    report = service.import_workbook(session, SYSTEM, PROVINCE, "all")
    session.commit()
    assert report.written
    assert {fault.code for fault in report.faults} == {"public_inside"}
    counts = service.export_workbook(session, SYSTEM, tmp_path / "out.xlsx")
    assert counts == {key: len(rows) for key, rows in stored(session).items()}
    again = service.check_workbook(session, SYSTEM, tmp_path / "out.xlsx")
    assert again.errors == 0
    assert {change.action for change in again.changes} == {"unchanged"}
    assert len(again.changes) == sum(counts.values())


def test_difficult_texts_survive_the_round_trip(session: Session, tmp_path: Path) -> None:
    load_demo(session)
    unit = session.get_one(MODELS["units"], 1)
    unit.name, unit.note = "=HYPERLINK(1)", "第一行\n第二行，“引号”<&>"
    unit.aliases = ["+86", "@甲", "001"]
    session.commit()
    service.export_workbook(session, SYSTEM, tmp_path / "out.xlsx")
    again = service.check_workbook(session, SYSTEM, tmp_path / "out.xlsx")
    assert {change.action for change in again.changes} == {"unchanged"}


def test_template_is_read_without_faults(tmp_path: Path) -> None:
    path = tmp_path / "template.xlsx"
    workbook.write_template(path, created=example.CREATED)
    raw = read_file(path)
    assert raw.version == TEMPLATE_VERSION
    parsed = parse_file(raw)
    assert parsed.faults == []
    assert set(parsed.sheets) == {sheet.key for sheet in SHEETS}


def test_province_is_what_its_seed_makes(tmp_path: Path) -> None:
    rows = example.make_province(45)
    sizes = {key: len(found) for key, found in rows.items()}
    assert sizes["units"] == 60
    assert sizes["networks"] == 120
    assert sizes["platforms"] == 21
    assert sizes["systems"] >= 150
    assert sizes["workloads"] == 1500
    workbook.write_workbook(tmp_path / "again.xlsx", rows, created=example.CREATED)
    assert (tmp_path / "again.xlsx").read_bytes() == PROVINCE.read_bytes()
    assert example.make_province(46) != rows


def test_demo_workbook_is_made_from_its_source(tmp_path: Path) -> None:
    rows = workbook.read_source(INVENTORY / "demo" / "register.yml")
    workbook.write_workbook(tmp_path / "again.xlsx", rows, created=example.CREATED)
    committed = INVENTORY / "demo" / "register.xlsx"
    assert (tmp_path / "again.xlsx").read_bytes() == committed.read_bytes()


def test_fault_lists_are_no_formulas(tmp_path: Path) -> None:
    fault = Fault("单位", 3, "编号", "code_bad", values={"value": "x"})
    sheet = Fault("=1+1", 0, "@x", "sheet_unknown", values={"known": "单位"})
    write_faults(tmp_path / "faults.csv", [fault, sheet])
    with (tmp_path / "faults.csv").open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.reader(file))
    assert lines[1][:3] == ["单位", "3", "编号"]
    assert lines[2][:3] == ["'=1+1", "", "'@x"]
    write_faults(tmp_path / "faults.xlsx", [fault, sheet])
    assert len(read_file(tmp_path / "faults.xlsx").sheets[0].rows) == 3
