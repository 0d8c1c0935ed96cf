"""How waves are shown on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.console import Group
from rich.markup import escape
from rich.table import Table

from yunzhang import clock
from yunzhang.cli.context import output
from yunzhang.clouds.intents import Intent
from yunzhang.db import reading
from yunzhang.moves import repository, service
from yunzhang.moves.models import Move, Step
from yunzhang.texts import text

MARKS = {"pending": "·", "running": "▶", "done": "✓", "failed": "✗", "stopped": "■"}
COLOURS = {"done": "green", "failed": "red", "running": "cyan", "stopped": "yellow"}


@dataclass(frozen=True, slots=True)
class Progress:
    """A wave at one moment."""

    plan: str
    number: int
    state: str
    fault: str
    steps: Sequence[Step]
    moves: Sequence[Move]
    addresses: dict[str, tuple[str, str]]
    now: datetime


def read_progress(plan: str, number: int) -> Progress:
    """How far a wave is."""
    with reading() as session:
        wave, version = service.get_wave(session, plan, number)
        steps = repository.steps_of(session, wave.id)
        addresses = {
            server["key"]: (
                "\n".join(a for nic in server["nics"] for a in nic["old_addresses"]),
                "\n".join(a for nic in server["nics"] for _, a in nic["addresses"]),
            )
            for server in version.content["build"]["servers"]
        }
        return Progress(
            plan=plan,
            number=number,
            state=wave.state,
            fault=wave.fault,
            steps=steps,
            moves=repository.moves_of(session, wave.id),
            addresses=addresses,
            now=clock.now(),
        )


def view(progress: Progress) -> Group:
    """Steps, workloads and fault of a wave."""
    state = text(f"moves.state_{progress.state}")
    title = text("moves.title", plan=progress.plan, number=progress.number, state=state)
    parts = [_steps(progress, title), _moves(progress)]
    if progress.fault:
        return Group(*parts, f"[red]✗[/] {escape(progress.fault)}")
    return Group(*parts)


def _steps(progress: Progress, title: str) -> Table:
    table = Table(
        "", *(text(f"moves.column_{n}") for n in ("step", "state", "seconds")), title=title
    )
    for step in progress.steps:
        colour = COLOURS.get(step.state, "dim")
        seconds = ""
        if step.started_at:
            seconds = (
                f"{((step.finished_at or progress.now) - step.started_at).total_seconds():.1f}"
            )
        table.add_row(
            f"[{colour}]{MARKS[step.state]}[/]",
            text(f"moves.step_{step.name}"),
            f"[{colour}]{text(f'moves.step_state_{step.state}')}[/]",
            seconds,
        )
    return table


def _moves(progress: Progress) -> Table:
    columns = ("workload", "old", "new", "state")
    table = Table(*(text(f"moves.column_{name}") for name in columns))
    for move in progress.moves:
        old, new = progress.addresses[move.server]
        table.add_row(move.server, old, new, text(f"moves.move_{move.state}"))
    return table


def tell_steps(progress: Progress, told: set[str]) -> None:
    """Print a line for each step that ended since the last time; for logs and pipes."""
    for step in progress.steps:
        if step.name in told or step.finished_at is None or step.started_at is None:
            continue
        told.add(step.name)
        seconds = (step.finished_at - step.started_at).total_seconds()
        name = text(f"moves.step_{step.name}")
        output.print(f"{MARKS[step.state]} {name} {seconds:.1f} s", highlight=False)


def show_intents(plan: str, number: int, intents: Sequence[Intent]) -> None:
    """Print what a wave or its rollback would do."""
    columns = ("act", "cloud", "kind", "object")
    table = Table(
        *(text(f"moves.column_{name}") for name in columns),
        title=text("moves.dry_title", plan=plan, number=number),
    )
    for intent in intents:
        table.add_row(
            text(f"moves.dry_{intent.act}"), intent.cloud, intent.kind, intent.name or intent.key
        )
    output.print(table)
