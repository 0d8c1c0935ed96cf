"""`yunzhang report`: the printable report of a run, and the province's totals."""

from __future__ import annotations

from pathlib import Path

import click
from rich.markup import escape
from rich.table import Table

from yunzhang.cli.context import output, principal
from yunzhang.db import reading
from yunzhang.reports.observation import observe_run
from yunzhang.reports.page import gib
from yunzhang.reports.run import gather_run, render_run
from yunzhang.reports.schemas import Totals, TotalsRow
from yunzhang.reports.totals import totals_by_city, totals_by_unit
from yunzhang.texts import current_language, text


@click.group()
def report() -> None:
    """报告 / Reports."""


@report.command()
@click.argument("plan")
@click.option("--wave", "number", default=1, show_default=True, help="批次 / wave")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="写入 HTML / to file")
@click.option("--json", "as_json", is_flag=True, help="输出 JSON / print the content as JSON")
@click.option("--offline", is_flag=True, help="不读取云 / do not look at the clouds")
def run(plan: str, number: int, out: Path | None, as_json: bool, offline: bool) -> None:
    """一批的执行报告 / The report of one wave, as a printable page or as JSON."""
    acting = principal()
    with reading() as session:
        seen = None if offline else observe_run(session, acting, plan, number)
        found = gather_run(session, acting, plan, number, seen)
    if as_json:
        click.echo(found.model_dump_json(indent=2))
    path = out or (None if as_json else Path(f"{found.wave_name}.html"))
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_run(found, current_language()), "utf-8")
    click.echo(text("cli.report_written", path=str(path)), err=as_json)


@report.command()
def totals() -> None:
    """全区汇总 / The province's totals by city and by unit."""
    acting = principal()
    with reading() as session:
        cities, units = totals_by_city(session, acting), totals_by_unit(session, acting)
    output.print(_table(cities, "totals_city", "city"))
    output.print(_table(units, "totals_unit", "unit", accuracy=True))


def _table(found: Totals, title: str, first: str, *, accuracy: bool = False) -> Table:
    table = Table(title=text(f"reports.{title}"), show_footer=True)
    table.add_column(text(f"reports.{first}"), footer=text("reports.sum"))
    sums = _cells(found.total)
    names = ("workloads", "vcpus", "memory_gib", "disk_gib", "migrated")
    for name, footer in zip(names, sums, strict=True):
        table.add_column(text(f"reports.{name}"), justify="right", footer=footer)
    if accuracy:
        table.add_column(text("reports.accuracy"), justify="right")
    for row in found.rows:
        share = [share_text(row.accuracy)] if accuracy else []
        table.add_row(f"{escape(row.name)} [dim]{row.code}[/]", *_cells(row), *share)
    return table


def share_text(share: float | None) -> str:
    """A share in per cent; what is not known is not written as a number."""
    return "—" if share is None else f"{share:.1%}"


def _cells(row: TotalsRow) -> tuple[str, ...]:
    amounts = (row.vcpus, row.disk_gib, row.migrated)
    vcpus, disk, migrated = (f"{amount:,}" for amount in amounts)
    return f"{row.workloads:,}", vcpus, gib(row.ram_mib), disk, migrated
