"""Writes workbooks: the empty template, and the register itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import xlsxwriter
import yaml

from yunzhang import texts
from yunzhang.errors import Conflict, InputError
from yunzhang.estate.progress import Progress, no_progress
from yunzhang.estate.workbooks.columns import NUMBERS
from yunzhang.estate.workbooks.sheets import (
    BY_KEY,
    GUIDE_TITLE,
    SHEETS,
    TEMPLATE_VERSION,
    VERSION_NAME,
    Column,
    Sheet,
)
from yunzhang.estate.workbooks.values import cell_value

# Rows a drop-down list reaches down to; an office that needs more generates its file.
LIST_ROWS = 20_000
# Above the rows of a sheet: titles and keys of the columns.
HEAD_ROWS = 2
# Excel takes no more rows in a sheet; xlsxwriter drops what is beyond without a word.
MOST_ROWS = 1_048_576 - HEAD_ROWS
OPTIONS = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
# What a spreadsheet program may take for a formula when the cell is edited.
FORMULA = ("=", "+", "-", "@", "\t", "\r")
_AUTHOR = "Yunzhang"
_GUIDE_WIDTHS = (14, 22, 8, 70)
_LINE_HEIGHT = 15
_WIDTHS = {
    "name": 28, "note": 24, "cidr": 20, "uscc": 22, "addresses": 24, "networks": 24, "address": 28,
    "purpose": 24, "legal_basis": 22, "public_prefixes": 24, "a_end": 24, "z_end": 24,
    "platform_uuid": 38, "downtime_window": 24, "mac": 18, "usage": 16,
}  # fmt: skip

Rows = Mapping[str, Sequence[Mapping[str, Any]]]
Streams = Mapping[str, Iterable[Mapping[str, Any]]]
Styles = Mapping[str, Any]


def write_template(path: Path, *, created: datetime) -> None:
    """Write the empty workbook that units fill in."""
    write_workbook(path, {}, created=created)


def write_workbook(path: Path, rows: Rows, *, created: datetime) -> None:
    """Write rows of stored values (sheet key → rows) in the template's layout.

    The same rows and `created` give the same bytes. Raises Conflict `estate.sheet_long`.
    """
    with xlsxwriter.Workbook(path, OPTIONS) as book:
        _write_book(book, rows, created)


def stream_workbook(
    path: Path, rows: Streams, *, created: datetime, progress: Progress = no_progress
) -> dict[str, int]:
    """As `write_workbook`, one row in memory at a time; how many rows by sheet.

    Texts stand in the cells themselves, not in the table that a workbook shares. `progress` is told
    when the rows are written and the file is packed. Raises Conflict `estate.sheet_long`.
    """
    with xlsxwriter.Workbook(path, OPTIONS | {"constant_memory": True}) as book:
        book.use_zip64()  # only where a part has more than 2 GiB
        counts = _write_book(book, rows, created)
        total = sum(counts.values())
        progress("pack", total, total)
    return counts


def check_length(sheet: Sheet, count: int) -> None:
    """Raise Conflict `estate.sheet_long` when a sheet cannot have so many rows."""
    if count > MOST_ROWS:
        raise Conflict("estate.sheet_long", sheet=sheet.title, count=count, maximum=MOST_ROWS)


def _write_book(book: Any, rows: Streams, created: datetime) -> dict[str, int]:
    styles = begin_book(book, created)
    _write_guide(book, styles)
    counts = {}
    for sheet in SHEETS:
        page = begin_sheet(book, styles, sheet)
        counts[sheet.key] = _write_rows(page, styles, sheet, rows.get(sheet.key, ()))
    return counts


def begin_book(book: Any, created: datetime) -> Styles:
    """Properties, version and formats of a workbook in the template's layout."""
    book.set_properties({"created": created.replace(tzinfo=None), "author": _AUTHOR})
    book.define_name(VERSION_NAME, f'="{TEMPLATE_VERSION}"')
    head = {"bold": True, "bg_color": "#DDEBF7", "border": 1, "border_color": "#9DB7D5",
            "text_wrap": True, "align": "center", "valign": "vcenter"}  # fmt: skip
    return {
        "header": book.add_format(head),
        "required": book.add_format(head | {"font_color": "#C00000"}),
        "expected": book.add_format(head | {"font_color": "#1F4E9E"}),
        "optional": book.add_format(head | {"bold": False, "font_color": "#404040"}),
        "text": book.add_format({"num_format": "@"}),
        # keeps text that looks like a formula text even when the cell is edited
        "quoted": book.add_format({"num_format": "@", "quote_prefix": True}),
        "title": book.add_format({"bold": True, "font_size": 16}),
        "wrap": book.add_format({"text_wrap": True, "valign": "top"}),
        "line": book.add_format({"valign": "top", "border": 1, "border_color": "#D9D9D9",
                                 "text_wrap": True}),
        "bad": book.add_format({"bg_color": "#FFC7CE", "num_format": "@"}),
        "doubtful": book.add_format({"bg_color": "#FFEB9C", "num_format": "@"}),
    }  # fmt: skip


