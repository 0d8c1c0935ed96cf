"""Export, import: nothing changes, whatever stands in any column of any sheet, as xlsx and CSV."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session

from tests.unit.estate.books import stored
from tests.unit.estate.whole import Rows, load_whole, whole_rows, write_whole
from yunzhang.db import Base
from yunzhang.db.tables import load_tables
from yunzhang.estate import service
from yunzhang.estate.addresses.blocks import format_address, format_block, parse_block
from yunzhang.estate.items import reform
from yunzhang.estate.workbooks.cells import CellError
from yunzhang.estate.workbooks.sheets import BY_KEY, SHEETS, Column
from yunzhang.estate.workbooks.values import empty_value, reader
from yunzhang.units.scope import SYSTEM, Principal

WANG = Principal("wang", frozenset({"operator"}), 1)
# Columns whose values hang together with those of other rows; they stay as `whole_rows` has them.
TIED = frozenset({
    "cidr", "first", "last", "networks", "addresses", "domain_code", "valid_from", "valid_to",
    "built_year", "retire_year", "division_code", "uscc", "platform_uuid", "kind", "object_sheet",
    "object_code", "duty",
})  # fmt: skip
DANGEROUS = st.sampled_from([
    "=1+1", "+86", "-5", "@甲", "'=x", "''-", "001", "1E5", "TRUE", "2026-01-01", "#标题",
    "第一行\n第二行", "“引号”<&>", "a,b\t c",
])  # fmt: skip


def as_read(column: Column, raw: Any) -> Any:
    """What is stored when `raw` stands in a cell; the strategies start from what people write."""
    try:
        return empty_value(column) if raw in (None, "") else reader(column)(raw)
    except CellError:
        return empty_value(column)


def values_of(column: Column) -> st.SearchStrategy[Any]:
    """Stored values of a column."""
    if column.kind == "choice":
        return st.sampled_from(
            [*column.choices, *([] if column.required or column.default else [None])]
        )
    v4 = st.integers(0, 2**32 - 1).map(lambda value: format_address(4, value))
    v6 = st.integers(0, 2**128 - 1).map(lambda value: format_address(6, value))
    block = st.tuples(st.integers(0, 2**24 - 1), st.just(24)).map(
        lambda pair: format_block(parse_block(f"{format_address(4, pair[0] << 8)}/{pair[1]}"))
    )
    written: dict[str, st.SearchStrategy[Any]] = {
        "text": DANGEROUS | st.text(max_size=30),
        "names": st.lists(DANGEROUS | st.text(max_size=8), max_size=3).map("、".join),
        "yesno": st.sampled_from(["是", "否", ""]),
        "integer": st.integers(column.minimum, min(column.maximum, 10**9)),
        "year": st.integers(column.minimum, column.maximum),
        "date": st.dates(date(1990, 1, 1), date(2100, 1, 1)),
        "money": st.integers(0, 10**13).map(lambda fen: fen / 1_000_000),
        "mlps": st.integers(0, 4),
        "cidrs": st.lists(block, max_size=3).map("、".join),
        "address": v4 | v6,
        "bandwidth": st.integers(1, 10**8),
        "phone": st.from_regex(r"1[0-9]{10}", fullmatch=True),
        "mac": st.from_regex(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", fullmatch=True),
    }
    return written[column.kind].map(lambda raw: as_read(column, raw))


@st.composite
def registers(draw: st.DrawFn) -> Rows:
    """The whole register with every untied column of every sheet filled anew."""
    rows = whole_rows()
    for sheet in SHEETS:
        for row in rows[sheet.key]:
            for column in sheet.columns:
                free = column.kind not in {"code", "uuid"} and column.key != "classified"
                tied = column.key in TIED or (sheet.key, column.key) == ("prefixes", "network_name")
                if free and not tied and column.key not in sheet.identity:
                    value = draw(values_of(column), label=f"{sheet.key}.{column.key}")
                    if value not in (None, "", []) or not column.required:
                        row[column.key] = value
    return rows


def memory() -> Engine:
    load_tables()
    engine = create_engine("sqlite:///:memory:")
    Base.metadata.create_all(engine)
    return engine


def unchanged(session: Session, path: Path, sheet: str | None = None) -> int:
    report = service.check_workbook(session, SYSTEM, path, sheet=sheet)
    assert [(f.sheet, f.column, f.code) for f in report.faults if f.severity == "error"] == []
    assert [(c.sheet, c.key, c.diff) for c in report.changes if c.action != "unchanged"] == []
    return len(report.changes)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=registers())
def test_what_was_written_is_stored_and_comes_back(rows: Rows) -> None:
    engine = memory()
    with TemporaryDirectory() as folder, Session(engine) as session:
        path = write_whole(Path(folder, "in.xlsx"), rows)
        report = service.import_workbook(session, SYSTEM, path, "all")
        assert [f.code for f in report.faults if f.severity == "error"] == []
        for key, found in stored(session).items():
            identity = BY_KEY[key].identity
            by_key = {tuple(row[name] for name in identity): row for row in found}
            for row in rows[key]:
                kept = by_key[tuple(row.get(name) for name in identity)]
                assert {name: kept[name] for name in row} == row
        out = Path(folder, "out.xlsx")
        count = sum(service.export_workbook(session, SYSTEM, out).values())
        assert unchanged(session, out) == count == sum(map(len, rows.values()))
        for sheet in SHEETS:
            out = Path(folder, "out.csv")
            count = service.export_sheet(session, SYSTEM, sheet.key, out)
            assert unchanged(session, out, sheet.key) == count
    engine.dispose()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_csv_of_every_sheet_comes_back(session: Session, tmp_path: Path, encoding: str) -> None:
    load_whole(session, tmp_path)
    for sheet in SHEETS:
        path = tmp_path / f"{sheet.title}.csv"
        count = service.export_sheet(session, SYSTEM, sheet.title, path, encoding=encoding)
        assert unchanged(session, path) == count > 0


def test_nothing_a_csv_holds_is_run_by_a_spreadsheet(session: Session, tmp_path: Path) -> None:
    rows = whole_rows()
    rows["units"][0] |= {"name": "=HYPERLINK(1)", "note": "'@x", "aliases": ["-1"]}
    path = write_whole(tmp_path / "in.xlsx", rows)
    assert service.import_workbook(session, SYSTEM, path, "all").written
    service.export_sheet(session, SYSTEM, "units", tmp_path / "units.csv")
    line = (tmp_path / "units.csv").read_text("utf-8-sig").splitlines()[1]
    assert line.startswith("u1,'=HYPERLINK(1),'-1,")
    assert line.endswith(",''@x")
    assert unchanged(session, tmp_path / "units.csv") == 2


def test_a_name_with_a_separator_in_it_came_back_as_two(session: Session, tmp_path: Path) -> None:
    load_whole(session, tmp_path)
    for name in ("南宁市教育、科技局（本级）", "南宁市教科局"):
        reform.rename_unit(session, WANG, "u2", name)
    session.commit()
    service.export_workbook(session, SYSTEM, tmp_path / "out.xlsx")
    again = service.check_workbook(session, SYSTEM, tmp_path / "out.xlsx")
    assert {change.action for change in again.changes} == {"unchanged"}
    service.export_sheet(session, SYSTEM, "units", tmp_path / "单位.csv")
    again = service.check_workbook(session, SYSTEM, tmp_path / "单位.csv")
    assert {change.action for change in again.changes} == {"unchanged"}


def test_a_list_longer_than_a_cell_was_cut_at_its_end() -> None:
    column = BY_KEY["egresses"].by_key["domains"]
    with pytest.raises(CellError) as refused:
        reader(column)("、".join(f"name{number:05}.example.cn" for number in range(2_500)))
    assert refused.value.code == "text_long"


def test_characters_no_workbook_can_hold_are_left_out() -> None:
    assert reader(BY_KEY["units"].by_key["name"])("某\ufffe局\uffff") == "某局"
