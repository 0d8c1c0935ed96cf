"""`yunzhang discover` and `yunzhang cloud`: read clouds, dump and compare them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import click
from rich.table import Table

from yunzhang.allocation import service as allocation
from yunzhang.cli.context import errors, output, principal
from yunzhang.clouds.comparison import compare_dumps, render_differences
from yunzhang.clouds.connection import cloud_names
from yunzhang.clouds.dump import dump_cloud
from yunzhang.clouds.leftovers import find_leftovers
from yunzhang.db import Session, transaction
from yunzhang.discovery import collecting, findings, hosts, service
from yunzhang.discovery.collecting import Asked, Capacity, Collected
from yunzhang.discovery.keeping import Outcome, Reading, Record
from yunzhang.discovery.machines import MACHINE_KINDS
from yunzhang.errors import Conflict, InputError, Outside, YunzhangError
from yunzhang.texts import listed, text
from yunzhang.units.scope import Principal

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("clouds", nargs=-1)
@click.option("--all", "every", is_flag=True, help="clouds.yaml 中的全部云 / all clouds")
@click.option("--libvirt", "uris", multiple=True, help="libvirt 地址，可多次 / libvirt URI")
@click.option("--facts", type=FOLDER, help="Ansible 主机信息目录 / folder of facts")
@click.option("--as", "named", help="来源名称（云平台的接入配置名） / name of the source")
@click.option("--changes", is_flag=True, help="只读云主机的变化 / only what changed in servers")
@click.option("--accept-shrink", is_flag=True, help="确认来源确实变小 / it did become smaller")
@click.option("--reconcile", is_flag=True, help="只重新比对 / only compare again")
def discover(
    clouds: tuple[str, ...],
    every: bool,
    uris: tuple[str, ...],
    facts: Path | None,
    named: str | None,
    changes: bool,
    accept_shrink: bool,
    reconcile: bool,
) -> None:
    """读取各来源的现状并与登记比对 / Read clouds and hosts and compare them with the register.

    Several --libvirt hosts with --as are one source: a farm among whose hosts machines move.
    """
    names = cloud_names() if every else list(dict.fromkeys(clouds))
    if named and bool(uris) == bool(facts):
        raise InputError("discovery.as_one")
    farms = {named: list(uris)} if named and uris else {hosts.source_of(u): [u] for u in uris}
    count = len(names) + len(farms) + (facts is not None)
    if not count and not reconcile:
        raise InputError("discovery.nothing_named")
    acting = principal()
    asked = Asked(changes, accept_shrink, _syncing(acting))
    failed = _read_clouds(acting, names, asked)
    for name, members in farms.items():
        _keep_hosts(acting, failed, name, partial(hosts.read_farm, name, members), asked)
    if facts is not None:
        name = named or facts.resolve().name
        _keep_hosts(acting, failed, name, partial(hosts.read_folder, name, facts), asked)
    with transaction() as session:
        result = findings.reconcile_register(session, acting)
    _show_reconciliation(result)
    if len(failed) == count == 1:
        raise next(iter(failed.values()))
    if failed:
        raise Outside("discovery.some_failed", count=len(failed), names=listed(failed))


def _syncing(acting: Principal) -> Capacity:
    """Let the pool of a cloud hold what the cloud was seen to."""

    def sync(session: Session, cloud: str, capacity: Mapping[str, int]) -> object:
        return allocation.sync_pool(session, acting, cloud, capacity)

    return sync


def _keep_hosts(
    acting: Principal,
    failed: dict[str, YunzhangError],
    name: str,
    read: Callable[[], tuple[Reading, list[Record]]],
    asked: Asked,
) -> None:
    """Read and keep a source of hosts; when it fails, say so among `failed`."""
    try:
        _show_collected(collecting.collect_hosts(acting, name, read, asked))
    except YunzhangError as error:
        _tell_failed(failed, name, error)


def _tell_failed(failed: dict[str, YunzhangError], name: str, error: YunzhangError) -> None:
    failed[name] = error
    errors.print(text("discovery.failed", source=name, reason=str(error)))


def _show_collected(done: Collected) -> None:
    machines = MACHINE_KINDS[done.reading.kind]
    kinds = service.CLOUD_KINDS if done.reading.kind == "openstack" else (machines,)
    _show_outcome(done.outcome, kinds, done.source, done.seconds, done.reading.mode)
    for problem in done.reading.problems:
        told = text("discovery.partial", source=done.source, problem=problem)
        errors.print(told, markup=False)
    if done.capacity:
        shown = listed(f"{kind} {amount}" for kind, amount in sorted(done.capacity.items()))
        output.print(text("discovery.pool_synced", cloud=done.source, capacity=shown))
    if done.outcome.guarded and done.before is not None:
        _warn_guarded(done.source, done.outcome.seen.get(machines, 0), done.before)


def _show_outcome(
    outcome: Outcome, kinds: tuple[str, ...], name: str, seconds: float, mode: str = "full"
) -> None:
    columns = ("kind", "seen", "new", "changed", "gone")
    table = Table(
        *(text(f"discovery.column_{column}") for column in columns),
        title=text(
            "discovery.delta_title" if mode == "delta" else "discovery.title",
            cloud=name,
            seconds=f"{seconds:.1f}",
        ),
    )
    for kind in kinds:
        counts = (outcome.seen, outcome.new, outcome.changed, outcome.gone)
        table.add_row(text(f"discovery.kind_{kind}"), *(str(c.get(kind, 0)) for c in counts))
    output.print(table)


def _warn_guarded(source: str, now: int, before: int) -> None:
    errors.print(text("discovery.guarded", source=source, now=now, before=before))
    errors.print("  → " + text("discovery.guarded_hint"))


def _read_clouds(acting: Principal, names: list[str], asked: Asked) -> dict[str, YunzhangError]:
    """Read clouds several at a time, each kept when it is whole; those that failed, and why."""
    failed: dict[str, YunzhangError] = {}
    with errors.status(text("discovery.reading", cloud=listed(names), kind="…")):
        for name, done in collecting.collect_all(acting, names, asked):
            if isinstance(done, YunzhangError):
                _tell_failed(failed, name, done)
            else:
                _show_collected(done)
    return failed


def _show_reconciliation(result: findings.Reconciliation) -> None:
    changes = listed(
        text(f"discovery.change_{name}", count=count) for name, count in result.changes.items()
    )
    code = "discovery.reconciled" if changes else "discovery.reconciled_none"
    output.print(text(code, matched=result.matched, changes=changes))
    if result.open:
        kinds = listed(f"{text(f'finding.kind_{k}')} {n}" for k, n in sorted(result.open.items()))
        output.print(text("discovery.open_findings", count=sum(result.open.values()), kinds=kinds))
    else:
        output.print(text("discovery.open_none"))


@click.group()
def cloud() -> None:
    """云的转储与比对 / Dumps of clouds."""


@cloud.command()
@click.argument("name")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def dump(name: str, file: Path) -> None:
    """转储一个云的全部资源字段 / Write every field of every resource of a cloud."""
    content = dump_cloud(name)
    file.write_text(json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True), "utf-8")
    count = sum(len(items) for items in content.values())
    output.print(text("cli.dumped", cloud=name, count=count, path=str(file)))


@cloud.command()
@click.argument("before", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("after", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def compare(before: Path, after: Path) -> None:
    """比对两份转储 / Compare two dumps; exit code 5 when they differ."""
    try:
        left, right = (json.loads(f.read_text("utf-8")) for f in (before, after))
    except ValueError as error:
        raise InputError("cli.not_a_dump", reason=str(error)) from error
    differences = compare_dumps(left, right)
    if differences:
        output.print(render_differences(differences), markup=False)
        raise Conflict("cli.dumps_differ", count=len(differences))
    output.print(text("cli.dumps_equal"))


@cloud.command()
@click.argument("name")
@click.argument("plan")
def leftovers(name: str, plan: str) -> None:
    """查找带计划标记的对象 / Find everything that carries a plan's mark."""
    found = find_leftovers(name, plan)
    for item in found:
        output.print(str(item), markup=False)
    output.print(text("cli.leftovers", count=len(found)))
