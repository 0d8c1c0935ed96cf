"""Opening files: type, encoding, which sheet a CSV is."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.unit.estate.books import DEMO
from yunzhang.errors import InputError, NotFound
from yunzhang.estate.workbooks import files
from yunzhang.estate.workbooks.files import read_file

TEXT = "编号,单位名称\nhrss,人社厅\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk"])
def test_encodings_of_csv(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "单位.csv"
    path.write_bytes(TEXT.encode(encoding))
    (sheet,) = read_file(path).sheets
    assert sheet.title == "单位"
    assert sheet.rows == [["编号", "单位名称"], ["hrss", "人社厅"]]


def test_tabs_and_line_breaks_in_cells(tmp_path: Path) -> None:
    path = tmp_path / "units.csv"
    path.write_text('编号\t单位名称\r\nhrss\t"人社厅\n（本级）"\r\n', "utf-8")
    assert read_file(path).sheets[0].rows[1] == ["hrss", "人社厅\n（本级）"]


@pytest.mark.parametrize(
    ("name", "option", "title"),
    [("data.csv", "单位", "单位"), ("data.csv", "units", "单位"), ("2026-机房.csv", None, "机房"),
     ("nanning_prefixes.csv", None, "地址段"), ("地址段.csv", None, "地址段")],
)  # fmt: skip
def test_which_sheet_a_csv_is(tmp_path: Path, name: str, option: str | None, title: str) -> None:
    (tmp_path / name).write_text(TEXT, "utf-8")
    assert read_file(tmp_path / name, option).sheets[0].title == title


def test_unnamed_csv_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text(TEXT, "utf-8")
    with pytest.raises(InputError, match=r"data\.csv"):
        read_file(tmp_path / "data.csv")


def test_one_sheet_of_a_workbook() -> None:
    assert [sheet.title for sheet in read_file(DEMO, "prefixes").sheets] == ["地址段"]
    with pytest.raises(InputError) as caught:
        read_file(DEMO, "车辆")
    assert caught.value.code == "estate.sheet_missing"


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.xlsx", b"%PDF-1.4", "file_type"),
        ("a.docx", b"PK\x03\x04", "file_type"),
        ("单位.csv", b"PK\x03\x04\x00", "file_type"),
        ("单位.csv", b"a,b\n\x00\x00\n", "file_type"),
        ("单位.csv", b"\xff\xff\xff\xff", "file_encoding"),
        ("a.xlsx", b"PK\x03\x04 broken", "file_broken"),
        ("a.xlsx", b"", "file_empty"),
        ("单位.csv", b" \n\n", "file_empty"),
        ("单位.csv", b",,\n,,\n", "file_empty"),
    ],
)
def test_unusable_files(tmp_path: Path, name: str, content: bytes, code: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_file(tmp_path / name)
    assert caught.value.code == f"estate.{code}"


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read_file(tmp_path / "none.xlsx")


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_UNPACKED_BYTES", 10_000)
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"0" * 20_000)
    with pytest.raises(InputError) as caught:
        read_file(tmp_path / "a.xlsx")
    assert caught.value.code == "estate.file_large"
