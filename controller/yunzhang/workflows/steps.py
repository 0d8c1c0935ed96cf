"""The durable step of a play, for workflows to call from inside one of their steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from yunzhang import clock, plays
from yunzhang.errors import Conflict
from yunzhang.plays import Messages, PlayEvent, PlayResult
from yunzhang.workflows import worker
from yunzhang.workflows.engine import check_stopping

# Seconds between looks at a lease that another agent holds.
POLL = 1.0


def play_step(
    step_id: str,
    playbook: str,
    variables: Mapping[str, Any],
    on_progress: Callable[[PlayEvent], None] | None = None,
    *,
    attempt: int = 1,
    should_stop: Callable[[], bool] | None = None,
    inventory: str | None = None,
    timeout: float | None = None,
    on_messages: Callable[[Messages], None] | None = None,
) -> PlayResult:
    """Run attempt `attempt` of a step's play to its end, or follow it if it runs already.

    Call it inside a durable step: run again after a crash it attaches to the same attempt and
    returns how that one ended. A result `interrupted` means that the agent died: probe what was
    done, then call again with the next attempt's number. `on_progress` hears every event, after a
    crash once more, `on_messages` what modules say meanwhile; `should_stop` is asked all the time,
    and when it says yes the play is killed and the result is `canceled`.
    """

    def start() -> None:
        plays.start_play(
            step_id,
            playbook,
            variables,
            attempt=attempt,
            inventory=inventory,
            timeout=timeout,
            owner=worker.current_executor(),
        )

    while True:
        check_stopping()
        if should_stop is not None and plays.insist(should_stop):
            return _cancel(step_id, attempt, on_progress)
        try:
            plays.insist(start)
        except Conflict as error:
            if error.code != "plays.lease_held":
                raise
            # on another host, or an earlier attempt's: it must end or lose its lease first
            clock.pause(POLL)
            continue
        return plays.follow_play(
            step_id,
            on_progress,
            attempt=attempt,
            should_stop=should_stop,
            on_messages=on_messages,
        )


def _cancel(
    step_id: str, attempt: int, on_progress: Callable[[PlayEvent], None] | None
) -> PlayResult:
    # It may have been started before a crash, so there may be something to cancel.
    plays.cancel_play(step_id, attempt=attempt)
    result = plays.follow_play(step_id, on_progress, attempt=attempt)
    return result if result.status != "interrupted" else PlayResult("canceled", attempt=attempt)
