"""How the register's answers look in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from yunzhang import clock
from yunzhang.cli.context import errors, output
from yunzhang.estate.progress import Progress as Told
from yunzhang.estate.schemas import BatchRead, ChangeRead, Page
from yunzhang.estate.workbooks.report import ACTIONS, ImportReport
from yunzhang.estate.workbooks.sheets import BY_KEY, Column, Sheet, find_sheet
from yunzhang.estate.workbooks.values import cell_value
from yunzhang.texts import current_language, text

# Optional columns that are worth their place in a terminal; the rest is in JSON and the export.
_SHOWN = frozenset({"parent_code", "network_name", "cloud_name", "addresses", "port"})


def _table(title: str, *columns: str) -> Table:
    table = Table(title=escape(title), title_justify="left")
    for column in columns:
        table.add_column(escape(column), overflow="fold")
    return table


def show_report(report: ImportReport, *, asked: bool, limit: int) -> None:
    """Counts by sheet, the first faults, and what was or would be written."""
    table = _table(
        text("estate.report_title", path=report.file_name),
        text("estate.report_sheet"),
        *(text(f"estate.action_{action}") for action in ACTIONS),
    )
    for key, counts in report.counts.items():
        table.add_row(_noun(key), *(f"{counts[action]:,}" for action in ACTIONS))
    output.print(table)
    if report.earlier is not None:
        output.print(text("estate.report_earlier", batch=report.earlier))
    _show_faults(report, limit)
    for note in report.notes[:limit]:
        output.print(escape(note.message))
    if len(report.notes) > limit:
        output.print(text("estate.report_more_notes", count=len(report.notes) - limit))
    for unit, count in report.excluded.items():
        shown = unit or text("estate.report_unit_unknown")
        output.print(text("estate.report_excluded", unit=shown, count=count))
    if report.written:
        output.print(text("estate.report_written", batch=report.batch_id))
    else:
        output.print(text("estate.report_refused" if asked else "estate.report_shown"))


def _show_faults(report: ImportReport, limit: int) -> None:
    if not report.faults:
        output.print(text("estate.report_clean"))
        return
    heads = text("estate.fault_columns").split("、")
    title = text("estate.report_faults", errors=report.errors, warnings=report.warnings)
    table = _table(title, *(head for place, head in enumerate(heads) if place != 4))
    for fault in report.faults[:limit]:
        table.add_row(
            escape(fault.sheet),
            str(fault.row or ""),
            escape(fault.column),
            text(f"estate.severity_{fault.severity}"),
            escape(fault.message),
            escape(fault.suggestion),
        )
    output.print(table)
    if len(report.faults) > limit:
        output.print(text("estate.report_more", count=len(report.faults) - limit))


@contextmanager
def progress_shown() -> Iterator[Told]:
    """A bar on the terminal for what takes long; nothing when the output goes elsewhere."""
    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task("", total=None)

        def told(step: str, done: int, total: int) -> None:
            bar.update(task, description=text(f"estate.step_{step}"), completed=done, total=total)

        yield told


def show_counts(counts: Mapping[str, int]) -> None:
    """Rows by sheet."""
    table = _table("", text("estate.report_sheet"), text("estate.count"))
    for key, count in counts.items():
        table.add_row(_noun(key), f"{count:,}")
    output.print(table)


def show_changes(noun: str, page: Page[ChangeRead]) -> None:
    """Changes of one item: when, who, what, from and to."""
    sheet = find_sheet(noun)
    assert sheet is not None  # noqa: S101 - the service has refused unknown nouns
    heads = text("estate.change_columns").split("、")
    table = _table("", *heads)
    for change in page.items:
        table.add_row(
            _at(change.at), escape(change.principal), text(f"estate.did_{change.act}"),
            _told(sheet, change.before), _told(sheet, change.after),
            escape(change.reason),
        )  # fmt: skip
    output.print(table)


def _at(moment: datetime) -> str:
    return f"{clock.beijing(moment):%Y-%m-%d %H:%M}"


def _told(sheet: Sheet, values: Mapping[str, Any] | None) -> str:
    """Values of an item, a line each, as the workbook writes them."""
    lines = []
    for name, value in (values or {}).items():
        column = sheet.by_key.get(name)
        if name == "state":
            shown: object = text(f"estate.state_{value}")
        else:
            shown = cell_value(column, value) if column else value
        if shown not in (None, ""):
            head = _header(column) if column else text(f"estate.said_{name}")
            lines.append(text("estate.said", head=head, value=shown))
    return escape("\n".join(lines))


def show_batches(page: Page[BatchRead]) -> None:
    """Imports: number, when, who, file, rows written, whether undone."""
    table = _table("", *text("estate.batch_columns").split("、"))
    for batch in page.items:
        undone = _at(batch.undone_at) if batch.undone_at else ""
        table.add_row(
            str(batch.id), _at(batch.created_at), escape(batch.principal),
            escape(batch.file_name), f"{batch.written:,}", undone,
        )  # fmt: skip
    output.print(table)


def _noun(key: str) -> str:
    return BY_KEY[key].title if current_language() == "zh" else key


def _header(column: Column) -> str:
    return column.header if current_language() == "zh" else column.key.replace("_", " ")


def show_rows(noun: str, page: Page[Any]) -> None:
    """One page of a noun, columns as in the workbook."""
    sheet = find_sheet(noun)
    assert sheet is not None  # noqa: S101 - the service has refused unknown nouns
    columns = [
        column
        for column in sheet.columns
        if (column.required or column.key in _SHOWN) and column.key != "classified"
    ]
    begin = page.offset or 0
    last = begin + len(page.items)
    title = text(
        "estate.list_title", noun=_noun(sheet.key), first=min(begin + 1, last), last=last,
        total=page.total,
    )  # fmt: skip
    table = _table(title, *(_header(column) for column in columns))
    for item in page.items:
        cells = (cell_value(column, getattr(item, column.key)) for column in columns)
        table.add_row(*(escape("" if cell is None else str(cell)) for cell in cells))
    output.print(table)
