"""What is told about the observed side."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from yunzhang.discovery.finding_states import Decision


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


class DecisionWrite(BaseModel):
    """A decision on a finding as it was seen at `revision`."""

    model_config = ConfigDict(extra="forbid")

    decision: Decision
    revision: int = Field(ge=1)
    reason: str = Field("", max_length=2000)
    until: date | None = None
    match: tuple[str, str] | None = Field(None, description="(workload, machine) of a tie")
