"""`yunzhang move`: run, watch, pause, resume, cancel, roll back and accept waves."""

from __future__ import annotations

import sys
import threading

import click
from rich.live import Live
from rich.table import Table

from yunzhang import clock
from yunzhang.cli.context import output, principal
from yunzhang.cli.move_views import Teller, read_progress, show_intents, view
from yunzhang.db import reading, transaction
from yunzhang.moves import repository, service
from yunzhang.moves.rehearsal import rehearse_roll_back, rehearse_wave
from yunzhang.moves.states import ACTIVE
from yunzhang.texts import text
from yunzhang.workflows import executors
from yunzhang.workflows.worker import run_worker

# Seconds between looks at a wave that is at work.
LOOK = 0.3
GOOD = frozenset({"completed", "closed", "rolled_back", "paused"})

wave_option = click.option("--wave", "number", default=1, show_default=True, help="批次 / wave")
detach_option = click.option("--detach", is_flag=True, help="不等待 / do not wait")
dry_option = click.option("--dry-run", is_flag=True, help="只演练 / only say what would be done")


@click.group()
def move() -> None:
    """迁移执行 / Running migrations."""


@move.command()
@click.argument("plan")
@wave_option
@detach_option
@dry_option
def run(plan: str, number: int, detach: bool, dry_run: bool) -> None:
    """执行一批 / Run a wave of an approved plan."""
    if dry_run:
        show_intents(plan, number, rehearse_wave(plan, number))
        return
    _start(plan, number, detach)


@move.command()
@click.argument("plan")
@wave_option
@detach_option
def resume(plan: str, number: int, detach: bool) -> None:
    """继续已暂停或失败的一批 / Resume a wave that was paused or failed."""
    _start(plan, number, detach)


@move.command()
@click.argument("plan")
@wave_option
def pause(plan: str, number: int) -> None:
    """在当前步骤后暂停 / Pause after the present step."""
    with transaction() as session:
        service.ask(session, principal(), plan, number, "pause")
    output.print(text("moves.asked_pause", plan=plan, number=number))


@move.command()
@click.argument("plan")
@wave_option
def cancel(plan: str, number: int) -> None:
    """立即停止 / Stop at once; what was done stays until it is rolled back."""
    with transaction() as session:
        service.ask(session, principal(), plan, number, "cancel")
    output.print(text("moves.asked_cancel", plan=plan, number=number))


@move.command()
@click.argument("plan")
@wave_option
@detach_option
@dry_option
def rollback(plan: str, number: int, detach: bool, dry_run: bool) -> None:
    """撤销一批所做的一切 / Undo everything a wave did."""
    if dry_run:
        show_intents(plan, number, rehearse_roll_back(plan, number))
        return
    with transaction() as session:
        service.roll_back(session, principal(), plan, number)
    if not detach:
        _follow(plan, number)


@move.command()
@click.argument("plan")
@wave_option
def accept(plan: str, number: int) -> None:
    """验收一批 / Accept the workloads of a completed wave."""
    with transaction() as session:
        service.accept_wave(session, principal(), plan, number)
    output.print(text("moves.accepted_done", plan=plan, number=number))


@move.command()
@click.argument("plan", required=False)
@wave_option
@click.option("--follow", is_flag=True, help="持续显示 / keep watching")
def status(plan: str | None, number: int, follow: bool) -> None:
    """查看进展 / Show how far waves are."""
    if plan is None:
        _list_waves()
    elif follow:
        _watch(plan, number)
    else:
        output.print(view(read_progress(plan, number)))


def _start(plan: str, number: int, detach: bool) -> None:
    with transaction() as session:
        service.start_wave(session, principal(), plan, number)
    if not detach:
        _follow(plan, number)


def _list_waves() -> None:
    columns = ("plan", "wave", "state", "started", "note")
    table = Table(*(text(f"moves.column_{name}") for name in columns))
    with reading() as session:
        for wave, version in repository.list_waves(session):
            table.add_row(
                version.name,
                str(wave.number),
                text(f"moves.state_{wave.state}"),
                f"{clock.beijing(wave.started_at):%Y-%m-%d %H:%M}" if wave.started_at else "",
                wave.fault.splitlines()[0] if wave.fault else "",
            )
    output.print(table if table.row_count else text("moves.none"))


def _follow(plan: str, number: int) -> None:
    """Watch the wave; when no worker lives anywhere, be the worker meanwhile."""
    stop = threading.Event()
    own: threading.Thread | None = None
    if not executors.any_alive():
        own = threading.Thread(target=run_worker, args=(stop,), kwargs={"role": "move"})
        own.start()
    try:
        state = _watch(plan, number)
    finally:
        stop.set()
        if own is not None:
            own.join()
    if state not in GOOD:
        sys.exit(5)


def _watch(plan: str, number: int) -> str:
    if output.is_terminal:
        with Live(console=output, auto_refresh=False) as live:
            while (progress := read_progress(plan, number)).state in ACTIVE:
                live.update(view(progress), refresh=True)
                clock.pause(LOOK)
            live.update(view(progress), refresh=True)
        return progress.state
    teller = Teller()
    while (progress := read_progress(plan, number)).state in ACTIVE:
        teller.tell(progress)
        clock.pause(LOOK)
    teller.tell(progress)
    output.print(view(progress))
    return progress.state
