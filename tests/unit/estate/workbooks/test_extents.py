"""A small workbook that asks for all memory is refused before anything is made of it."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from yunzhang.errors import InputError
from yunzhang.estate.workbooks import files
from yunzhang.estate.workbooks.files import RawFile, RawSheet, read_file
from yunzhang.estate.workbooks.parsing import parse_file

SHEET = "xl/worksheets/sheet1.xml"
STRINGS = "xl/sharedStrings.xml"
TEXT = '<row r="1"><c r="A1" t="inlineStr"><is><t>x</t></is></c></row>'


def rewrite(path: Path, rows: str, strings: str | None = None, *, also: str = "") -> Path:
    """A workbook whose one sheet has these rows as XML."""
    made = io.BytesIO()
    with xlsxwriter.Workbook(made) as book:
        book.add_worksheet("单位").write(0, 0, "编号")
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name).decode()
            if name == SHEET:
                before, _, rest = content.partition("<sheetData>")
                content = (
                    f"{before}<sheetData>{rows}</sheetData>{rest.partition('</sheetData>')[2]}"
                )
            elif name == STRINGS and strings is not None:
                content = f"{content.partition('<si>')[0]}{strings}</sst>"
            new.writestr(name, content)
        if also:
            new.writestr(also, "")
    return path


def refused(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_file(path)
    return caught.value.code


def test_one_cell_far_off_does_not_take_all_memory(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with xlsxwriter.Workbook(path) as book:
        page = book.add_worksheet("单位")
        page.write(0, 0, "编号")
        page.write(299_000, 16_383, "x")
    assert path.stat().st_size < 10_000
    code = (
        "import resource, sys; from pathlib import Path\n"
        f"resource.setrlimit(resource.RLIMIT_AS, ({3 << 30}, {3 << 30}))\n"
        "from yunzhang.errors import InputError\n"
        "from yunzhang.estate.workbooks.files import read_file\n"
        "try: read_file(Path(sys.argv[1]))\n"
        "except InputError as error: print(error.code)\n"
    )
    # a child, for what this guards against ends the process
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "estate.file_cells"), done.stderr[-500:]


@pytest.mark.parametrize(
    "rows",
    [
        '<row r="299000"><c r="XFD299000"><v>1</v></c></row>',
        '<row r="299000"><c s="0" r="XFD299000"><v>1</v></c></row>',
        "<row r='299000'><c r = 'XFD299000'><v>1</v></c></row>",
        '<row r="299000"><c s="/>" r="xfd299000"><v>1</v></c></row>',
        '<row r="1"><c r="XFD1"><v>1</v></c></row><row r="299000"><c><v>1</v></c></row>',
        '<row r="1"><c r="XFC1"><v>1</v></c><c><v>1</v></c></row>'
        '<row r="298999"/><row><c><v>1</v></c></row>',
        '<row r="1">' + "<c><v>1</v></c>" * 16_384 + '</row><row r="299000"><c><v>1</v></c></row>',
        '<row r="1"><c r="A1"><v>1</v></c></row>' + '<!-- -->' * 150_000
        + '<row r="299000"><c r="XFD299000"><v>1</v></c></row>',
    ],
)  # fmt: skip
def test_a_far_cell_is_found_however_it_is_written(tmp_path: Path, rows: str) -> None:
    assert refused(rewrite(tmp_path / "a.xlsx", rows)) == "estate.file_cells"


def test_a_cell_below_all_rows_is_too_many_rows(tmp_path: Path) -> None:
    path = rewrite(tmp_path / "a.xlsx", '<row r="900000"><c r="A900000"><v>1</v></c></row>')
    assert refused(path) == "estate.file_rows"


def test_formats_that_reach_to_the_end_are_no_cells(tmp_path: Path) -> None:
    path = rewrite(
        tmp_path / "a.xlsx", TEXT + '<row r="1048576" s="1"><c r="XFD1048576" s="0"/></row>'
    )
    assert read_file(path).sheets[0].rows == [["x"]]


def test_the_same_cell_over_and_over_is_too_many_cells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MAX_CELLS", 1000)
    path = rewrite(tmp_path / "a.xlsx", '<row r="1">' + '<c r="A1"><v>1</v></c>' * 1001 + "</row>")
    assert refused(path) == "estate.file_cells"


@pytest.mark.parametrize(
    "cell", ['<c r="A{0}" t="s"><v>0</v></c>', "<c r='A{0}' t = 's'><f/><v> 0</v></c>"]
)
def test_one_long_text_in_every_cell_counts_as_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cell: str
) -> None:
    monkeypatch.setattr(files, "MAX_UNPACKED_BYTES", 1_000_000)
    rows = "".join(f'<row r="{n}">{cell.format(n)}</row>' for n in range(1, 2001))
    path = rewrite(tmp_path / "a.xlsx", rows, f"<si><t>{'x' * 1000}</t></si>")
    assert path.stat().st_size < 30_000
    assert refused(path) == "estate.file_large"
    # a long text that few cells name is none of it
    short = rows.replace("0</v>", "1</v>").replace("1</v>", "0</v>", 1)
    texts = f"<si><t>{'x' * 1000}</t></si><si><t>y</t></si>"
    assert len(read_file(rewrite(tmp_path / "b.xlsx", short, texts)).sheets[0].rows) == 2000


def test_texts_that_no_cell_names_are_limited_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MAX_CELLS", 1000)
    assert refused(rewrite(tmp_path / "a.xlsx", TEXT, "<si/>" * 1001)) == "estate.file_cells"


def test_a_tag_without_an_end_is_refused(tmp_path: Path) -> None:
    rows = f'<row r="1"><c a="{"x" * (3 << 20)}" r="XFD299000"><v>1</v></c></row>'
    assert refused(rewrite(tmp_path / "a.xlsx", rows)) == "estate.file_broken"


@pytest.mark.parametrize("part", ["content.xml", "xl/workbook.bin", SHEET.upper()])
def test_parts_that_no_workbook_has_are_refused(tmp_path: Path, part: str) -> None:
    assert refused(rewrite(tmp_path / "a.xlsx", TEXT, also=part)) == "estate.file_broken"


def test_more_merged_ranges_than_rows_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MAX_ROWS", 50)
    path = rewrite(tmp_path / "a.xlsx", TEXT)
    merged = '<mergeCell ref="A1:A40"/>' * 51
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    parts[SHEET] = parts[SHEET].replace(b"</sheetData>", f"</sheetData>{merged}".encode())
    with zipfile.ZipFile(path, "w") as new:
        for name, content in parts.items():
            new.writestr(name, content)
    assert refused(path) == "estate.file_rows"


def test_merged_ranges_that_overlap_cost_no_more_than_their_rows() -> None:
    class Counted(list[Any]):
        taken = 0

        def __getitem__(self, place: Any) -> Any:
            found = super().__getitem__(place)
            self.taken += len(found) if isinstance(place, slice) else 0
            return found

    head = ["编号", "信息系统编号"]
    rows = Counted([head, ["w1", "s1"], *([f"w{n}", ""] for n in range(2, 101))])
    sheet = RawSheet("虚拟机", rows, [((1, 1), (100 - n % 3, 1)) for n in range(200)])
    parsed = parse_file(RawFile("a.xlsx", "", [sheet]))
    assert [row.values["system_code"] for row in parsed.rows("workloads")] == ["s1"] * 100
    assert rows.taken < 3 * len(rows)
