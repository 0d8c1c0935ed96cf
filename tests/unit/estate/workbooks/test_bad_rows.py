"""Bad rows come back as they were, with what is wrong beside them, and are imported corrected."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from sqlalchemy.orm import Session

from tests.unit.estate.books import column_of, demo_cells, save, set_cell, stored
from tests.unit.estate.whole import whole_cells
from yunzhang.estate import service
from yunzhang.estate.workbooks.files import read_file
from yunzhang.estate.workbooks.sheets import FAULTS_TITLE
from yunzhang.units.scope import SYSTEM


def comments_of(path: Path) -> str:
    """All texts of comments in a workbook."""
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if "comments" in name]
        return " ".join(re.sub("<[^>]+>", "", archive.read(name).decode("utf-8")) for name in names)


def test_the_good_are_written_and_the_bad_come_back(session: Session, tmp_path: Path) -> None:
    cells = demo_cells()
    set_cell(cells, "信息系统", 4, "网络区域", "某区")
    set_cell(cells, "依赖", 3, "端口", "八千")
    path, bad = save(tmp_path / "book.xlsx", cells), tmp_path / "bad.xlsx"
    report = service.import_workbook(session, SYSTEM, path, "good", bad=bad)
    session.commit()
    assert report.errors == 2
    returned = {sheet.title: sheet.rows for sheet in read_file(bad).sheets}
    assert list(returned) == [FAULTS_TITLE, "信息系统", "虚拟机", "依赖"]
    # as they were, with the rows that name them
    assert returned["信息系统"][2:] == [cells["信息系统"][3]]
    assert [row[0] for row in returned["虚拟机"][2:]] == ["mib-web", "mib-app", "mib-db"]
    assert returned["依赖"][2][3] == "八千"
    assert [row[1:3] for row in returned[FAULTS_TITLE][1:]] == [[4.0, "网络区域"], [3.0, "端口"]]
    told = comments_of(bad)
    assert "“某区”不在可选范围内" in told
    assert "一并退回" in told
    # corrected where they are, they complete the import
    fixed = {sheet.title: [list(row) for row in sheet.rows] for sheet in read_file(bad).sheets}
    set_cell(fixed, "信息系统", 3, "网络区域", "专网区")
    set_cell(fixed, "依赖", 3, "端口", 8080)
    again = service.import_workbook(session, SYSTEM, save(tmp_path / "f.xlsx", fixed), "all")
    session.commit()
    assert (again.faults, again.written) == ([], True)
    whole = service.check_workbook(session, SYSTEM, save(tmp_path / "w.xlsx", demo_cells()))
    assert {change.action for change in whole.changes} == {"unchanged"}


def test_a_sheet_with_a_bad_header_comes_back_whole(session: Session, tmp_path: Path) -> None:
    cells = demo_cells()
    cells["依赖"][0].append("协议")
    for row in cells["依赖"][2:]:
        row.append("tcp")
    path, bad = save(tmp_path / "book.xlsx", cells), tmp_path / "bad.xlsx"
    service.import_workbook(session, SYSTEM, path, "good", bad=bad)
    (faults, sheet) = read_file(bad).sheets
    assert sheet.rows[0] == cells["依赖"][0]
    assert [row[-1] for row in sheet.rows[2:]] == ["tcp"] * 5
    assert "协议" in comments_of(bad)
    assert len(faults.rows) == 2
    fixed = {"依赖": [row[:-1] for row in sheet.rows]}
    again = service.import_workbook(session, SYSTEM, save(tmp_path / "f.xlsx", fixed), "all")
    assert again.errors == 0
    assert len(stored(session)["dependencies"]) == 5


def test_nothing_is_saved_when_nothing_is_wrong(session: Session, tmp_path: Path) -> None:
    path = save(tmp_path / "book.xlsx", demo_cells())
    service.check_workbook(session, SYSTEM, path, bad=tmp_path / "bad.xlsx")
    assert not (tmp_path / "bad.xlsx").exists()


def test_classified_rows_do_not_come_back(session: Session, tmp_path: Path) -> None:
    cells = whole_cells(tmp_path)
    set_cell(cells, "机房", 3, "是否涉密", "是")
    set_cell(cells, "机房", 3, "机房名称", "机要机房")
    bad = tmp_path / "bad.xlsx"
    service.check_workbook(session, SYSTEM, save(tmp_path / "b.xlsx", cells), bad=bad)
    assert "机要机房" not in str([sheet.rows for sheet in read_file(bad).sheets])
    # what names it does, or it would be lost
    titles = [sheet.title for sheet in read_file(bad).sheets]
    assert "业务专网" in titles
    assert "机房" not in titles


def test_formulas_in_bad_rows_are_text(session: Session, tmp_path: Path) -> None:
    cells = demo_cells()
    set_cell(cells, "单位", 3, "层级", "=HYPERLINK(1)")
    bad = tmp_path / "bad.xlsx"
    service.check_workbook(session, SYSTEM, save(tmp_path / "b.xlsx", cells), bad=bad)
    with zipfile.ZipFile(bad) as archive:
        sheets = [archive.read(n) for n in archive.namelist() if "worksheets/sheet" in n]
    assert not any(b"<f>" in sheet for sheet in sheets)
    (sheet,) = [s for s in read_file(bad).sheets if s.title == "单位"]
    assert sheet.rows[2][column_of(cells, "单位", "层级")] == "=HYPERLINK(1)"
