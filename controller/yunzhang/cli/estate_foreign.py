"""`yunzhang estate import FILE --format …` for files of other programs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click
from rich.markup import escape
from rich.table import Table

from yunzhang.cli.context import output, principal
from yunzhang.db import reading, transaction
from yunzhang.texts import text

if TYPE_CHECKING:
    from yunzhang.estate.foreign.conversion import ForeignReport

FORMAT = click.Choice(["auto", "workbook", "rvtools", "netbox", "openstack"])
NAMES = ("unit", "tenant", "domain", "system", "division")


def options(command: click.Command) -> click.Command:
    """Adds what a foreign file does not say itself."""
    helps = {
        "unit": "外部文件中的东西属于哪个单位（编号） / whose a foreign file's things are",
        "tenant": "租户=单位编号，可重复 / TENANT=UNIT of a foreign file, repeatable",
        "domain": "外部文件中的地址属于哪个地址域 / address domain of a foreign file",
        "system": "外部文件中的虚拟机归入哪个信息系统 / system of a foreign file's machines",
        "division": "外部文件中机房的行政区划 / division of a foreign file's sites",
    }
    for name in NAMES:
        option = click.Option(
            [f"--{name}", *(["tenants"] if name == "tenant" else [])],
            multiple=name == "tenant",
            help=helps[name],
        )
        command.params.append(option)
    command.params.append(
        click.Option(["--format", "form"], type=FORMAT, default="auto", help="文件种类 / kind")
    )
    return command


def import_if_foreign(
    file: Path,
    form: str,
    write: Literal["all", "good"] | None,
    limit: int,
    told: dict[str, str | tuple[str, ...] | None],
) -> bool:
    """Import a foreign file and show the account; False: it is a workbook of ours."""
    from yunzhang.estate.foreign import service
    from yunzhang.estate.foreign.conversion import Assumed, read_tenant

    opened: service.Foreign | Path | None = file
    if form == "auto":
        opened = service.open_if_foreign(file)
    if form == "workbook" or opened is None:
        return False
    chosen = next((each for each in service.FORMATS if each == form), None)
    tenants = dict(read_tenant(each) for each in told.pop("tenants") or ())
    assumed = Assumed(tenants=tenants, **told)  # type: ignore[arg-type]
    acting = principal()
    with transaction() if write else reading() as session:
        found = service.import_foreign(session, acting, opened, assumed, form=chosen, mode=write)
    _show(found, asked=write is not None, limit=limit)
    if found.report.errors:
        sys.exit(2)
    return True


def _show(found: ForeignReport, *, asked: bool, limit: int) -> None:
    from yunzhang.estate.foreign.conversion import OUTCOMES

    title = text("foreign.title", path=found.report.file_name, format=found.format)
    table = Table(title=escape(title), title_justify="left")
    table.add_column(text("foreign.column_sheet"))
    for outcome in OUTCOMES:
        table.add_column(text(f"foreign.outcome_{outcome}"), justify="right")
    for sheet, counts in found.counts.items():
        table.add_row(escape(sheet), *(f"{counts[outcome]:,}" for outcome in OUTCOMES))
    output.print(table)
    refused = [account for account in found.accounts if account.outcome == "refused"]
    if refused:
        names = ("sheet", "row", "name", "reason")
        rows = Table(title=text("foreign.refusals", count=len(refused)), title_justify="left")
        for name in names:
            rows.add_column(text(f"foreign.column_{name}"), overflow="fold")
        for account in refused[:limit]:
            origin = account.origin
            rows.add_row(*map(escape, (origin.sheet, str(origin.row), origin.name, account.reason)))
        output.print(rows)
        if len(refused) > limit:
            output.print(text("foreign.more", count=len(refused) - limit))
    _show_warnings(found, limit)
    if found.report.written:
        output.print(text("estate.report_written", batch=found.report.batch_id))
    else:
        output.print(text("estate.report_refused" if asked else "estate.report_shown"))


def _show_warnings(found: ForeignReport, limit: int) -> None:
    told = [(each.origin, warning) for each in found.accounts for warning in each.warnings]
    if not told:
        return
    rows = Table(title=text("foreign.warnings", count=len(told)), title_justify="left")
    for name in ("sheet", "row", "name", "warning"):
        rows.add_column(text(f"foreign.column_{name}"), overflow="fold")
    for origin, warning in told[:limit]:
        rows.add_row(*map(escape, (origin.sheet, str(origin.row), origin.name, warning)))
    output.print(rows)
    if len(told) > limit:
        output.print(text("foreign.more", count=len(told) - limit))
