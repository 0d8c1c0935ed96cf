"""Cells to rows: finds the columns, reads every cell, keeps every fault."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from yunzhang import texts
from yunzhang.estate.files import RawFile, RawSheet
from yunzhang.estate.report import Fault
from yunzhang.estate.sheets import (
    BY_TITLE,
    IGNORED_TITLES,
    SHEETS,
    TEMPLATE_VERSION,
    Column,
    Sheet,
    find_sheet,
)
from yunzhang.estate.values import CellError, Parse, empty_value, read_plain, reader

Key = tuple[Any, ...]


@dataclass(slots=True)
class Row:
    """One row of a sheet. `key` is None when it could not be read."""

    number: int
    values: dict[str, Any]
    key: Key | None
    bad: bool = False
    held: bool = False

    @property
    def good(self) -> bool:
        """Whether the row may be written."""
        return not (self.bad or self.held)


@dataclass(slots=True)
class SheetRows:
    """The rows of one sheet with the columns the file has."""

    sheet: Sheet
    columns: list[Column]
    rows: list[Row] = field(default_factory=list)


@dataclass(slots=True)
class Parsed:
    """A whole file. `excluded` counts refused classified rows by unit."""

    sheets: dict[str, SheetRows] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    excluded: Counter[str] = field(default_factory=Counter)

    def add(self, sheet: Sheet, row: Row, column: str, code: str, /, **values: Any) -> None:
        """Note an error; the row is bad from now on."""
        row.bad = True
        header = sheet.by_key[column].header if column in sheet.by_key else column
        self.faults.append(Fault(sheet.title, row.number, header, code, "error", values))

    def warn(self, sheet: Sheet, row: Row, column: str, code: str, /, **values: Any) -> None:
        """Note a warning; it does not stop the row."""
        header = sheet.by_key[column].header
        self.faults.append(Fault(sheet.title, row.number, header, code, "warning", values))

    def rows(self, key: str) -> list[Row]:
        """The rows of one sheet, none when the file does not have it."""
        return self.sheets[key].rows if key in self.sheets else []


def parse_file(raw: RawFile) -> Parsed:
    """Read every sheet; what cannot be read is a fault, never silent."""
    parsed = Parsed()
    if raw.version is not None and raw.version != TEMPLATE_VERSION:
        values = {"found": raw.version, "current": TEMPLATE_VERSION}
        parsed.faults.append(Fault("", 0, "", "template_version", "warning", values))
    found: dict[str, RawSheet] = {}
    for sheet in raw.sheets:
        title = sheet.title.strip()
        known = find_sheet(title)
        if known and known.key not in found:
            found[known.key] = sheet
        elif title not in IGNORED_TITLES and any(any(row) for row in sheet.rows):
            values = {"known": texts.listed(BY_TITLE)}
            parsed.faults.append(Fault(title, 0, "", "sheet_unknown", "error", values))
    for known in SHEETS:
        if known.key in found:
            _parse_sheet(parsed, known, found[known.key])
    return parsed


def _clean_header(cell: Any) -> str:
    return read_plain(cell).replace("*", "").replace(" ", "").replace("\n", "")


# Headers are compared without what full-width typing changes.
_HEADERS = {
    sheet.key: {_clean_header(column.header): column for column in sheet.columns}
    | {column.key: column for column in sheet.columns}
    for sheet in SHEETS
}


def _find_columns(
    parsed: Parsed, sheet: Sheet, headers: list[Any]
) -> tuple[dict[int, Column], bool]:
    """Columns by position, and whether the header is without errors."""
    columns: dict[int, Column] = {}
    before = len(parsed.faults)
    for position, cell in enumerate(headers):
        name = _clean_header(cell)
        if not name:
            continue
        column = _HEADERS[sheet.key].get(name)
        if column is None:
            _header_fault(parsed, sheet, str(cell), "column_unknown", sheet)
        elif column in columns.values():
            _header_fault(parsed, sheet, column.header, "column_twice", sheet)
        else:
            columns[position] = column
    for column in sheet.columns:
        if column.required and column not in columns.values():
            _header_fault(parsed, sheet, column.header, "column_missing", sheet)
    return columns, len(parsed.faults) == before


def _header_fault(parsed: Parsed, sheet: Sheet, column: str, code: str, known: Sheet) -> None:
    values = {"known": texts.listed(each.header for each in known.columns), "column": column}
    parsed.faults.append(Fault(sheet.title, 1, column, code, "error", values))


def _is_key_row(sheet: Sheet, columns: dict[int, Column], cells: list[Any]) -> bool:
    return bool(columns) and all(
        position < len(cells) and cells[position] == column.key
        for position, column in columns.items()
    )


def _parse_sheet(parsed: Parsed, sheet: Sheet, raw: RawSheet) -> None:
    first = next((n for n, cells in enumerate(raw.rows) if any(cells)), None)
    if first is None:
        parsed.faults.append(Fault(sheet.title, 0, "", "sheet_empty", "warning"))
        return
    columns, sound = _find_columns(parsed, sheet, raw.rows[first])
    result = parsed.sheets[sheet.key] = SheetRows(sheet, list(columns.values()))
    start = first + 1
    if start < len(raw.rows) and _is_key_row(sheet, columns, raw.rows[start]):
        start += 1
    row_reader = _RowReader(parsed, sheet, columns)
    width = max(columns, default=-1) + 1
    for number, cells in enumerate(raw.rows[start:], start + 1):
        if any(not _is_blank(cell) for cell in cells):
            cells.extend([""] * (width - len(cells)))
            # a header that is not understood says nothing reliable about the rows below it
            row = Row(number, {}, None, held=not sound)
            row_reader.read(row, cells)
            result.rows.append(row)


def _is_blank(cell: Any) -> bool:
    return cell is None or cell == "" or (type(cell) is str and cell.isspace())


class _RowReader:
    """Reads the rows of one sheet."""

    def __init__(self, parsed: Parsed, sheet: Sheet, columns: dict[int, Column]) -> None:
        self.parsed = parsed
        self.sheet = sheet
        self.cells: list[tuple[int, Column, Parse]] = [
            (position, column, reader(column)) for position, column in columns.items()
        ]
        self.place = {column.key: position for position, column in columns.items()}

    def read(self, row: Row, cells: list[Any]) -> None:
        """Fill `row`; faults go to the report."""
        if self._is_classified(cells):
            self._refuse(row, cells)
            return
        values, sheet = row.values, self.sheet
        for position, column, parse in self.cells:
            cell = cells[position]
            try:
                if not _is_blank(cell):
                    values[column.key] = parse(cell)
                elif column.required:
                    self.parsed.add(sheet, row, column.key, "required")
                else:
                    values[column.key] = empty_value(column)
            except CellError as error:
                self.parsed.add(sheet, row, column.key, error.code, **error.values)
        values.pop("classified", None)
        for name in sheet.identity:
            if name not in self.place and not sheet.by_key[name].required:
                values[name] = empty_value(sheet.by_key[name])
        if all(name in values for name in sheet.identity):
            row.key = tuple(values[name] for name in sheet.identity)

    def _cell(self, cells: list[Any], key: str) -> Any:
        """The value of one cell, None when it is empty or cannot be read."""
        cell = cells[self.place[key]] if key in self.place else ""
        if _is_blank(cell):
            return None
        try:
            return reader(self.sheet.by_key[key])(cell)
        except CellError:
            return None

    def _is_classified(self, cells: list[Any]) -> bool:
        return "classified" in self.place and self._cell(cells, "classified") is True

    def _refuse(self, row: Row, cells: list[Any]) -> None:
        """Count a classified row for its unit and keep nothing else of it."""
        self.parsed.excluded[self._cell(cells, "unit_code") or ""] += 1
        self.parsed.add(self.sheet, row, "classified", "classified")
        if code := self._cell(cells, "code"):
            # only so that rows that name it are held back; it is neither stored nor shown
            row.key = (code,)
