"""Commands of `yunzhang estate` on items and imports: states, history, batches, undo."""

from __future__ import annotations

import click

from yunzhang.cli import estate_views as views
from yunzhang.cli.context import output, principal
from yunzhang.db import reading, transaction
from yunzhang.db.paging import Asked
from yunzhang.estate.changes.service import list_item_changes
from yunzhang.estate.importing import undo
from yunzhang.estate.importing.batches import list_batches
from yunzhang.estate.items import lifecycle
from yunzhang.estate.items.lifecycle import STATES, Step
from yunzhang.estate.workbooks.sheets import SHEETS
from yunzhang.texts import text

NOUN = click.Choice([name for sheet in SHEETS for name in (sheet.key, sheet.title)])
DRY_RUN = click.option("--dry-run", is_flag=True, help="只检查 / only check")


@click.command()
@click.argument("noun", type=NOUN, metavar="NOUN")
@click.argument("keys", nargs=-1, required=True)
@click.option("--to", "state", type=click.Choice(STATES), required=True, help="目标状态 / state")
@click.option("--reason", default="", help="原因 / why")
@click.option("--evidence", default="", help="依据材料 / a document that proves it")
@DRY_RUN
def advance(
    noun: str, keys: tuple[str, ...], state: str, reason: str, evidence: str, dry_run: bool
) -> None:
    """推进登记对象的状态 / Move items to another state, all or none."""
    _step(noun, keys, Step(state, reason, evidence), dry_run)


@click.command("return")
@click.argument("noun", type=NOUN, metavar="NOUN")
@click.argument("keys", nargs=-1, required=True)
@click.option("--field", "fields", nargs=2, multiple=True, required=True, metavar="COLUMN REASON",
              help="哪一列、为什么 / which column and why")  # fmt: skip
@DRY_RUN
def return_(
    noun: str, keys: tuple[str, ...], fields: tuple[tuple[str, str], ...], dry_run: bool
) -> None:
    """退回并逐项说明原因 / Return items with a reason for each field."""
    _step(noun, keys, Step("returned", reasons=dict(fields)), dry_run)


def _step(noun: str, keys: tuple[str, ...], step: Step, dry_run: bool) -> None:
    acting = principal()
    with transaction() as session:
        count = lifecycle.advance_items(session, acting, noun, keys, step, dry_run=dry_run)
    code = "estate.step_checked" if dry_run else "estate.step_done"
    output.print(text(code, count=count, state=text(f"estate.state_{step.to}")))


@click.command()
@click.argument("noun", type=NOUN, metavar="NOUN")
@click.argument("key")
@click.option("--limit", default=20, show_default=True, help="最多显示几条 / changes shown")
@click.option("--offset", default=0, help="从第几条之后 / changes passed over")
def history(noun: str, key: str, limit: int, offset: int) -> None:
    """一个对象的变更记录 / Changes of one item, newest first."""
    acting = principal()
    with reading() as session:
        page = list_item_changes(session, acting, noun, key, Asked(limit, offset))
    views.show_changes(noun, page)


@click.command()
@click.option("--limit", default=20, show_default=True, help="最多显示几条 / batches shown")
@click.option("--offset", default=0, help="从第几条之后 / batches passed over")
def batches(limit: int, offset: int) -> None:
    """导入批次 / Imports, newest first."""
    acting = principal()
    with reading() as session:
        page = list_batches(session, acting, asked=Asked(limit, offset))
    views.show_batches(page)


@click.command("undo")
@click.argument("batch", type=int)
@DRY_RUN
def undo_(batch: int, dry_run: bool) -> None:
    """撤销一次导入 / Take an import back while nothing later depends on it."""
    acting = principal()
    with transaction() as session:
        found = undo.undo_batch(session, acting, batch, dry_run=dry_run)
    code = "estate.undo_checked" if dry_run else "estate.undo_done"
    removed, restored = sum(found.removed.values()), sum(found.restored.values())
    output.print(text(code, batch=batch, removed=removed, restored=restored))
    if found.personal:
        output.print(text("estate.undo_personal", count=found.personal))


COMMANDS = (advance, return_, history, batches, undo_)
