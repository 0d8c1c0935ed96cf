"""`yunzhang estate`: the register — import, template, export, lists, merge forecast, examples."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

import click

from yunzhang import clock
from yunzhang.cli import estate_addresses, estate_foreign, estate_items, estate_reform
from yunzhang.cli import estate_views as views
from yunzhang.cli.context import output, principal
from yunzhang.cli.estate_items import NOUN
from yunzhang.db import reading, transaction
from yunzhang.estate import service
from yunzhang.estate.example import province as example
from yunzhang.estate.service import Mode
from yunzhang.estate.workbooks import workbook
from yunzhang.estate.workbooks.fault_lists import write_faults
from yunzhang.texts import text

FILE = click.Path(dir_okay=False, path_type=Path)
DAY = click.DateTime(["%Y-%m-%d"])
FORMAT = click.Choice(["table", "json"])


@click.group("estate")
def group() -> None:
    """登记：导入、导出、清单、并网冲突 / The register."""


for _command in estate_addresses.COMMANDS:
    group.add_command(_command)


@group.command("import")
@click.argument("file", type=FILE)
@click.option(
    "--write",
    type=click.Choice(["all", "good"]),
    help="写入：全部无错才写 / 只写无错的行 (write all-or-nothing / good rows)",
)
@click.option("--sheet", help="CSV 是哪张表 / which sheet a CSV holds")
@click.option("--faults", type=FILE, help="问题清单另存为 .csv 或 .xlsx / save all faults")
@click.option("--bad", type=FILE, help="有错的行另存为 .xlsx / save the bad rows, annotated")
@click.option("--as-of", type=DAY, help="区划代码按这一天核对 / day on which codes must be valid")
@click.option("--limit", default=20, show_default=True, help="最多显示几条 / faults shown")
def import_(
    file: Path,
    write: Mode | None,
    sheet: str | None,
    faults: Path | None,
    bad: Path | None,
    as_of: datetime | None,
    limit: int,
    form: str,
    **told: str | tuple[str, ...] | None,
) -> None:
    """检查工作簿或 CSV；默认不写入 / Check a file; nothing is written without --write.

    RVTools、NetBox 与 OpenStack 的文件也可导入 / Files of RVTools, NetBox, OpenStack as well.
    """
    if estate_foreign.import_if_foreign(file, form, write, limit, told):
        return
    day = as_of.date() if as_of else None
    with views.progress_shown() as progress:
        if write is None:
            acting = principal()
            with reading() as session:
                report = service.check_workbook(
                    session, acting, file, sheet=sheet, day=day, bad=bad, progress=progress
                )
        else:
            acting = principal()
            with transaction() as session:
                report = service.import_workbook(
                    session, acting, file, write,
                    sheet=sheet, day=day, bad=bad, progress=progress,
                )  # fmt: skip
    views.show_report(report, asked=write is not None, limit=limit)
    if faults:
        write_faults(faults, [*report.faults, *report.notes])
        output.print(text("estate.faults_saved", count=len(report.faults), path=faults))
    if report.errors:
        if bad:
            output.print(text("estate.bad_saved", path=bad))
        sys.exit(2)


estate_foreign.options(import_)


@group.command()
@click.argument("file", type=FILE)
def template(file: Path) -> None:
    """保存空白模板 / Save an empty template."""
    workbook.write_template(file, created=clock.now())
    output.print(text("estate.template_saved", path=file))


@group.command()
@click.argument("file", type=FILE)
@click.option(
    "--sheet", type=NOUN, metavar="NOUN", help="存为 CSV 时是哪张表 / which sheet to write as CSV"
)
@click.option("--gb18030", is_flag=True, help="CSV 用 GB18030 编码 / write CSV as GB18030")
def export(file: Path, sheet: str | None, gb18030: bool) -> None:
    """导出登记内容 / Export the register; importing it again changes nothing."""
    acting = principal()
    with views.progress_shown() as progress, reading() as session:
        if sheet:
            encoding = "gb18030" if gb18030 else "utf-8-sig"
            count = service.export_sheet(
                session, acting, sheet, file, encoding=encoding, progress=progress
            )
        else:
            count = sum(service.export_workbook(session, acting, file, progress).values())
    output.print(text("estate.export_saved", count=count, path=file))


@group.command("list")
@click.argument("noun", type=NOUN, metavar="NOUN")
@click.option("--unit", help="只看这个单位（编号） / only this unit")
@click.option("--limit", default=50, show_default=True, help="最多显示几条 / rows shown")
@click.option("--offset", default=0, help="从第几条之后 / rows passed over")
@click.option("--format", "form", type=FORMAT, default="table", help="输出格式 / output format")
def list_(noun: str, unit: str | None, limit: int, offset: int, form: str) -> None:
    """列出一类登记对象 / List the items of one kind."""
    acting = principal()
    with reading() as session:
        page = service.list_rows(session, acting, noun, unit=unit, limit=limit, offset=offset)
    if form == "json":
        click.echo(page.model_dump_json(indent=2))
    else:
        views.show_rows(noun, page)


@group.command("example")
@click.argument("file", type=FILE)
@click.option("--seed", default=45, show_default=True, help="随机种子 / seed")
def example_(file: Path, seed: int) -> None:
    """生成一个省份规模的示例 / Make an example of the size of a province."""
    rows = example.make_province(seed)
    workbook.write_workbook(file, rows, created=example.CREATED)
    count = sum(len(found) for found in rows.values())
    output.print(text("estate.example_saved", path=file, count=count))


@group.command()
@click.argument("source", type=FILE)
@click.argument("file", type=FILE)
def compose(source: Path, file: Path) -> None:
    """由 YAML 源文件生成工作簿 / Make a workbook from a YAML source."""
    rows = workbook.read_source(source)
    workbook.write_workbook(file, rows, created=example.CREATED)
    count = sum(len(found) for found in rows.values())
    output.print(text("estate.example_saved", path=file, count=count))


for _command in (*estate_items.COMMANDS, *estate_reform.COMMANDS):
    group.add_command(_command)
