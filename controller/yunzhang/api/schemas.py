"""The API's own words: errors, health, events."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from yunzhang.estate.items.schemas import FaultRead
from yunzhang.reports.schemas import TotalsRow


class ErrorRead(BaseModel):
    """Every refusal and failure, as a problem of RFC 9457. `code` never changes and is the end of
    `type`; `message` (also `detail`) and `hint` are for people, in the language asked for by
    Accept-Language (Chinese first). `errors` is there when records were sent that break rules."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    message: str
    hint: str | None
    errors: list[FaultRead] | None = None


class VersionInfo(BaseModel):
    """Which product answers, and which version of the API."""

    name: str
    version: str
    api: str


class WorkerRead(BaseModel):
    """A process that runs waves."""

    executor_id: str
    host: str
    started_at: datetime
    beat_at: datetime
    alive: bool


class Health(BaseModel):
    """`ok`: all is well; `idle`: no worker is alive, so waves wait; `down`: no database."""

    status: Literal["ok", "idle", "down"]
    database: bool
    revision: str | None
    workers: list[WorkerRead]


class EventRead(BaseModel):
    """An event of a step's play, as the `data` of a server-sent event."""

    step_id: str
    step: str
    attempt: int
    counter: int
    at: datetime
    kind: str
    host: str
    task: str
    stdout: str


class CatalogueRow(BaseModel):
    """One verified thing of the shared catalogue: what it is and whose, nothing that is theirs."""

    kind: Literal["system", "site", "network", "platform"]
    name: str
    unit: str
    purpose: str


class TotalsPage(BaseModel):
    """A page of totals with the sum over all rows, not only the page's."""

    items: list[TotalsRow]
    sum: TotalsRow
    total: int
    limit: int
    offset: int
