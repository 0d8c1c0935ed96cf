"""The workflows of waves. Their bodies only call durable steps; all rules are in `moves`."""

from __future__ import annotations

from typing import Any

from yunzhang.moves import execution
from yunzhang.moves.service import RUN_JOB, UNDO_JOB
from yunzhang.moves.states import ROLL_BACK, STEP_NAMES
from yunzhang.workflows.dispatcher import register
from yunzhang.workflows.engine import step
from yunzhang.workflows.steps import play_step

# How often a step whose play was interrupted (host lost, agent killed) is tried in one run before
# a person has to look.
TRIES = 3


@step("begin")
def _begin(wave_id: int, name: str) -> str:
    return execution.begin_step(wave_id, name)


@step("record")
def _record(wave_id: int, name: str) -> int:
    return execution.record_intents(wave_id, name)


@step("play")
def _play(wave_id: int, name: str, may_retry: bool) -> str:
    """Play and settle: `done`, `failed`, or `again` when the play was interrupted."""
    order = execution.order_play(wave_id, name)
    result = play_step(
        order.step_id,
        order.playbook,
        order.variables,
        attempt=order.attempt,
        should_stop=lambda: execution.should_stop(wave_id),
        on_messages=lambda said: execution.note_messages(wave_id, name, said.count, said.last),
    )
    if result.status == "interrupted" and may_retry:
        execution.retry_step(wave_id, name)
        return "again"
    if name == ROLL_BACK:
        return "done" if execution.settle_roll_back(wave_id, result) else "failed"
    return "done" if execution.settle_step(wave_id, name, result) else "failed"


@step("complete")
def _complete(wave_id: int) -> None:
    execution.complete_wave(wave_id)


@step("begin-roll-back")
def _begin_roll_back(wave_id: int) -> str:
    return execution.begin_roll_back(wave_id)


@step("fault")
def _fault(wave_id: int, name: str, reason: str) -> None:
    execution.fail_step(wave_id, name, reason)


def _carry_out(wave_id: int, name: str, *, recorded: bool) -> bool:
    try:
        if recorded:
            _record(wave_id, name)
        for left in reversed(range(TRIES)):
            outcome = _play(wave_id, name, left > 0)
            if outcome != "again":
                break
    except Exception as error:
        _fault(wave_id, name, str(error))
        return False
    return outcome == "done"


@register(RUN_JOB)
def run_wave(payload: dict[str, Any]) -> None:
    """Walk a wave through its steps until it is completed, paused, cancelled or failed."""
    wave_id = int(payload["wave"])
    for name in STEP_NAMES:
        verdict = _begin(wave_id, name)
        if verdict == "stop":
            return
        if verdict == "go" and not _carry_out(wave_id, name, recorded=True):
            return
    _complete(wave_id)


@register(UNDO_JOB)
def undo_wave(payload: dict[str, Any]) -> None:
    """Undo everything a wave did."""
    wave_id = int(payload["wave"])
    if _begin_roll_back(wave_id) == "go":
        _carry_out(wave_id, ROLL_BACK, recorded=False)
