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
# Messages of the step at work that are shown below it.
SHOWN = 4
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
        for message in step.messages[-SHOWN:] if step.state == "running" else ():
            table.add_row("", f"  [dim]{escape(message)}[/]", "", "")
    return table


def _moves(progress: Progress) -> Table:
    columns = ("workload", "old", "new", "state")
    table = Table(*(text(f"moves.column_{name}") for name in columns))
    for move in progress.moves:
        old, new = progress.addresses[move.server]
        table.add_row(move.server, old, new, text(f"moves.move_{move.state}"))
    return table


class Teller:
    """Prints what is new since the last time, a line each: for logs and pipes."""

    def __init__(self) -> None:
        self._ended: set[str] = set()
        self._heard: dict[str, int] = {}

    def tell(self, progress: Progress) -> None:
        """What the steps said, and each step that ended."""
        for step in progress.steps:
            if step.name in self._ended:
                continue
            self._tell_messages(step)
            if step.finished_at is not None and step.started_at is not None:
                self._ended.add(step.name)
                seconds = (step.finished_at - step.started_at).total_seconds()
                name = text(f"moves.step_{step.name}")
                output.print(f"{MARKS[step.state]} {name} {seconds:.1f} s", highlight=False)

    def _tell_messages(self, step: Step) -> None:
        new = step.message_count - self._heard.get(step.name, 0)
        self._heard[step.name] = step.message_count
        for message in step.messages[-new:] if new > 0 else ():
            output.print(f"  {escape(message)}", highlight=False, soft_wrap=True)


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
