"""Writes one sheet as CSV. Text that a spreadsheet would run as a formula is defused.

Defusing puts an apostrophe in front (one more in front of text that already looks defused), and
reading takes exactly one away: see `files`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from yunzhang.estate.workbooks.files import DEFUSED
from yunzhang.estate.workbooks.sheets import Sheet
from yunzhang.estate.workbooks.workbook import FORMULA, shown_value


def defused(cell: Any) -> Any:
    """A cell that no spreadsheet takes for a formula."""
    if isinstance(cell, str) and (cell.startswith(FORMULA) or DEFUSED.match(cell)):
        return f"'{cell}"
    return cell


def write_sheet(
    path: Path, sheet: Sheet, rows: Iterable[Mapping[str, Any]], *, encoding: str
) -> int:
    """Write header and rows of stored values; how many rows."""
    count = 0
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file)
        writer.writerow([column.title for column in sheet.columns])
        for row in rows:
            writer.writerow([defused(shown_value(column, row)) for column in sheet.columns])
            count += 1
    return count
