"""What is told about the observed side."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict


class RunRead(BaseModel):
    """One complete reading of a cloud; `counts` by kind."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    cloud: str
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
