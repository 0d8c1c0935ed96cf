"""Reads Excel workbooks: values, merged cells, and the cells whose formula has no result."""

from __future__ import annotations

import html
import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any

from python_calamine import CalamineWorkbook

from yunzhang.estate.workbooks.extents import Limits, check_size

# What stands in a cell for a formula that failed or was never calculated.
NO_RESULT = "#VALUE!"
_SHEET = re.compile(r"<(?:\w+:)?sheet\s[^>]*>")
_RELATION = re.compile(r"<(?:\w+:)?Relationship\s[^>]*>")
_ATTRIBUTE = re.compile(r'([\w:]+)="([^"]*)"')
_CELL = re.compile(rb"<c\s([^>]*?)(?:/>|>(.*?)</c>)", re.DOTALL)
_PLACE = re.compile(rb'\br="([A-Z]+)(\d+)"')
_RESULT = re.compile(rb"<v>[^<]")

Sheet = tuple[str, list[list[Any]], list[tuple[tuple[int, int], tuple[int, int]]]]


def read_sheets(content: bytes, limits: Limits) -> tuple[str, list[Sheet]]:
    """`xl/workbook.xml` and all sheets: title, rows, merged cells.

    Raises TooLarge, BadZipFile, CalamineError, KeyError or ValueError.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        suspects = check_size(archive, limits)
        book = archive.read("xl/workbook.xml").decode("utf-8", "replace")
        broken = {
            title: list(_without_result(archive.read(path)))
            for title, path in _paths(archive, book).items()
            if path in suspects
        }
    workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
    sheets: list[Sheet] = []
    for title in workbook.sheet_names:
        sheet = workbook.get_sheet_by_name(title)
        rows = sheet.to_python(skip_empty_area=False)
        for row, column in broken.get(title, ()):
            if row < len(rows) and column < len(rows[row]):
                rows[row][column] = NO_RESULT
        sheets.append((title, rows, list(sheet.merged_cell_ranges or ())))
    return book, sheets


def read_titles(archive: zipfile.ZipFile, max_bytes: int) -> list[str]:
    """The sheets' names. Raises what `read_sheets` does."""
    with archive.open("xl/workbook.xml") as file:
        book = file.read(max_bytes).decode("utf-8", "replace")
    return [_attributes(tag).get("name", "") for tag in _SHEET.findall(book)]


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
