"""Reads Excel workbooks: values, merged cells, and the cells whose formula has no result."""

from __future__ import annotations

import html
import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any

from python_calamine import CalamineWorkbook

# What stands in a cell for a formula that failed or was never calculated.
NO_RESULT = "#VALUE!"
_PIECE = 1 << 20
_SHEET = re.compile(r"<(?:\w+:)?sheet\s[^>]*>")
_RELATION = re.compile(r"<(?:\w+:)?Relationship\s[^>]*>")
_ATTRIBUTE = re.compile(r'([\w:]+)="([^"]*)"')
_SUSPECT = re.compile(rb't="e"|</f>(?:<v\s*/>|<v></v>)?</c>|<f[^>]*/>(?:<v\s*/>|<v></v>)?</c>')
_CELL = re.compile(rb"<c\s([^>]*?)(?:/>|>(.*?)</c>)", re.DOTALL)
_PLACE = re.compile(rb'\br="([A-Z]+)(\d+)"')
_RESULT = re.compile(rb"<v>[^<]")

Sheet = tuple[str, list[list[Any]], list[tuple[tuple[int, int], tuple[int, int]]]]


class TooLarge(ValueError):
    """The workbook unpacks to more than allowed; `unit` of `maximum` is MiB or rows."""

    def __init__(self, unit: str, maximum: int) -> None:
        super().__init__(unit, maximum)
        self.unit = unit
        self.maximum = maximum


def read_sheets(content: bytes, *, max_bytes: int, max_rows: int) -> tuple[str, list[Sheet]]:
    """`xl/workbook.xml` and all sheets: title, rows, merged cells.

    Raises TooLarge, BadZipFile, CalamineError, KeyError or ValueError.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        suspects = _unpack(archive, max_bytes)
        book = archive.read("xl/workbook.xml").decode("utf-8", "replace")
        broken = {
            title: list(_without_result(archive.read(path)))
            for title, path in _paths(archive, book).items()
            if path in suspects
        }
    workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
    sheets: list[Sheet] = []
    rows_left = max_rows
    for title in workbook.sheet_names:
        sheet = workbook.get_sheet_by_name(title)
        rows_left -= sheet.height
        if rows_left < 0:
            raise TooLarge("rows", max_rows)
        rows = sheet.to_python(skip_empty_area=False)
        for row, column in broken.get(title, ()):
            if row < len(rows) and column < len(rows[row]):
                rows[row][column] = NO_RESULT
        sheets.append((title, rows, list(sheet.merged_cell_ranges or ())))
    return book, sheets


def _unpack(archive: zipfile.ZipFile, max_bytes: int) -> set[str]:
    """Unpack everything once without keeping it; the sheets that have cells without a result.

    An archive can say less than it holds; then its check sums do not fit, which is found here.
    """
    left = max_bytes
    suspects = set()
    for entry in archive.infolist():
        tail = b""
        with archive.open(entry) as file:
            while piece := file.read(_PIECE):
                left -= len(piece)
                if left < 0:
                    raise TooLarge("MiB", max_bytes >> 20)
                if entry.filename.startswith("xl/worksheets/") and _SUSPECT.search(tail + piece):
                    suspects.add(entry.filename)
                tail = piece[-64:]
    return suspects


def _attributes(tag: str) -> dict[str, str]:
    return {name: html.unescape(value) for name, value in _ATTRIBUTE.findall(tag)}


def _paths(archive: zipfile.ZipFile, book: str) -> dict[str, str]:
    """Title → file of each sheet."""
    told = archive.read("xl/_rels/workbook.xml.rels").decode("utf-8", "replace")
    targets = {
        found["Id"]: found["Target"]
        for tag in _RELATION.findall(told)
        if {"Id", "Target"} <= (found := _attributes(tag)).keys()
    }
    paths = {}
    for tag in _SHEET.findall(book):
        found = _attributes(tag)
        target = targets.get(found.get("r:id", ""), "")
        paths[found.get("name", "")] = (
            target.lstrip("/") if target.startswith("/") else f"xl/{target}"
        )
    return paths


def _without_result(xml: bytes) -> Iterator[tuple[int, int]]:
    for attributes, body in _CELL.findall(xml):
        failed = b't="e"' in attributes or (b"<f" in body and not _RESULT.search(body))
        if failed and (place := _PLACE.search(attributes)):
            column = 0
            for letter in place[1]:
                column = column * 26 + letter - 64
            yield int(place[2]) - 1, column - 1
