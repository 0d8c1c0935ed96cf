"""The steps of a wave in their order, and the states waves, steps and moves go through."""

from __future__ import annotations

from dataclasses import dataclass

from yunzhang.db import Transitions


@dataclass(frozen=True, slots=True)
class StepKind:
    """A step: its playbook has the same name. While it runs the wave is in `wave_state`; when it
    is done the moves are in `move_state`."""

    name: str
    wave_state: str
    move_state: str | None = None


STEPS: tuple[StepKind, ...] = (
    StepKind("precheck", "preflight", "prechecked"),
    StepKind("prepare_projects", "replicating"),
    StepKind("prepare_networks", "replicating"),
    StepKind("prepare_catalogue", "replicating"),
    StepKind("reserve_ports", "replicating"),
    StepKind("create_volumes", "replicating", "prepared"),
    StepKind("stop_sources", "cutting_over", "source_off"),
    StepKind("copy_disks", "cutting_over", "synced"),
    StepKind("verify_disks", "cutting_over", "verified"),
    StepKind("boot_targets", "cutting_over", "booted"),
    StepKind("validate_targets", "validating", "validated"),
    StepKind("tidy", "validating"),
)
STEP_NAMES = tuple(step.name for step in STEPS)
ROLL_BACK = "roll_back"
# Takes away what the steps before it only needed on the way.
TIDY = "tidy"
# What these proved holds only while the source stays off; after a rest they are gone through again
# until a target has booted. Each finds by looking what still holds.
PERISHABLE = ("stop_sources", "copy_disks", "verify_disks")

_WORKING = frozenset({"preflight", "replicating", "cutting_over", "validating"})
_RESTING = frozenset({"paused", "failed", "cancelled"})
# `frozen`: asked for and no longer to be edited, until a worker takes it up where it was left.
WAVE_TRANSITIONS: Transitions = {
    "scheduled": frozenset({"frozen"}),
    "frozen": _WORKING | _RESTING | {"completed"},
    "preflight": frozenset({"replicating"}) | _RESTING,
    "replicating": frozenset({"cutting_over"}) | _RESTING,
    "cutting_over": frozenset({"validating"}) | _RESTING,
    "validating": frozenset({"completed"}) | _RESTING,
    "paused": frozenset({"frozen", "rolling_back"}),
    "failed": frozenset({"frozen", "rolling_back"}),
    "cancelled": frozenset({"rolling_back"}),
    "completed": frozenset({"rolling_back", "closed"}),
    "rolling_back": frozenset({"rolled_back", "needs_operator"}),
    "needs_operator": frozenset({"rolling_back"}),
    "rolled_back": frozenset({"scheduled"}),
    "closed": frozenset(),
}
# In these a workflow is at work, or will be as soon as a worker takes the job.
ACTIVE = _WORKING | {"frozen", "rolling_back"}

STEP_TRANSITIONS: Transitions = {
    "pending": frozenset({"running"}),
    "running": frozenset({"running", "done", "failed", "stopped"}),
    "failed": frozenset({"running", "pending"}),
    "stopped": frozenset({"running", "pending"}),
    "done": frozenset({"pending"}),
}

MOVE_ORDER = (
    "planned",
    "prechecked",
    "prepared",
    "source_off",
    "synced",
    "verified",
    "booted",
    "validated",
)
MOVE_TRANSITIONS: Transitions = {
    **{
        before: frozenset({after, "failed", "rolled_back"})
        for before, after in zip(MOVE_ORDER, (*MOVE_ORDER[1:], "accepted"), strict=True)
    },
    "failed": frozenset({*MOVE_ORDER[1:], "rolled_back"}),
    "rolled_back": frozenset({"planned"}),
    "accepted": frozenset(),
}
