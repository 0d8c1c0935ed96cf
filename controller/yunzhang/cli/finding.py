"""`yunzhang finding`: what the register and the sources do not agree on, and deciding it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click
from rich.table import Table
from sqlalchemy.orm import Session

from yunzhang import clock
from yunzhang.cli.context import errors, output, principal
from yunzhang.cli.report import share_text
from yunzhang.db import reading, transaction
from yunzhang.discovery import decisions, finding_repository, findings
from yunzhang.discovery.decisions import Refusal, Verdict
from yunzhang.discovery.finding_repository import Filter
from yunzhang.discovery.finding_states import LEADS_TO, STATES, Decision
from yunzhang.discovery.models import Finding
from yunzhang.discovery.reconciling import KINDS
from yunzhang.discovery.registering import CODE, Rule
from yunzhang.discovery.rules import read_rules
from yunzhang.errors import Conflict, InputError
from yunzhang.texts import listed, text
from yunzhang.units.scope import Principal, demand

kind_option = click.option("--kind", type=click.Choice(KINDS), help="类别 / kind")
unit_option = click.option("--unit", help="单位编号 / unit")
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
source_option = click.option("--source", help="来源 / source")


@click.group()
def finding() -> None:
    """登记与观测的差异 / Findings of reconciliation."""


@finding.command("list")
@kind_option
@unit_option
@source_option
@click.option("--state", type=click.Choice(STATES), default="open", show_default=True, help="状态")
@click.option("--limit", default=50, show_default=True, help="最多显示几条 / rows shown")
@click.option("--offset", default=0, help="从第几条之后 / rows passed over")
def list_(
    kind: str | None, unit: str | None, source: str | None, state: str, limit: int, offset: int
) -> None:
    """列出差异 / List findings."""
    which = Filter(state=state, kind=kind, unit=unit, source=source)
    acting = principal()
    with reading() as session:
        demand(acting, "read")
        total, rows = finding_repository.page(session, which, limit=limit, offset=offset)
    _show(rows)
    if rows:
        output.print(text("finding.shown", count=len(rows), total=total))


@finding.command()
@click.argument("number", type=int)
def show(number: int) -> None:
    """查看一条差异 / Show one finding with its fields and decision."""
    acting = principal()
    with reading() as session:
        row = decisions.get_finding(session, acting, number)
    _show([row])
    _show_details(row)


@finding.command()
@click.argument("numbers", nargs=-1, type=int)
@click.argument("decision", type=click.Choice(tuple(LEADS_TO)))
@kind_option
@unit_option
@source_option
@click.option("--field", help="只含这一个字段的差异 / that differ in this field alone")
@click.option("--reason", default="", help="理由 / why")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="例外的最后一天 / last day")
@click.option("--match", "pair", help="登记编号=观测对象 / WORKLOAD=MACHINE")
@click.option("--dry-run", is_flag=True, help="只演练 / only say what would be done")
def decide(
    numbers: tuple[int, ...],
    decision: Decision,
    kind: str | None,
    unit: str | None,
    source: str | None,
    field: str | None,
    reason: str,
    until: datetime | None,
    pair: str | None,
    dry_run: bool,
) -> None:
    """决定一条或一批差异 / Decide findings by number, or all open ones of a filter."""
    verdict = Verdict(decision, reason, until.date() if until else None, _match(pair))
    which = Filter(state="open", kind=kind, unit=unit, source=source, field=field)
    if bool(numbers) == (which != Filter(state="open")):
        raise InputError("finding.which")
    acting = principal()
    with transaction() as session:
        decided, refused = _decide(session, acting, numbers, which, verdict)
        table = _table(decided)
        if dry_run:
            session.rollback()
    output.print(table if decided else text("finding.none"))
    _tell(refused, len(decided), dry_run)


def _decide(
    session: Session,
    acting: Principal,
    numbers: tuple[int, ...],
    which: Filter,
    verdict: Verdict,
) -> tuple[list[Finding], list[Refusal]]:
    if numbers:  # named ones all or none
        return [decisions.decide(session, acting, number, verdict) for number in numbers], []
    return decisions.decide_all(session, acting, which, verdict)


def _match(pair: str | None) -> tuple[str, str] | None:
    if pair is None:
        return None
    declared, sign, observed = pair.partition("=")
    if not (declared and sign and observed):
        raise InputError("finding.match_bad", given=pair)
    return declared, observed


@finding.command()
@click.argument("numbers", nargs=-1, type=int)
@click.option("--of-unit", help="看来属于哪个单位的 / that seem to be this unit's")
@source_option
@click.option("--system", help="信息系统编号 / system the machines belong to")
@click.option("--code", default=CODE, show_default=True, help="编号的写法 / how codes are made")
@click.option("--unit", "owner", default="", help="归属单位；不写则为信息系统的单位 / owning unit")
@click.option("--platform", default="", help="云平台编号 / platform, where it cannot be told")
@click.option("--domain", default="", help="地址域编号，- 为无 / address domain; -: none")
@click.option("--disk", type=click.IntRange(0), help="系统盘 GiB，未观测到时 / GiB, if not seen")
@click.option("--rules", type=FILE, help="规则表 CSV：项目、名称 → 信息系统等 / table of rules")
@click.option("--reason", default="", help="理由 / why")
@click.option("--dry-run", is_flag=True, help="只演练 / only say what would be done")
def register(
    numbers: tuple[int, ...],
    of_unit: str | None,
    source: str | None,
    system: str | None,
    code: str,
    owner: str,
    platform: str,
    domain: str,
    disk: int | None,
    rules: Path | None,
    reason: str,
    dry_run: bool,
) -> None:
    """把未登记的机器登记为草稿 / Register machines that are in no register, as drafts.

    By number, or all open ones of a filter. --system for all of them, or --rules with a line per
    project; a line's project and name may be patterns with *.
    """
    if (system is None) == (rules is None):
        raise InputError("finding.rule_which")
    if system is None and rules is not None:
        placing = read_rules(rules)
    else:
        placing = [Rule(system or "", "*", "*", code, owner, platform, domain, disk)]
    which = Filter(state="open", unit=of_unit, source=source)
    if bool(numbers) and which != Filter(state="open"):
        raise InputError("finding.which")
    acting = principal()
    with transaction() as session:
        done, refused = decisions.register_all(session, acting, numbers or which, placing, reason)
        table = _codes_table(done)
        if dry_run:
            session.rollback()
    if done:
        output.print(table)
    _tell(refused, len(done), dry_run)


def _codes_table(done: Sequence[tuple[Finding, str]]) -> Table:
    columns = ("id", "name", "source", "code")
    table = Table(*(text(f"finding.column_{name}") for name in columns))
    for row, code in done:
        table.add_row(str(row.id), row.name, row.source or "", code)
    return table


def _tell(refused: Sequence[Refusal], decided: int, dry_run: bool) -> None:
    """Say what was not decided and how many were; raise Conflict when some were not."""
    for refusal in refused:
        errors.print(text("finding.refused", id=refusal.finding, reason=str(refusal.error)))
    output.print(text(f"finding.{'rehearsed' if dry_run else 'decided'}", count=decided))
    if refused:
        code = "finding.some_refused" if decided else "finding.all_refused"
        raise Conflict(code, count=len(refused))


@finding.command()
def accuracy() -> None:
    """各单位登记的准确率 / How far each unit's declarations hold."""
    acting = principal()
    with reading() as session:
        rows = findings.accuracy(session, acting)
    columns = ("unit", "compared", "equal", "settled", "accuracy")
    table = Table(*(text(f"finding.column_{name}") for name in columns))
    for row in rows:
        counts = (row.compared, row.equal, row.settled)
        table.add_row(row.unit, *(str(count) for count in counts), share_text(row.share))
    output.print(table if rows else text("finding.accuracy_none"))


