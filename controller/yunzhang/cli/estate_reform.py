"""Commands of `yunzhang estate` for institutional reforms and for people who hand over."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import click

from yunzhang.cli import estate_views as views
from yunzhang.cli.context import output, principal
from yunzhang.db import transaction
from yunzhang.estate.items import reform
from yunzhang.texts import text

DRY_RUN = click.option("--dry-run", is_flag=True, help="只检查 / only check")
REASON = click.option("--reason", default="", help="依据，如文号 / why, e.g. a document number")


def _told(counts: Mapping[str, int], dry_run: bool) -> None:
    views.show_counts(counts)
    code = "estate.reform_checked" if dry_run else "estate.reform_done"
    output.print(text(code, count=sum(counts.values())))


@click.command()
@click.argument("unit")
@click.argument("name")
@REASON
@DRY_RUN
def rename(unit: str, name: str, reason: str, dry_run: bool) -> None:
    """单位更名，旧名成为别名 / Rename a unit; the old name becomes an alias."""
    acting = principal()
    with transaction() as session:
        reform.rename_unit(session, acting, unit, name, reason=reason, dry_run=dry_run)
    _told({"units": 1}, dry_run)


@click.command()
@click.argument("units", nargs=-1, required=True)
@click.option("--into", required=True, help="承接单位编号 / the successor")
@REASON
@DRY_RUN
def merge(units: tuple[str, ...], into: str, reason: str, dry_run: bool) -> None:
    """单位合并，全部对象划归承接单位 / Merge units into a successor and close them."""
    acting = principal()
    with transaction() as session:
        moved = reform.merge_units(session, acting, units, into, reason=reason, dry_run=dry_run)
    _told(moved, dry_run)


@click.command()
@click.argument("items", nargs=-1, required=True, metavar="NOUN:CODE...")
@click.option("--into", required=True, help="划归的单位编号 / the unit that gets them")
@REASON
@DRY_RUN
def transfer(items: tuple[str, ...], into: str, reason: str, dry_run: bool) -> None:
    """把选定对象划给另一单位（用于单位分设） / Give chosen items to another unit (a split)."""
    acting = principal()
    chosen = [(noun, code) for noun, _, code in (item.partition(":") for item in items)]
    with transaction() as session:
        moved = reform.move_items(session, acting, chosen, into, reason=reason, dry_run=dry_run)
    _told(moved, dry_run)


@click.command()
@click.argument("person")
@click.option("--to", "taker", required=True, help="接手人员编号 / who takes over")
@click.option("--on", "day", type=click.DateTime(["%Y-%m-%d"]), help="移交日期 / the day")
@REASON
@DRY_RUN
def handover(person: str, taker: str, day: datetime | None, reason: str, dry_run: bool) -> None:
    """移交一个人的全部责任 / Hand all responsibilities of a person over."""
    acting = principal()
    with transaction() as session:
        count = reform.hand_over(
            session, acting, person, taker,
            day=day.date() if day else None, reason=reason, dry_run=dry_run,
        )  # fmt: skip
    _told({"responsibilities": count}, dry_run)


@click.command("erase-person")
@click.argument("person")
@REASON
@DRY_RUN
def erase_person(person: str, reason: str, dry_run: bool) -> None:
    """抹去一个人的姓名和电话 / Forget a person's name and phone number."""
    acting = principal()
    with transaction() as session:
        reform.erase_person(session, acting, person, reason=reason, dry_run=dry_run)
    _told({"persons": 1}, dry_run)


COMMANDS = (rename, merge, transfer, handover, erase_person)
