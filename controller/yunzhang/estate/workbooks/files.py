"""Opens what was handed in: an Excel workbook, or one sheet as CSV."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from python_calamine import CalamineError

from yunzhang import texts
from yunzhang.errors import InputError, NotFound
from yunzhang.estate.workbooks import extents, xlsx
from yunzhang.estate.workbooks.sheets import BY_KEY, BY_TITLE, VERSION_NAME, Sheet, find_sheet

# A file beyond these is a mistake or an attack, not a register.
MAX_BYTES = 100 * 1024**2
MAX_UNPACKED_BYTES = 1024**3
MAX_ROWS = 300_000
MAX_CELLS = 50 * MAX_ROWS
# Text that a spreadsheet program would run is written to CSV behind an apostrophe.
DEFUSED = re.compile(r"'+[=+\-@\t\r]")
_TOO_LARGE: Mapping[extents.Unit, str] = {
    "MiB": "estate.file_large",
    "rows": "estate.file_rows",
    "cells": "estate.file_cells",
}
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_VERSION = re.compile(rf'<definedName name="{VERSION_NAME}"[^>]*>"?([^<"]+)"?</definedName>')


@dataclass(slots=True)
class RawSheet:
    """Rows of cells as the file has them; `rows[0]` is the file's first row.

    `merged`: (top, left), (bottom, right) of merged cells, counted from 0.
    """

    title: str
    rows: list[list[Any]]
    merged: list[tuple[tuple[int, int], tuple[int, int]]] = field(default_factory=list)


@dataclass(slots=True)
class RawFile:
    """A file's sheets. `version`: that of the template, None when it carries none."""

    name: str
    sha256: str
    sheets: list[RawSheet]
    version: str | None = None


def read_file(path: Path, sheet: str | None = None) -> RawFile:
    """Read a workbook or CSV; `sheet` names the sheet a CSV holds, or the only one to read.

    Raises NotFound `estate.file_missing`; InputError `estate.file_type`, `file_large`,
    `file_rows`, `file_cells`, `file_broken`, `file_empty`, `sheet_unnamed`, `sheet_missing`.
    """
    if not path.is_file():
        raise NotFound("estate.file_missing", path=str(path))
    if path.stat().st_size > MAX_BYTES:
        raise InputError("estate.file_large", path=path.name, maximum=MAX_BYTES >> 20)
    content = path.read_bytes()
    if not content.strip():
        raise InputError("estate.file_empty", path=path.name)
    raw = RawFile(path.name, hashlib.sha256(content).hexdigest(), [])
    if path.suffix.lower() in {".xlsx", ".xlsm"} and content.startswith(_ZIP):
        _read_workbook(raw, content)
    elif path.suffix.lower() == ".csv" and not content.startswith((_ZIP, _OLE)):
        raw.sheets = [RawSheet(_csv_sheet(path, sheet).title, _read_csv(path, content))]
    else:
        raise InputError("estate.file_type", path=path.name)
    if sheet and raw.sheets:
        raw.sheets = _only(raw.sheets, sheet)
    if not any(any(_filled(row) for row in each.rows) for each in raw.sheets):
        raise InputError("estate.file_empty", path=path.name)
    return raw


def sheet_titles(path: Path) -> list[str]:
    """The names of a workbook's sheets, for which nothing else of it is read; none when broken."""
    try:
        with zipfile.ZipFile(path) as archive:
            return xlsx.read_titles(archive, MAX_UNPACKED_BYTES)
    except (OSError, zipfile.BadZipFile, zlib.error, KeyError, ValueError, NotImplementedError):
        return []


def _filled(row: list[Any]) -> bool:
    return any(cell not in ("", None) for cell in row)


def _only(sheets: list[RawSheet], name: str) -> list[RawSheet]:
    wanted = find_sheet(name)
    found = [each for each in sheets if wanted and find_sheet(each.title.strip()) is wanted]
    if not found:
        raise InputError("estate.sheet_missing", sheet=name, known=texts.listed(BY_TITLE))
    return found


def _read_workbook(raw: RawFile, content: bytes) -> None:
    try:
        limits = extents.Limits(MAX_UNPACKED_BYTES, MAX_ROWS, MAX_CELLS)
        book, sheets = xlsx.read_sheets(content, limits)
    except extents.TooLarge as error:
        raise InputError(_TOO_LARGE[error.unit], path=raw.name, maximum=error.maximum) from error
    except (CalamineError, zipfile.BadZipFile, zlib.error, KeyError, ValueError) as error:
        raise InputError("estate.file_broken", path=raw.name, reason=str(error)) from error
    raw.sheets = [RawSheet(*sheet) for sheet in sheets]
    found = _VERSION.search(book)
    raw.version = found[1].replace("&quot;", "") if found else None


def _csv_sheet(path: Path, name: str | None) -> Sheet:
    if name:
        if found := find_sheet(name):
            return found
        raise InputError("estate.sheet_missing", sheet=name, known=texts.listed(BY_TITLE))
    stem = path.stem
    if found := find_sheet(stem):
        return found
    inside = [
        sheet
        for sheet in BY_KEY.values()
        if sheet.title in stem or sheet.key in re.split(r"[^a-z]+", stem.lower())
    ]
    if len(inside) == 1:
        return inside[0]
    raise InputError("estate.sheet_unnamed", path=path.name, known=texts.listed(BY_TITLE))


def _decode(path: Path, content: bytes) -> str:
    """UTF-8 with or without its mark, else what Chinese Excel writes."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InputError("estate.file_encoding", path=path.name)


def _read_csv(path: Path, content: bytes) -> list[list[Any]]:
    text = _decode(path, content)
    if "\0" in text:
        raise InputError("estate.file_type", path=path.name)
    first = text.split("\n", 1)[0]
    delimiter = "\t" if first.count("\t") > first.count(",") else ","
    rows = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            rows.append([cell[1:] if DEFUSED.match(cell) else cell for cell in row])
            if len(rows) > MAX_ROWS:
                raise InputError("estate.file_rows", path=path.name, maximum=MAX_ROWS)
    except csv.Error as error:
        raise InputError("estate.file_broken", path=path.name, reason=str(error)) from error
    return rows