def _show(rows: Sequence[Finding]) -> None:
    output.print(_table(rows) if rows else text("finding.none"))


def _table(rows: Sequence[Finding]) -> Table:
    columns = ("id", "kind", "name", "unit", "what", "state")
    table = Table(*(text(f"finding.column_{name}") for name in columns))
    for row in rows:
        table.add_row(
            str(row.id),
            text(f"finding.kind_{row.kind}"),
            row.name,
            row.unit_code or "",
            _what(row),
            text(f"finding.state_{row.state}"),
        )
    return table


def _what(row: Finding) -> str:
    if row.kind == "differs":
        return listed(text(f"finding.field_{d['field']}") for d in row.details)
    told = text(f"finding.code_{row.code}")
    return f"{told} {listed(row.observed)}" if row.observed else told


def _show_details(row: Finding) -> None:
    if row.kind == "differs":
        columns = ("field", "authority", "declared", "observed")
        table = Table(*(text(f"finding.column_{name}") for name in columns))
        for detail in row.details:
            table.add_row(
                text(f"finding.field_{detail['field']}"),
                text(f"finding.authority_{detail['authority']}"),
                _value(detail["declared"]),
                _value(detail["observed"]),
            )
        output.print(table)
    if row.misses:
        since = f"{clock.beijing(row.opened_at):%Y-%m-%d}"
        output.print(text("finding.misses", count=row.misses, since=since))
    if row.decision and row.decided_at:
        told = text(f"finding.decision_{row.decision}")
        at = f"{clock.beijing(row.decided_at):%Y-%m-%d %H:%M}"
        said = text("finding.said", decision=told, by=row.decided_by, at=at, reason=row.reason)
        output.print(said, markup=False)
    if row.until:
        output.print(text("finding.until", until=row.until))


def _value(value: object) -> str:
    return listed(value) if isinstance(value, list) else str(value)
