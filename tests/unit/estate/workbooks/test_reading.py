"""What Excel does to a register: merged cells, formulas, lists in a cell, sizes, cancelling."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests.unit.estate.books import load_demo, save, stored
from tests.unit.estate.whole import load_whole, whole_cells, write_whole
from yunzhang import audit
from yunzhang.errors import InputError
from yunzhang.estate import progress as steps
from yunzhang.estate import service
from yunzhang.estate.changes.models import ChangeLog, ImportBatch
from yunzhang.estate.models import Prefix
from yunzhang.estate.workbooks import files
from yunzhang.estate.workbooks.files import read_file
from yunzhang.units.scope import SYSTEM

PREFIX_HEAD = ["地址域编号", "地址段", "角色", "网络名称"]


def prefixes(folder: Path, *rows: list[Any]) -> Path:
    return save(folder / "地址段.xlsx", {"地址段": [PREFIX_HEAD, *rows]})


def test_merged_cells_speak_for_their_rows_only_where_declared(
    session: Session, tmp_path: Path
) -> None:
    load_demo(session)
    with xlsxwriter.Workbook(tmp_path / "m.xlsx") as book:
        page = book.add_worksheet("地址段")
        page.write_row(0, 0, PREFIX_HEAD)
        page.merge_range(1, 0, 3, 0, "hrss")
        page.merge_range(1, 2, 3, 2, "网段")
        page.merge_range(1, 3, 3, 3, "x")
        page.write_column(1, 1, ["172.16.0.0/24", "172.16.1.0/24", "172.16.2.0/24"])
    report = service.import_workbook(session, SYSTEM, tmp_path / "m.xlsx", "all")
    assert report.faults == []
    rows = session.execute(
        select(Prefix.domain_code, Prefix.role, Prefix.network_name)
        .where(Prefix.cidr.like("172.16.%"))
        .order_by(Prefix.lo)
    ).all()
    assert [tuple(row) for row in rows] == [
        ("hrss", "leaf", "x"), ("hrss", "leaf", ""), ("hrss", "leaf", ""),
    ]  # fmt: skip


def test_a_merged_key_is_missing_in_the_other_rows(session: Session, tmp_path: Path) -> None:
    load_demo(session)
    with xlsxwriter.Workbook(tmp_path / "m.xlsx") as book:
        page = book.add_worksheet("地址段")
        page.write_row(0, 0, PREFIX_HEAD)
        page.merge_range(1, 1, 2, 1, "172.16.0.0/24")
        for row in (1, 2):
            page.write(row, 0, "hrss")
            page.write(row, 2, "网段")
    report = service.check_workbook(session, SYSTEM, tmp_path / "m.xlsx")
    assert [(f.row, f.column, f.code) for f in report.faults] == [(3, "地址段", "required")]


def test_several_prefixes_in_one_cell_are_rows_of_their_own(
    session: Session, tmp_path: Path
) -> None:
    load_demo(session)
    path = prefixes(tmp_path, ["hrss", "10.1.0.0/22、10.2.0.0/24；10.3.0.0-10.3.1.255", "网段", ""])
    report = service.import_workbook(session, SYSTEM, path, "all")
    assert [(c.row, c.key, c.action) for c in report.changes] == [
        (2, "hrss/10.1.0.0/22", "create"),
        (2, "hrss/10.2.0.0/24", "create"),
        (2, "hrss/10.3.0.0/23", "create"),
    ]
    # one bad part: one finding, and the row is held as a whole
    path = prefixes(tmp_path, ["mib", "10.1.0.0/22、10.2.0.9/24", "网段", ""])
    report = service.import_workbook(session, SYSTEM, path, "good", bad=tmp_path / "bad.xlsx")
    assert [(f.row, f.code) for f in report.faults] == [(2, "host_bits")]
    assert {c.action for c in report.changes} == {"bad"}
    (_, sheet) = read_file(tmp_path / "bad.xlsx").sheets
    assert len(sheet.rows) == 3
    # another cell of the row that is bad is told once, not once per part
    path = prefixes(tmp_path, ["mib", "10.1.0.0/22、10.2.0.0/24", "大段", ""])
    report = service.check_workbook(session, SYSTEM, path)
    assert [f.code for f in report.faults] == ["choice_bad"]


def test_formulas_give_their_results_or_are_told(session: Session, tmp_path: Path) -> None:
    load_demo(session)
    with xlsxwriter.Workbook(tmp_path / "f.xlsx") as book:
        page = book.add_worksheet("地址段")
        page.write_row(0, 0, PREFIX_HEAD)
        page.write_row(1, 0, ["hrss", "172.16.0.0/24", "网段"])
        page.write_formula(1, 3, '="net"&"1"', None, "net1")
        page.write_row(2, 0, ["hrss", "172.16.1.0/24", "网段"])
        page.write_formula(2, 3, "=A1/0", None, "#DIV/0!")
        page.write_row(3, 0, ["hrss", "172.16.2.0/24", "网段"])
        page.write_formula(3, 3, "=B9", None, "")
    report = service.import_workbook(session, SYSTEM, tmp_path / "f.xlsx", "good")
    # a cell without a result is never taken for an empty one
    assert [(f.row, f.column, f.code) for f in report.faults] == [
        (3, "网络名称", "cell_error"),
        (4, "网络名称", "cell_error"),
    ]
    names = session.scalars(select(Prefix.network_name).where(Prefix.cidr.like("172.16.%"))).all()
    assert names == ["net1"]


def test_blank_rows_and_columns_behind_the_data_are_nothing(
    session: Session, tmp_path: Path
) -> None:
    load_demo(session)
    with xlsxwriter.Workbook(tmp_path / "t.xlsx") as book:
        style = book.add_format({"bold": True})
        page = book.add_worksheet("地址段")
        page.write_row(0, 0, PREFIX_HEAD)
        page.write_row(1, 0, ["hrss", "172.16.0.0/24", "网段", "n"])
        page.write_string(2, 1, "   ")
        page.write_blank(5_000, 9, None, style)
    report = service.check_workbook(session, SYSTEM, tmp_path / "t.xlsx")
    assert (report.faults, len(report.changes)) == ([], 1)


def test_files_beyond_the_limits_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MAX_ROWS", 20)
    path = prefixes(tmp_path, *(["d", f"10.0.{n}.0/24", "网段", ""] for n in range(25)))
    (tmp_path / "地址段.csv").write_text("地址域编号,地址段,角色\n" + "d,x,y\n" * 25, "utf-8")
    for name in (path, tmp_path / "地址段.csv"):
        with pytest.raises(InputError) as caught:
            read_file(name)
        assert caught.value.code == "estate.file_rows"
        assert "20" in str(caught.value)
    monkeypatch.setattr(files, "MAX_BYTES", 100)
    with pytest.raises(InputError) as caught:
        read_file(path)
    assert caught.value.code == "estate.file_large"


def test_an_archive_that_lies_about_its_size_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MAX_UNPACKED_BYTES", 1_000_000)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"0" * 5_000_000)
    content = buffer.getvalue()
    # both headers now say that it unpacks to nine bytes
    told = (5_000_000).to_bytes(4, "little")
    assert content.count(told) == 2
    (tmp_path / "a.xlsx").write_bytes(content.replace(told, (9).to_bytes(4, "little")))
    with pytest.raises(InputError) as caught:
        read_file(tmp_path / "a.xlsx")
    assert caught.value.code == "estate.file_broken"


class Cancelled(Exception):
    """The user had enough."""


@pytest.mark.parametrize("at", ["parse", "compare", "check", "write", "log"])
def test_cancelling_leaves_nothing_written(session: Session, tmp_path: Path, at: str) -> None:
    def progress(step: str, _done: int, _total: int) -> None:
        if step == at:
            raise Cancelled

    path = write_whole(tmp_path / "whole.xlsx")
    with pytest.raises(Cancelled), session.begin():
        service.import_workbook(session, SYSTEM, path, "all", progress=progress)
    assert not any(stored(session).values())
    assert session.scalar(select(func.count()).select_from(ImportBatch)) == 0
    assert session.scalar(select(func.count()).select_from(ChangeLog)) == 0
    assert audit.verify(session) is None


def test_long_imports_tell_how_far_they_are(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "ROWS", 10)
    told: list[tuple[str, int, int]] = []
    path = write_whole(tmp_path / "whole.xlsx")
    report = service.import_workbook(
        session, SYSTEM, path, "all", progress=lambda *step: told.append(step)
    )
    total = len(report.changes)
    assert list(dict.fromkeys(step for step, _, _ in told)) == [
        "parse", "compare", "check", "write", "log",
    ]  # fmt: skip
    assert [done for step, done, _ in told if step == "write"] == list(range(0, total, 10))
    assert {of for step, _, of in told if step == "write"} == {total}


def test_a_changed_day_is_one_change(session: Session, tmp_path: Path) -> None:
    load_whole(session, tmp_path)
    cells = whole_cells(tmp_path)
    place = [str(cell).rstrip("*") for cell in cells["线路"][0]].index("合同到期日")
    with xlsxwriter.Workbook(tmp_path / "d.xlsx") as book:
        page = book.add_worksheet("线路")
        for number, row in enumerate(cells["线路"]):
            page.write_row(number, 0, row)
        day = book.add_format({"num_format": "yyyy/m/d"})
        page.write_datetime(2, place, datetime(2028, 1, 2), day)  # noqa: DTZ001
    report = service.check_workbook(session, SYSTEM, tmp_path / "d.xlsx")
    changed = [change for change in report.changes if change.action == "update"]
    assert [(c.key, [str(value) for value in c.diff["expires_on"]]) for c in changed] == [
        ("c1", ["2027-12-31", "2028-01-02"])
    ]
