"""Writes workbooks: the empty template, the register itself, the list of faults."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import xlsxwriter
import yaml

from yunzhang import texts
from yunzhang.errors import InputError
from yunzhang.estate.report import Fault
from yunzhang.estate.sheets import (
    BY_KEY,
    GUIDE_TITLE,
    SHEETS,
    TEMPLATE_VERSION,
    VERSION_NAME,
    Column,
    Sheet,
)
from yunzhang.estate.values import cell_value

# Rows a drop-down list reaches down to; an office that needs more generates its file.
LIST_ROWS = 20_000
_WIDTHS = {"name": 28, "note": 24, "cidr": 20, "uscc": 22, "addresses": 24, "networks": 24}
_OPTIONS = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
# What a spreadsheet program would run as a formula when it opens a CSV.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

Rows = Mapping[str, Sequence[Mapping[str, Any]]]


def write_template(path: Path, *, created: datetime) -> None:
    """Write the empty workbook that units fill in."""
    write_workbook(path, {}, created=created)


def write_workbook(path: Path, rows: Rows, *, created: datetime) -> None:
    """Write rows of stored values (sheet key → rows) in the template's layout.

    The same rows and `created` give the same bytes.
    """
    with xlsxwriter.Workbook(path, _OPTIONS) as book:
        book.set_properties({"created": created.replace(tzinfo=None), "author": "Yunzhang"})
        book.define_name(VERSION_NAME, f'="{TEMPLATE_VERSION}"')
        styles = {
            "header": book.add_format({"bold": True, "bg_color": "#DDEBF7", "border": 1}),
            "required": book.add_format(
                {"bold": True, "bg_color": "#DDEBF7", "border": 1, "font_color": "#C00000"}
            ),
            "text": book.add_format({"num_format": "@"}),
            "wrap": book.add_format({"text_wrap": True, "valign": "top"}),
        }
        _write_guide(book, styles)
        for sheet in SHEETS:
            _write_sheet(book, styles, sheet, rows.get(sheet.key, ()))


def _write_guide(book: Any, styles: Mapping[str, Any]) -> None:
    page = book.add_worksheet(GUIDE_TITLE)
    page.set_column(0, 1, 20)
    page.set_column(2, 2, 8)
    page.set_column(3, 3, 90, styles["wrap"])
    lines = texts.text("estate.guide").splitlines()
    for number, line in enumerate(lines):
        page.write_string(number, 0, line)
    heads = texts.text("estate.guide_columns").split("、")
    row = len(lines) + 1
    page.write_row(row, 0, heads, styles["header"])
    for sheet in SHEETS:
        for column in sheet.columns:
            row += 1
            must = texts.text("estate.guide_required") if column.required else ""
            page.write_row(row, 0, [sheet.title, column.header, must, describe(column)])


def describe(column: Column) -> str:
    """What may stand in a column, in the words of the file."""
    parts = [column.help] if column.help else []
    if column.choices:
        parts.append(f"可选：{'、'.join(column.choices.values())}")
    if column.reference:
        parts.append(f"填“{BY_KEY[column.reference].title}”表中的编号")
    if column.kind == "yesno":
        parts.append("可选：是、否")
    return "；".join(parts)


def _write_sheet(
    book: Any, styles: Mapping[str, Any], sheet: Sheet, rows: Iterable[Mapping[str, Any]]
) -> None:
    page = book.add_worksheet(sheet.title)
    page.freeze_panes(2, 1)
    for position, column in enumerate(sheet.columns):
        text = column.kind not in {"integer", "year", "money", "mlps"}
        width = _WIDTHS.get(column.key, max(12, 2 * len(column.title) + 2))
        page.set_column(position, position, width, styles["text"] if text else None)
        page.write_string(0, position, column.title,
                          styles["required" if column.required else "header"])  # fmt: skip
        page.write_string(1, position, column.key)
        if note := describe(column):
            page.write_comment(0, position, note, {"author": "Yunzhang"})
        choices = list(column.choices.values()) or (["是", "否"] if column.kind == "yesno" else [])
        if choices:
            rule = {"validate": "list", "source": choices, "error_type": "warning"}
            page.data_validation(2, position, LIST_ROWS, position, rule)
    page.set_row(1, None, None, {"hidden": True})
    for number, row in enumerate(rows, 2):
        for position, column in enumerate(sheet.columns):
            # only what is not classified is ever stored
            stored = False if column.key == "classified" else row.get(column.key)
            value = "否" if stored is False else cell_value(column, stored)
            if isinstance(value, str):
                page.write_string(number, position, value, styles["text"])
            elif value is not None:
                page.write_number(number, position, value)


def write_faults(path: Path, faults: Sequence[Fault]) -> None:
    """Write all faults as CSV (for Excel) or .xlsx, in the current language."""
    heads = texts.text("estate.fault_columns").split("、")
    lines = [
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
    ]
    if path.suffix.lower() == ".xlsx":
        with xlsxwriter.Workbook(path, _OPTIONS) as book:
            page = book.add_worksheet()
            page.set_column(5, 6, 60)
            for number, line in enumerate([heads, *lines]):
                page.write_row(number, 0, line)
        return
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([heads, *([_defused(cell) for cell in line] for line in lines)])


def _defused(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def read_source(path: Path) -> Rows:
    """Rows of stored values from a YAML file: sheet key → rows.

    Raises InputError `estate.source_bad`.
    """
    try:
        found = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise InputError("estate.source_bad", path=str(path), reason=str(error)) from error
    if not isinstance(found, dict):
        raise InputError("estate.source_bad", path=str(path), reason=type(found).__name__)
    for key, rows in found.items():
        if key not in BY_KEY:
            raise InputError("estate.source_bad", path=str(path), reason=str(key))
        for row in rows:
            if unknown := set(row) - set(BY_KEY[key].by_key):
                raise InputError("estate.source_bad", path=str(path), reason=f"{key}: {unknown}")
    return found
