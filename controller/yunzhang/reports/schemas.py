"""What a report says, before it is worded: every number with its unit in the name."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from yunzhang.clouds.usage import ProjectUsage


class Part(BaseModel):
    """Base of all parts; facts may carry more than is reported."""

    model_config = ConfigDict(extra="ignore")


class Approval(Part):
    """A signature under the plan version; `hash` is what was signed."""

    account: str
    display_name: str
    role: str
    hash: str
    at: datetime


class StepTime(Part):
    """A step of the wave and how long it took; `seconds` is None while it has not ended."""

    name: str
    state: str
    tries: int
    started_at: datetime | None
    finished_at: datetime | None
    seconds: float | None
    fault: str


class DiskProof(Part):
    """A disk and both readings of it; what is None was not (yet) read."""

    key: str
    device: str = ""
    size_gib: int = 0
    volume_type: str | None = None
    bootable: bool = False
    boot_index: int = -1
    source_sha256: str | None = None
    target_sha256: str | None = None
    bytes: int | None = None
    equal: bool | None = None
    seconds: float | None = None


class MoveFacts(Part):
    """What a run found out about a workload; a run that failed half-way has only some of it."""

    disks: list[dict[str, Any]] = Field(default_factory=list)
    guest_seen: bool | None = None
    console_line: str = ""
    addresses_seen: list[str] = Field(default_factory=list)
    source_state: str = ""
    stopped_at: datetime | None = None
    validated_at: datetime | None = None
    seconds: float | None = None


class MovedServer(Part):
    """A workload: what it was and became, what was proven, and its downtime in `seconds`.

    `disks_checked`: size, type and boot flag compared; `placed`: order of disks and addresses
    compared in the running target. None: not reached.
    """

    server: str
    name: str
    unit: str
    unit_name: str
    system: str
    project: str
    state: str
    flavor: str
    vcpus: int
    ram_mib: int
    old_addresses: list[str]
    new_addresses: list[str]
    disks: list[DiskProof]
    digests_equal: bool | None
    disks_checked: bool | None
    placed: bool | None
    guest_seen: bool | None
    console_line: str
    addresses_seen: list[str]
    source_state: str
    stopped_at: datetime | None
    validated_at: datetime | None
    seconds: float | None


class Remaining(Part):
    """Something of the record that is still there: a temporary object, or a source put to rest."""

    cloud: str
    kind: str
    key: str
    name: str
    project: str | None


class Reference(Part):
    """An address something refers to that the plan could not simply rewrite."""

    place: str
    domain: str
    old: str
    new: list[str]
    state: str


class Holding(Part):
    """What the ledger has for a unit in the target's pool (class → units of the class), and what
    its projects use as observed."""

    unit: str
    unit_name: str
    held: dict[str, int]
    committed: dict[str, int]
    projects: list[str]
    observed: list[ProjectUsage]


class TotalsRow(Part):
    """Declared amounts of a unit or city; `migrated` counts its workloads that were moved.

    `accuracy`: share of a unit's compared fields that are equal or decided; None: none compared.
    """

    code: str
    name: str
    workloads: int
    vcpus: int
    ram_mib: int
    disk_gib: int
    migrated: int
    accuracy: float | None = None


class Totals(Part):
    """Rows with their sum."""

    rows: list[TotalsRow]
    total: TotalsRow


class Observation(Part):
    """What the clouds showed when the report was made; `faults` say what could not be read."""

    at: datetime
    usages: list[ProjectUsage] = Field(default_factory=list)
    leftovers: list[str] = Field(default_factory=list)
    faults: list[str] = Field(default_factory=list)


class AuditHead(Part):
    """The newest block of the audit record: on paper it is an anchor nobody can rewrite."""

    number: int
    at: datetime
    digest: str


class RunReport(Part):
    """Everything the printed report of one wave says. Times are UTC."""

    plan: str
    version: int
    hash: str
    plan_state: str
    created_at: datetime
    created_by: str
    approvals: list[Approval]
    source_cloud: str
    target_cloud: str
    wave: int
    wave_name: str
    wave_state: str
    runs: int
    started_at: datetime | None
    finished_at: datetime | None
    fault: str
    steps: list[StepTime]
    moves: list[MovedServer]
    temporaries: list[Remaining]
    sources: list[Remaining]
    observed_at: datetime | None
    leftovers: list[str]
    observation_faults: list[str]
    references: list[Reference]
    holdings: list[Holding]
    cities: Totals
    units: Totals
    made_at: datetime
    made_by: str
    audit_head: AuditHead | None = None
