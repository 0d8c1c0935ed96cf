"""Writes the list of all faults of a file."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import xlsxwriter

from yunzhang import texts
from yunzhang.estate.workbooks.csv_sheets import defused
from yunzhang.estate.workbooks.report import Fault
from yunzhang.estate.workbooks.workbook import OPTIONS

WIDTHS = (12, 6, 18, 8, 20, 60, 60)


def fault_lines(faults: Sequence[Fault]) -> list[list[Any]]:
    """A header and a line per fault, in the current language."""
    return [
        texts.text("estate.fault_columns").split("、"),
        *(
            [
                fault.sheet,
                fault.row or "",
                fault.column,
                texts.text(f"estate.severity_{fault.severity}"),
                fault.code,
                fault.message,
                fault.suggestion,
            ]
            for fault in faults
        ),
    ]


def write_faults(path: Path, faults: Sequence[Fault]) -> None:
    """Write all faults as CSV (for Excel) or .xlsx, in the current language."""
    lines = fault_lines(faults)
    if path.suffix.lower() == ".xlsx":
        with xlsxwriter.Workbook(path, OPTIONS) as book:
            head = book.add_format({"bold": True, "bg_color": "#DDEBF7", "border": 1})
            wrap = book.add_format({"text_wrap": True, "valign": "top"})
            fill_page(book.add_worksheet(), lines, head, wrap)
        return
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([[defused(cell) for cell in line] for line in lines])


def fill_page(page: Any, lines: list[list[Any]], head: Any, style: Any) -> None:
    """Write the lines on a worksheet."""
    for position, width in enumerate(WIDTHS):
        page.set_column(position, position, width)
    page.freeze_panes(1, 0)
    page.set_landscape()
    page.fit_to_pages(1, 0)
    for number, line in enumerate(lines):
        page.write_row(number, 0, line, style if number else head)
    page.autofilter(0, 0, max(len(lines) - 1, 1), len(WIDTHS) - 1)
