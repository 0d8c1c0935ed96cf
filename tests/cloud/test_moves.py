"""Runs against the fast clouds: killed controllers, and rollbacks that leave no trace.

A fast subset of `make drill`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cloud.rehearsal import Rehearsal
from yunzhang import settings
from yunzhang.db import database_engine


@pytest.fixture
def rehearsal(
    clouds_ready: Path, instance: settings.Settings, request: pytest.FixtureRequest
) -> Iterator[Rehearsal]:
    """An instance with an approved plan; its controller does not outlive the test."""
    name = request.node.name.split("[")[-1].strip("]").replace("_", "-")[:30]
    made = Rehearsal(f"t-{name}")
    made.prepare()
    yield made
    if made.process is not None and made.process.poll() is None:
        made.kill(agent=True)
    database_engine().dispose()


@pytest.mark.parametrize("step", ["prepare_networks", "copy_disks", "boot_targets"])
def test_rollback_after_a_step_leaves_both_clouds_equal(rehearsal: Rehearsal, step: str) -> None:
    rehearsal.start()
    rehearsal.launch()
    rehearsal.await_step(step)
    rehearsal.ask_pause()
    assert rehearsal.await_rest() == "paused"
    rehearsal.roll_back()


def test_controller_killed_in_three_steps_completes_and_rolls_back(rehearsal: Rehearsal) -> None:
    rehearsal.start()
    for step, agent in (
        ("prepare_networks", False),
        ("create_volumes", True),
        ("copy_disks", True),
    ):
        rehearsal.launch()
        rehearsal.await_step(step)
        rehearsal.kill(agent=agent)
    rehearsal.launch()
    assert rehearsal.await_rest() == "completed"
    rehearsal.check_completed()
    rehearsal.roll_back()
