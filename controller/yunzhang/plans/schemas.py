"""What is told about plans: versions, their waves and misfits, and what the checker found."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict


class Read(BaseModel):
    """Base: made from a row."""

    model_config = ConfigDict(from_attributes=True)


class VersionRead(Read):
    """One version of a plan, without its content."""

    name: str
    number: int
    hash: str
    state: str
    created_at: datetime
    created_by: str


class ApprovalRead(Read):
    """A signature; `hash` is what was signed."""

    account: str
    role: str
    hash: str
    at: datetime


class PlannedWave(Read):
    """A wave as planned, with the workloads in it."""

    number: int
    name: str
    servers: list[str]


class MisfitRead(Read):
    """A limit the plan would pass: `place` is quota, capacity or ledger."""

    place: str
    name: str
    resource: str
    limit: int
    used: int
    need: int


class PlanRead(VersionRead):
    """The newest version of a plan with what a reader wants first.

    `need` is by resource class (VCPU cores, MEMORY_MB MiB, VOLUME_GB GiB); `open_references`
    counts addresses that something refers to and that could not simply be rewritten.
    """

    source_cloud: str
    target_cloud: str
    workloads: int
    waves: list[PlannedWave]
    need: dict[str, int]
    misfits: list[MisfitRead]
    open_references: int
    approvals: list[ApprovalRead]


class FaultRead(Read):
    """A fault of the independent checker, with its place in the document."""

    code: str
    place: str
    message: str


class CheckRead(Read):
    """The independent checker's verdict on a version."""

    name: str
    number: int
    hash: str
    sound: bool
    faults: list[FaultRead]
