"""What is told about waves, their steps and moves, and the record of cloud objects."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict


class Read(BaseModel):
    """Base: made from a row."""

    model_config = ConfigDict(from_attributes=True)


class WaveRead(Read):
    """A wave with the plan version it belongs to. `control` is what a person last asked of it."""

    id: int
    plan: str
    version: int
    number: int
    name: str
    state: str
    control: str
    runs: int
    started_at: datetime | None
    finished_at: datetime | None
    fault: str


class StepRead(Read):
    """A step of a wave; `messages` are the last of the `message_count` its present try said."""

    name: str
    state: str
    tries: int
    started_at: datetime | None
    finished_at: datetime | None
    fault: str
    messages: list[str]
    message_count: int


class MoveRead(Read):
    """A workload's way through its wave; `facts` grow from step to step (digests, addresses)."""

    server: str
    unit: str
    state: str
    old_addresses: list[str]
    new_addresses: list[str]
    facts: dict[str, Any]


class WaveDetail(WaveRead):
    """A wave with its steps in order and its moves by workload."""

    steps: list[StepRead]
    moves: list[MoveRead]


class ObjectRead(Read):
    """What a wave created or changed in a cloud, recorded before the call."""

    id: int
    step: str
    cloud: str
    kind: str
    key: str
    act: str
    project: str | None
    name: str
    external_id: str | None
    recorded_at: datetime
    made_at: datetime | None
    undone_at: datetime | None
