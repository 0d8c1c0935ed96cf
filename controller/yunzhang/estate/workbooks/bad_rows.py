"""Gives bad rows back: as they were, with what is wrong beside each cell, ready to be corrected.

The workbook is in the template's layout, so it is imported again as it is once corrected. Rows that
are good but name a bad one are in it too, or they would be forgotten; classified rows are not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import xlsxwriter

from yunzhang import texts
from yunzhang.estate.workbooks.fault_lists import fault_lines, fill_page
from yunzhang.estate.workbooks.parsing import Parsed, Row, SheetRows
from yunzhang.estate.workbooks.report import Fault
from yunzhang.estate.workbooks.sheets import FAULTS_TITLE
from yunzhang.estate.workbooks.workbook import (
    OPTIONS,
    Styles,
    begin_book,
    column_width,
    head_style,
    offer_choices,
    write_cell,
)

# (sheet's title, row) → header of the column → faults there
Places = Mapping[tuple[str, int], Mapping[str, list[Fault]]]


def write_bad_rows(path: Path, parsed: Parsed, *, created: datetime) -> int:
    """Write the bad and held rows and the list of all faults; how many rows."""
    places: dict[tuple[str, int], dict[str, list[Fault]]] = defaultdict(lambda: defaultdict(list))
    for fault in parsed.faults:
        places[fault.sheet, fault.row][fault.column].append(fault)
    count = 0
    with xlsxwriter.Workbook(path, OPTIONS) as book:
        styles = begin_book(book, created)
        page = book.add_worksheet(FAULTS_TITLE)
        fill_page(page, fault_lines(parsed.faults), styles["header"], styles["line"])
        for rows in parsed.sheets.values():
            returned = _returned(rows)
            if returned:
                _write_sheet(book, styles, rows, returned, places)
                count += len(returned)
    return count


def _returned(rows: SheetRows) -> list[Row]:
    """Bad and held rows, each row of the file once."""
    by_number = {row.number: row for row in rows.rows if not row.good and not row.refused}
    return list(by_number.values())


def _write_sheet(
    book: Any, styles: Styles, rows: SheetRows, returned: list[Row], places: Places
) -> None:
    page = book.add_worksheet(rows.sheet.title)
    page.freeze_panes(2, 1)
    page.set_row(0, 32)
    page.set_row(1, None, None, {"hidden": True})
    page.set_landscape()
    page.fit_to_pages(1, 0)
    columns = {place: rows.sheet.by_key[key] for key, place in rows.places.items()}
    headers = rows.cells[rows.header - 1]
    faults = places.get((rows.sheet.title, rows.header), {})
    for position, header in enumerate(headers):
        column = columns.get(position)
        style = styles[head_style(rows.sheet, column) if column else "header"]
        name = column.header if column else str(header)
        if name in faults or (column is None and header not in (None, "")):
            style = styles["bad"]
        page.write_string(0, position, str(header or ""), style)
        _comment(page, 0, position, faults.get(name, []))
        if column:
            page.set_column(position, position, column_width(column), styles["text"])
            page.write_string(1, position, column.key)
            offer_choices(page, column, position)
    for number, row in enumerate(returned, 2):
        _write_row(page, styles, number, rows, row, places)


def _write_row(
    page: Any, styles: Styles, number: int, rows: SheetRows, row: Row, places: Places
) -> None:
    faults = places.get((rows.sheet.title, row.number), {})
    headers = {rows.sheet.by_key[key].header: place for key, place in rows.places.items()}
    cells = rows.cells[row.number - 1]
    for position, cell in enumerate(cells):
        write_cell(page, styles, number, position, _plain(cell))
    placed = False
    for header, found in faults.items():
        position = headers.get(header, 0)
        worst = "bad" if any(fault.severity == "error" for fault in found) else "doubtful"
        cell = _plain(cells[position]) if position < len(cells) else None
        page.write(number, position, "" if cell is None else cell, styles[worst])
        _comment(page, number, position, found)
        placed = placed or position == 0
    if row.held and not row.bad and not placed:
        cell = _plain(cells[0]) if cells else ""
        page.write(number, 0, "" if cell is None else cell, styles["doubtful"])
        page.write_comment(number, 0, texts.text("estate.row_held"), {"x_scale": 2})


def _plain(cell: Any) -> Any:
    if isinstance(cell, bool):
        return "是" if cell else "否"
    if isinstance(cell, datetime) and not (cell.hour or cell.minute):
        return cell.date().isoformat()
    if isinstance(cell, date) or not isinstance(cell, str | int | float | None):
        return str(cell)
    return None if cell == "" else cell


def _comment(page: Any, row: int, position: int, faults: list[Fault]) -> None:
    if faults:
        told = "\n".join(
            f"{fault.message}\n→ {fault.suggestion}" if fault.suggestion else fault.message
            for fault in faults
        )
        lines = max(2, len(told) // 14 + told.count("\n") + 1)
        page.write_comment(
            row, position, told, {"author": "Yunzhang", "x_scale": 2, "y_scale": lines / 5}
        )
