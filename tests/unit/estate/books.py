"""Workbooks for tests: the demo's cells, changed in one place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import xlsxwriter

from yunzhang.db import Session
from yunzhang.estate import repository, service
from yunzhang.estate.workbooks.files import read_file
from yunzhang.estate.workbooks.report import ImportReport
from yunzhang.units.scope import SYSTEM

INVENTORY = Path(__file__).parents[3] / "inventory"
DEMO = INVENTORY / "demo" / "register.xlsx"
BAD = INVENTORY / "demo" / "bad"

Cells = dict[str, list[list[Any]]]


def demo_cells() -> Cells:
    """Sheet title → rows of cells: header, hidden keys, then data from row 3."""
    return {
        sheet.title: [list(row) for row in sheet.rows]
        for sheet in read_file(DEMO).sheets
        if sheet.title != "填表说明"
    }


def column_of(cells: Cells, title: str, header: str) -> int:
    """Where a column stands."""
    return [str(cell).rstrip("*") for cell in cells[title][0]].index(header)


def set_cell(cells: Cells, title: str, row: int, header: str, value: Any) -> None:
    """Change one cell; `row` counts as Excel does."""
    cells[title][row - 1][column_of(cells, title, header)] = value


def save(path: Path, cells: Cells) -> Path:
    """Write cells as they are."""
    with xlsxwriter.Workbook(path) as book:
        for title, rows in cells.items():
            page = book.add_worksheet(title)
            for number, row in enumerate(rows):
                for place, cell in enumerate(row):
                    if isinstance(cell, str):
                        page.write_string(number, place, cell)
                    elif cell is not None:
                        page.write(number, place, cell)
    return path


def stored(session: Session) -> dict[str, list[Any]]:
    """Everything the register holds, by sheet."""
    return {key: list(repository.all_rows(session, key)) for key in repository.MODELS}


def load_demo(session: Session) -> ImportReport:
    """Import the demo's workbook."""
    report = service.import_workbook(session, SYSTEM, DEMO, "all")
    session.commit()
    assert report.written
    return report
