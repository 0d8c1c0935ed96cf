"""What is told about the observed side."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from yunzhang.discovery.finding_states import Decision
from yunzhang.discovery.registering import CODE, Rule
from yunzhang.estate.items.editing import MOST


class RunRead(BaseModel):
    """One reading of a source; `counts` by kind. See `models.DiscoveryRun`."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    cloud: str
    kind: str
    mode: str
    complete: bool
    guarded: bool
    started_at: datetime
    finished_at: datetime
    principal: str
    counts: dict[str, int]


class ItemRead(BaseModel):
    """A resource as the latest run saw it; the runs it was first seen in and last changed in."""

    model_config = ConfigDict(from_attributes=True)

    kind: str
    external_id: str
    project_id: str | None
    name: str
    content_hash: str
    payload: dict[str, Any]
    first_run_id: int
    changed_run_id: int
    last_run_id: int


class FindingRead(BaseModel):
    """A finding; `revision` is what a decision has to name. See `models.Finding`."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    kind: str
    code: str
    unit_code: str | None
    source: str | None
    name: str
    declared: list[str]
    observed: list[str]
    details: list[dict[str, Any]]
    state: str
    revision: int
    opened_at: datetime
    changed_at: datetime
    misses: int
    decision: str | None
    decided_by: str | None
    decided_at: datetime | None
    reason: str
    until: date | None


class AccuracyRead(BaseModel):
    """How far a unit's declarations hold. `share`: (equal + settled) / compared; null: no score."""

    model_config = ConfigDict(from_attributes=True)

    unit: str
    compared: int
    equal: int
    settled: int
    share: float | None


class RuleWrite(BaseModel):
    """What only a person can say of machines in no register. See `registering.Rule`."""

    model_config = ConfigDict(extra="forbid")

    system: str = Field(min_length=1, max_length=64, description="business key of the system")
    project: str = Field("*", max_length=255, description="pattern of the project's name")
    name: str = Field("*", max_length=255, description="pattern of the machine's name")
    code: str = Field(
        CODE, max_length=200, description="with {project}, {name}, {source}, {system}"
    )
    unit: str = Field("", max_length=64, description="empty: the system's")
    platform: str = Field("", max_length=64, description="empty: where it can be told")
    domain: str = Field("", max_length=64, description="empty: its project's; -: none")
    disk_gib: int | None = Field(None, ge=0, le=2**31 - 1, description="where it was not seen")

    @property
    def rule(self) -> Rule:
        """The rule."""
        return Rule(**self.model_dump())


class RegistrationWrite(BaseModel):
    """Findings of machines in no register to make workloads of: named, or all open of a source."""

    model_config = ConfigDict(extra="forbid")

    findings: list[Annotated[int, Field(ge=1, le=2**31 - 1)]] = Field([], max_length=MOST)
    source: str | None = Field(None, max_length=80, description="without `findings`: all of it")
    rules: list[RuleWrite] = Field(min_length=1, max_length=1_000)
    reason: str = Field("", max_length=2000)
    dry_run: bool = Field(False, description="say what would be done; write nothing")


class RegisteredRead(BaseModel):
    """A machine that is registered now, as a draft with this code."""

    finding: int
    code: str


class RefusedRead(BaseModel):
    """A machine that is not, and why."""

    finding: int
    code: str
    message: str


class RegistrationRead(BaseModel):
    """What became of each machine; `written` False: a rehearsal."""

    written: bool
    registered: list[RegisteredRead]
    refused: list[RefusedRead]


class DecisionWrite(BaseModel):
    """A decision on a finding as it was seen at `revision`."""

    model_config = ConfigDict(extra="forbid")

    decision: Decision
    revision: int = Field(ge=1)
    reason: str = Field("", max_length=2000)
    until: date | None = None
    match: tuple[str, str] | None = Field(None, description="(workload, machine) of a tie")
    rule: RuleWrite | None = Field(None, description="how a machine in no register is registered")