def _write_guide(book: Any, styles: Styles) -> None:
    page = book.add_worksheet(GUIDE_TITLE)
    page.hide_gridlines(2)
    for position, width in enumerate(_GUIDE_WIDTHS):
        page.set_column(position, position, width)
    title, *lines = texts.text("estate.guide").splitlines()
    page.set_row(0, 26)
    page.write_string(0, 0, title, styles["title"])
    for number, line in enumerate(lines, 1):
        # one cell over the whole width, as high as the line needs
        page.merge_range(number, 0, number, len(_GUIDE_WIDTHS) - 1, line, styles["wrap"])
        page.set_row(number, _LINE_HEIGHT * (1 + _shown_width(line) // sum(_GUIDE_WIDTHS)))
    heads = texts.text("estate.guide_columns").split("、")
    row = len(lines) + 2
    page.write_row(row, 0, heads, styles["header"])
    page.repeat_rows(row)
    for sheet in SHEETS:
        for column in sheet.columns:
            row += 1
            mark = head_style(sheet, column)
            must = "" if mark == "optional" else texts.text(f"estate.guide_{mark}")
            told = [sheet.title, column.header, must, describe(column)]
            page.write_row(row, 0, told, styles["line"])
    page.set_landscape()
    page.fit_to_pages(1, 0)


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


def begin_sheet(book: Any, styles: Styles, sheet: Sheet) -> Any:
    """Add a sheet with its header, hidden keys, notes and drop-down lists; the worksheet."""
    page = book.add_worksheet(sheet.title)
    page.freeze_panes(2, 1)
    page.set_row(0, 32)
    heads: list[tuple[int, int, str, Any]] = []
    for position, column in enumerate(sheet.columns):
        style = None if column.kind in NUMBERS else styles["text"]
        page.set_column(position, position, column_width(column), style)
        heads.append((0, position, column.title, styles[head_style(sheet, column)]))
        heads.append((1, position, column.key, None))
        if note := describe(column):
            page.write_comment(0, position, note, {"author": _AUTHOR, "x_scale": 2})
        offer_choices(page, column, position)
    if book.constant_memory:  # a row is gone once the next one begins
        heads.sort(key=lambda head: head[0])
    for head in heads:
        page.write_string(*head)
    page.set_row(1, None, None, {"hidden": True})
    page.set_landscape()
    page.fit_to_pages(1, 0)
    page.repeat_rows(0)
    return page


def head_style(sheet: Sheet, column: Column) -> str:
    """How much a column is asked for: required, expected or optional."""
    if column.required:
        return "required"
    return "expected" if column.key in sheet.expected else "optional"


def column_width(column: Column) -> int:
    """Wide enough for the header on at most two lines, and for what stands below it."""
    wide = _shown_width(column.title)
    return _WIDTHS.get(column.key, max(11, wide + 2 if wide <= 16 else wide // 2 + 4))


def _shown_width(text: str) -> int:
    """How wide a text stands, in the width of a digit."""
    return sum(1 if letter.isascii() else 2 for letter in text)


def offer_choices(page: Any, column: Column, position: int) -> None:
    """A drop-down list for the cells of a column, when it has one."""
    choices = list(column.choices.values()) or (["是", "否"] if column.kind == "yesno" else [])
    if choices:
        rule = {"validate": "list", "source": choices, "error_type": "warning"}
        page.data_validation(2, position, LIST_ROWS, position, rule)


def write_cell(page: Any, styles: Styles, row: int, position: int, value: Any) -> None:
    """Write a cell as text or number; text that looks like a formula stays text."""
    if isinstance(value, str):
        style = styles["quoted" if value.startswith(FORMULA) else "text"]
        if value.startswith("<r>") and value.endswith("</r>"):
            # xlsxwriter takes this for markup of its own and escapes nothing; in pieces it is text
            page.write_rich_string(row, position, value[0], value[1], value[2:], style)
        else:
            page.write_string(row, position, value, style)
    elif value is not None:
        page.write_number(row, position, value)


def _write_rows(page: Any, styles: Styles, sheet: Sheet, rows: Iterable[Mapping[str, Any]]) -> int:
    count = 0
    for number, row in enumerate(rows, HEAD_ROWS):
        count += 1
        check_length(sheet, count)
        for position, column in enumerate(sheet.columns):
            write_cell(page, styles, number, position, shown_value(column, row))
    return count


def shown_value(column: Column, row: Mapping[str, Any]) -> str | int | float | None:
    """What stands in the file for a stored row; only what is not classified is ever stored."""
    if column.key == "classified":
        return "否"
    return cell_value(column, row.get(column.key))


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
