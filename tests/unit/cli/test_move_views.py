"""What a terminal, a log or a pipe is shown of a wave at work."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.conftest import NOON
from yunzhang.cli import context
from yunzhang.cli.move_views import SHOWN, Progress, Teller, view
from yunzhang.moves.models import Step


@pytest.fixture(autouse=True)
def language() -> Iterator[None]:
    from yunzhang import texts

    texts.set_language("en")
    yield
    texts.set_language("zh")


def _step(name: str, state: str, said: list[str], count: int = 0, **more: Any) -> Step:
    started = NOON if state != "pending" else None
    return Step(
        name=name,
        state=state,
        started_at=started,
        messages=said,
        message_count=count or len(said),
        **more,
    )


def _progress(*steps: Step) -> Progress:
    return Progress("demo", 1, "cutting_over", "", steps, [], {}, NOON + timedelta(seconds=3))


def _told(teller: Teller, *steps: Step) -> list[str]:
    with context.output.capture() as capture:
        teller.tell(_progress(*steps))
    return capture.get().splitlines()


def test_a_pipe_hears_each_message_once_and_the_end() -> None:
    teller = Teller()
    assert _told(teller, _step("copy_disks", "running", ["a [1/2]"])) == ["  a [1/2]"]
    assert _told(teller, _step("copy_disks", "running", ["a [1/2]", "b"])) == ["  b"]
    ended = _step("copy_disks", "done", ["b", "c"], 3, finished_at=NOON + timedelta(seconds=2))
    assert _told(teller, ended) == ["  c", "✓ Copy disks 2.0 s"]
    assert _told(teller, ended) == []


def test_messages_beyond_those_kept_are_not_told_twice() -> None:
    teller = Teller()
    _told(teller, _step("copy_disks", "running", ["y", "z"], 40))
    assert _told(teller, _step("copy_disks", "running", ["z", "new"], 41)) == ["  new"]


def test_a_terminal_shows_the_last_messages_below_the_step_at_work() -> None:
    said = [f"message {n}" for n in range(SHOWN + 3)]
    with context.output.capture() as capture:
        context.output.print(view(_progress(_step("copy_disks", "running", said))))
    shown = capture.get()
    assert said[-1] in shown
    assert said[-SHOWN] in shown
    assert said[0] not in shown
