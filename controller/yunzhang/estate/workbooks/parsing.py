"""Cells to rows: finds the columns, reads every cell, keeps every fault."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from yunzhang import texts
from yunzhang.estate.workbooks.cells import CellError, read_plain, split_list
from yunzhang.estate.workbooks.choices import REFUSED_ZONE, SECRET_WORDS
from yunzhang.estate.workbooks.columns import LISTS
from yunzhang.estate.workbooks.files import RawFile, RawSheet
from yunzhang.estate.workbooks.report import Fault
from yunzhang.estate.workbooks.sheets import (
    BY_TITLE,
    IGNORED_TITLES,
    READ_VERSIONS,
    SHEETS,
    TEMPLATE_VERSION,
    Column,
    Sheet,
    find_sheet,
)
from yunzhang.estate.workbooks.values import Parse, empty_value, reader

Key = tuple[Any, ...]
# Different cells of a column that are read once; of a column without repetitions the rest is not.
_REMEMBERED = 1000


@dataclass(slots=True)
class Row:
    """One row of a sheet. `key` is None when it could not be read.

    `held`: it names a bad row. `refused`: it is classified, and nothing of it may be kept.
    """

    number: int
    values: dict[str, Any]
    key: Key | None
    bad: bool = False
    held: bool = False
    refused: bool = False

    @property
    def good(self) -> bool:
        """Whether the row may be written."""
        return not (self.bad or self.held)


@dataclass(slots=True)
class SheetRows:
    """The rows of one sheet with the columns the file has.

    `cells`: the sheet as it was handed in; `places`: where in it the columns stand; `header`: the
    number of its header's row.
    """

    sheet: Sheet
    columns: list[Column]
    rows: list[Row] = field(default_factory=list)
    cells: list[list[Any]] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)
    header: int = 1


@dataclass(slots=True)
class Parsed:
    """A whole file. `excluded` counts refused classified rows by unit; `notes` are no faults."""

    sheets: dict[str, SheetRows] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    notes: list[Fault] = field(default_factory=list)
    excluded: Counter[str] = field(default_factory=Counter)

    def add(self, sheet: Sheet, row: Row, column: str, code: str, /, **values: Any) -> None:
        """Note an error; the row is bad from now on."""
        row.bad = True
        header = sheet.by_key[column].header if column in sheet.by_key else column
        self.faults.append(Fault(sheet.title, row.number, header, code, "error", values))

    def refuse(self, sheet: Sheet, row: Row, column: str, unit: str | None) -> None:
        """Count a classified row, or one that belongs to such, for its unit; forget the rest."""
        row.refused = True
        row.values = {}
        self.excluded[unit or ""] += 1
        code = "classified" if column == "classified" else "classified_named"
        self.add(sheet, row, column, code)

    def warn(self, sheet: Sheet, row: Row, column: str, code: str, /, **values: Any) -> None:
        """Note a warning; it does not stop the row."""
        header = sheet.by_key[column].header
        self.faults.append(Fault(sheet.title, row.number, header, code, "warning", values))

    def inform(self, sheet: Sheet, row: Row, column: str, code: str, /, **values: Any) -> None:
        """Note something worth knowing; nothing is wrong with the row."""
        header = sheet.by_key[column].header
        self.notes.append(Fault(sheet.title, row.number, header, code, "info", values))

    def rows(self, key: str) -> list[Row]:
        """The rows of one sheet, none when the file does not have it."""
        return self.sheets[key].rows if key in self.sheets else []


def parse_file(raw: RawFile) -> Parsed:
    """Read every sheet; what cannot be read is a fault, never silent."""
    parsed = Parsed()
    if raw.version is not None and raw.version not in READ_VERSIONS:
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
    result = parsed.sheets[sheet.key] = SheetRows(
        sheet,
        list(columns.values()),
        cells=raw.rows,
        places={column.key: position for position, column in columns.items()},
        header=first + 1,
    )
    _fill_merged(raw, columns)
    start = first + 1
    if start < len(raw.rows) and _is_key_row(sheet, columns, raw.rows[start]):
        start += 1
    row_reader = _RowReader(parsed, sheet, columns)
    width = max(columns, default=-1) + 1
    for number, cells in enumerate(raw.rows[start:], start + 1):
        if any(not _is_blank(cell) for cell in cells):
            cells.extend([""] * (width - len(cells)))
            result.rows.extend(row_reader.read(number, cells))
    if not sound:
        # a header that is not understood says nothing reliable about the rows below it
        for row in result.rows:
            row.held = True


def _fill_merged(raw: RawSheet, columns: dict[int, Column]) -> None:
    """Give every row of a vertically merged cell its value, in the columns that allow it."""
    filled: dict[int, int] = {}
    for (top, left), (bottom, _) in sorted(raw.merged):
        if left in columns and columns[left].merges:
            # ranges that overlap, which no program writes, must not cost more than their rows
            start = max(top, filled.get(left, -1)) + 1
            filled[left] = max(start - 1, bottom)
            for cells in raw.rows[start : bottom + 1]:
                cells.extend([""] * (left + 1 - len(cells)))
                cells[left] = raw.rows[top][left]


def _is_blank(cell: Any) -> bool:
    return cell is None or cell == "" or (type(cell) is str and cell.isspace())


class _RowReader:
    """Reads the rows of one sheet."""

    def __init__(self, parsed: Parsed, sheet: Sheet, columns: dict[int, Column]) -> None:
        self.parsed = parsed
        self.sheet = sheet
        # what cells were read as: codes and choices repeat, and reading is most of the time
        self.cells: list[tuple[int, Column, Parse, dict[str | float, Any]]] = [
            (position, column, reader(column), {}) for position, column in columns.items()
        ]
        self.place = {column.key: position for position, column in columns.items()}
        # the key column in which a cell may list several things
        self.listed = next((n for n in sheet.identity if sheet.by_key[n].kind == "cidr"), "")
        self.parse_listed = reader(sheet.by_key[self.listed]) if self.listed else str

    def read(self, number: int, cells: list[Any]) -> list[Row]:
        """The row, or a row for each part of a key cell that lists several; faults are noted."""
        row = Row(number, {}, None)
        if self._is_classified(cells):
            self._refuse(row, cells)
            return [row]
        parts = self._parts(cells)
        if len(parts) < 2:
            self._fill(row, cells)
            return [row]
        place = self.place[self.listed]
        self._fill(row, [*cells[:place], parts[0], *cells[place + 1 :]])
        rows = [row]
        for part in parts[1:]:
            twin = Row(number, dict(row.values), None, bad=row.bad)
            twin.values.pop(self.listed, None)
            self._fill_cell(twin, self.sheet.by_key[self.listed], self.parse_listed, part)
            self._set_key(twin)
            rows.append(twin)
        if any(each.bad for each in rows):
            # the row goes back to its writer as a whole
            for each in rows:
                each.bad = True
        return rows

    def _parts(self, cells: list[Any]) -> list[str]:
        cell = cells[self.place[self.listed]] if self.listed in self.place else None
        return split_list(cell) if type(cell) is str else []

    def _fill(self, row: Row, cells: list[Any]) -> None:
        values = row.values
        for position, column, parse, read in self.cells:
            cell = cells[position]
            # an integer or a truth value equals a float that reads otherwise
            same = type(cell) is str or type(cell) is float
            if same and cell in read:
                values[column.key] = read[cell]
            elif cell is None or cell == "" or (type(cell) is str and cell.isspace()):
                if column.required:
                    self.parsed.add(self.sheet, row, column.key, "required")
                else:
                    values[column.key] = empty_value(column)
            else:
                self._fill_cell(row, column, parse, cell)
                remembered = same and len(read) < _REMEMBERED and column.kind not in LISTS
                if remembered and column.key in values:
                    read[cell] = values[column.key]
        values.pop("classified", None)
        self._set_key(row)

    def _fill_cell(self, row: Row, column: Column, parse: Parse, cell: Any) -> None:
        try:
            row.values[column.key] = parse(cell)
        except CellError as error:
            self.parsed.add(self.sheet, row, column.key, error.code, **error.values)

    def _set_key(self, row: Row) -> None:
        values = row.values
        for name in self.sheet.identity:
            if name not in self.place and not self.sheet.by_key[name].required:
                values[name] = empty_value(self.sheet.by_key[name])
        if all(name in values for name in self.sheet.identity):
            row.key = tuple(values[name] for name in self.sheet.identity)

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
        if "classified" in self.place and (
            self._cell(cells, "classified") is True
            or read_plain(cells[self.place["classified"]]) in SECRET_WORDS
        ):
            return True
        # of 政务内网 nothing may be kept either, however it is written
        place = self.place.get("zone")
        return place is not None and REFUSED_ZONE in read_plain(cells[place])

    def _refuse(self, row: Row, cells: list[Any]) -> None:
        self.parsed.refuse(self.sheet, row, "classified", self._cell(cells, "unit_code"))
        if code := self._cell(cells, "code"):
            # only so that rows that name it are refused with it; it is neither stored nor shown
            row.key = (code,)
