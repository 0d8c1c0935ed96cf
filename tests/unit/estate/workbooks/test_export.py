"""Import, export, import changes nothing; the same rows are the same bytes."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from weakref import WeakSet
from zipfile import ZipFile

import pytest
from sqlalchemy.orm import Session

from tests.unit.estate.books import INVENTORY, load_demo, stored
from yunzhang.errors import Conflict
from yunzhang.estate import progress, repository, service
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


class Row(dict[str, Any]):
    """A row of which can be told whether somebody keeps it."""

    __hash__ = object.__hash__  # type: ignore[assignment]


def test_an_export_held_every_row_in_memory_and_told_nothing(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_demo(session)
    real, kept, most = repository.all_rows, WeakSet[Row](), 0

    def watched(asked: Session, sheet: str) -> Iterator[Row]:
        nonlocal most
        for row in real(asked, sheet):
            mine = Row(row)
            kept.add(mine)
            most = max(most, len(kept))
            yield mine

    told: list[tuple[str, int, int]] = []
    monkeypatch.setattr(repository, "all_rows", watched)
    monkeypatch.setattr(progress, "ROWS", 1)
    counts = service.export_workbook(
        session, SYSTEM, tmp_path / "out.xlsx", lambda *step: told.append(step)
    )
    total = sum(counts.values())
    assert most <= 3 < total  # the one that is written, and those being passed on
    assert told == [("export", done, total) for done in range(total)] + [("pack", total, total)]


def test_rows_that_excel_does_not_take_were_dropped_without_a_word(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_demo(session)
    monkeypatch.setattr(workbook, "MOST_ROWS", len(stored(session)["workloads"]) - 1)
    folder = tmp_path / "out"
    folder.mkdir()
    told: list[str] = []
    with pytest.raises(Conflict) as refused:
        service.export_workbook(session, SYSTEM, folder / "out.xlsx", lambda *_: told.append("x"))
    assert refused.value.code == "estate.sheet_long"
    assert "虚拟机" in str(refused.value)
    assert "--sheet 虚拟机" in str(refused.value.hint)
    assert (list(folder.iterdir()), told) == ([], [])  # refused before anything was done
    assert service.export_sheet(session, SYSTEM, "workloads", folder / "w.csv") == 6
    # rows that came since they were counted
    with pytest.raises(Conflict):
        workbook.write_workbook(folder / "out.xlsx", stored(session), created=example.CREATED)


@pytest.mark.parametrize("name", ["out.xlsx", "out.csv"])
def test_an_export_that_was_stopped_left_half_a_file(
    session: Session, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_demo(session)
    monkeypatch.setattr(progress, "ROWS", 1)
    folder = tmp_path / "out"
    folder.mkdir()
    path = folder / name

    def stop(_step: str, done: int, _total: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    def export() -> None:
        if name == "out.csv":
            service.export_sheet(session, SYSTEM, "workloads", path, progress=stop)
        else:
            service.export_workbook(session, SYSTEM, path, stop)

    for before in ([], ["kept"]):
        for text in before:
            path.write_text(text)
        with pytest.raises(KeyboardInterrupt):
            export()
        assert [file.read_text() for file in folder.iterdir()] == before


def test_a_streamed_workbook_has_all_that_the_other_has(session: Session, tmp_path: Path) -> None:
    load_demo(session)
    rows = stored(session)
    workbook.write_workbook(tmp_path / "whole.xlsx", rows, created=example.CREATED)
    workbook.stream_workbook(tmp_path / "streamed.xlsx", rows, created=example.CREATED)
    whole, streamed = (read_file(tmp_path / f"{name}.xlsx") for name in ("whole", "streamed"))
    assert streamed.version == whole.version
    assert [s.title for s in streamed.sheets] == [s.title for s in whole.sheets]
    assert [s.rows for s in streamed.sheets] == [s.rows for s in whole.sheets]
    # notes, drop-down lists, widths, hidden rows: all but the cells themselves
    assert apart_from_cells(tmp_path / "streamed.xlsx") == apart_from_cells(tmp_path / "whole.xlsx")


def apart_from_cells(path: Path) -> dict[str, bytes]:
    """Sheets and notes of a workbook without what differs between shared and own texts."""
    cells = rb'<c .*?(/>|</c>)| (spans|style|s)="[0-9:]+"'
    with ZipFile(path) as book:
        return {
            name: re.sub(cells, b"", book.read(name))
            for name in book.namelist()
            if "/sheet" in name or "comments" in name
        }


@pytest.mark.parametrize("write", [workbook.write_workbook, workbook.stream_workbook])
@pytest.mark.parametrize("name", ["<r>&</r>", "<r></r>", "<r><t>x</t></r>", "<r>"])
def test_a_text_that_looks_like_markup_made_the_file_unreadable(
    tmp_path: Path, write: Callable[..., Any], name: str
) -> None:
    unit = {"code": "u1", "name": name, "division_code": "450000", "level": "region"}
    write(tmp_path / "out.xlsx", {"units": [unit]}, created=example.CREATED)
    (parsed,) = parse_file(read_file(tmp_path / "out.xlsx")).sheets["units"].rows
    assert parsed.values["name"] == name


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
