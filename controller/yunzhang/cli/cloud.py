"""`yunzhang discover` and `yunzhang cloud`: read clouds, dump and compare them."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.table import Table

from yunzhang import clock
from yunzhang.allocation import service as allocation
from yunzhang.cli.context import errors, output, principal
from yunzhang.clouds.comparison import compare_dumps, render_differences
from yunzhang.clouds.dump import dump_cloud
from yunzhang.clouds.leftovers import find_leftovers
from yunzhang.clouds.survey import survey_cloud
from yunzhang.db import transaction
from yunzhang.discovery import service
from yunzhang.errors import Conflict, InputError
from yunzhang.texts import listed, text


@click.command()
@click.argument("cloud")
def discover(cloud: str) -> None:
    """读取一个云的现状 / Read what a cloud holds into the observed tables."""
    acting, started, begun = principal(), clock.now(), clock.monotonic()
    with errors.status(text("discovery.reading", cloud=cloud, kind="…")) as status:
        survey = survey_cloud(
            cloud,
            lambda kind, _: status.update(text("discovery.reading", cloud=cloud, kind=kind)),
        )
    capacity = service.pool_capacity(survey)
    with transaction() as session:
        outcome = service.keep_survey(session, acting, survey, started)
        if capacity:
            allocation.sync_pool(session, acting, cloud, capacity)
    seconds = f"{clock.monotonic() - begun:.1f}"
    columns = ("kind", "seen", "new", "changed", "gone")
    table = Table(
        *(text(f"discovery.column_{name}") for name in columns),
        title=text("discovery.title", cloud=cloud, seconds=seconds),
    )
    for kind in service.KINDS:
        counts = (outcome.seen, outcome.new, outcome.changed, outcome.gone)
        table.add_row(text(f"discovery.kind_{kind}"), *(str(c[kind]) for c in counts))
    output.print(table)
    shown = listed(f"{name} {amount}" for name, amount in sorted(capacity.items()))
    output.print(text("discovery.pool_synced", cloud=cloud, capacity=shown))


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
