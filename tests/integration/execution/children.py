"""Processes that the tests start and kill.

follow STEP PLAYBOOK: start a play and follow it
work [--until-idle]: be a worker
"""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

from yunzhang import plays
from yunzhang.db.tables import load_tables
from yunzhang.workflows import play_step, register, run_worker, serve_worker, step


def write(file: str, line: str) -> None:
    """Add a line, whole, whoever else writes."""
    with Path(file).open("a") as stream:
        stream.write(f"{line}\n")


def die_once(folder: str, place: str) -> None:
    """kill -9 this process at `place`, when the test asked for it, the first time it comes here."""
    asked = Path(folder) / f"die-{place}"
    if asked.exists():
        asked.unlink()
        os.kill(os.getpid(), signal.SIGKILL)


@step("act")
def act(folder: str, number: int) -> str:
    """A step with an effect that can be probed: done once however often it runs."""
    die_once(folder, f"before-{number}")
    effect = Path(folder) / f"effect-{number}"
    if not effect.exists():
        effect.write_text(str(number))
        write(f"{folder}/effects", str(number))
    die_once(folder, f"after-{number}")
    return f"done {number}"


@step("play")
def play(folder: str, step_id: str) -> str:
    """A step that runs a play, dying at its first event when asked."""
    result = play_step(step_id, "play.yml", {}, lambda _: die_once(folder, "play"))
    die_once(folder, "after-play")
    return result.status


@register("journey")
def journey(payload: dict[str, Any]) -> list[str]:
    """Act, play, act, act."""
    folder = payload["folder"]
    first = act(folder, 1)
    return [first, play(folder, payload["step"]), act(folder, 2), act(folder, 3)]


@step("note")
def note(file: str, key: str) -> str:
    """Write down who did it."""
    write(file, f"{key} {os.getpid()}")
    return key


@register("errand")
def errand(payload: dict[str, Any]) -> str:
    """One step, so that all that counts is who does it, and how often."""
    return note(payload["file"], payload["key"])


def main(arguments: list[str]) -> None:
    """Do as the command line says."""
    load_tables()
    if arguments[0] == "follow":
        plays.start_play(arguments[1], arguments[2], {})
        plays.follow_play(arguments[1])
        return
    if "--until-idle" in arguments:
        run_worker(threading.Event(), until_idle=True)
    else:
        serve_worker()
