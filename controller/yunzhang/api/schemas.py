"""The API's own words: errors, health, events."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel

from yunzhang.audit import AuditEntry, AuditSeal, Verification
from yunzhang.estate.items.schemas import FaultRead, RefusalRead
from yunzhang.reports.schemas import TotalsRow


class ErrorRead(BaseModel):
    """Every refusal and failure, as a problem of RFC 9457. `code` never changes and is the end of
    `type`; `message` (also `detail`) and `hint` are for people, in the language asked for by
    Accept-Language (Chinese first). `errors` is there when records were sent that break rules, or
    things may not make a step."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    message: str
    hint: str | None
    errors: list[FaultRead] | list[RefusalRead] | None = None


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


class AuditEntryRead(BaseModel):
    """Who did what, and in which block it is sealed (None: in none yet)."""

    id: int
    at: datetime
    principal: str
    roles: list[str]
    channel: str
    address: str
    request: str
    act: str
    noun: str
    reference: str
    block: int | None

    @classmethod
    def of(cls, entry: AuditEntry, block: int | None) -> AuditEntryRead:
        """As it is told in lists."""
        names = AuditEntryRead.model_fields.keys() - {"block"}
        return AuditEntryRead(block=block, **{name: getattr(entry, name) for name in names})


class AuditEntryWhole(AuditEntryRead):
    """An entry with all it says; `leaf` is the hash it is sealed under."""

    before: Any
    after: Any
    details: Any
    leaf: str | None

    @classmethod
    def of_whole(cls, entry: AuditEntry, seal: AuditSeal | None) -> AuditEntryWhole:
        """As it is told alone."""
        told = AuditEntryRead.of(entry, seal.block if seal else None).model_dump()
        return cls(
            before=entry.before,
            after=entry.after,
            details=entry.details,
            leaf=seal.leaf if seal else None,
            **told,
        )


class AuditHead(BaseModel):
    """The newest block (None before the first), and how many entries wait to be sealed."""

    number: int | None
    at: datetime | None
    digest: str | None
    waiting: int


class AuditFault(BaseModel):
    """What is wrong first with the audit record, and where."""

    code: str
    block: int | None
    entry: int | None
    message: str


class AuditVerification(BaseModel):
    """What a verification saw. `done` false: it was begun, `reference` says where it will be told.

    `keyed` and `anchored`: which proofs could be made; `late`: entries sealed long after their
    time.
    """

    done: bool
    reference: str | None = None
    sound: bool | None = None
    fault: AuditFault | None = None
    blocks: int = 0
    entries: int = 0
    waiting: int = 0
    anchors: int = 0
    keyed: bool = False
    anchored: bool = False
    late: int = 0
    first_late: int | None = None

    @classmethod
    def of(cls, seen: Verification) -> AuditVerification:
        """As it is told."""
        told = {field.name: getattr(seen, field.name) for field in fields(seen)}
        fault = told.pop("fault")
        if fault is not None:
            told["fault"] = AuditFault(
                code=f"audit.fault_{fault.code}",
                block=fault.block,
                entry=fault.entry,
                message=fault.message,
            )
        return cls(done=True, sound=fault is None, **told)


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
