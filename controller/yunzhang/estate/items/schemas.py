"""What is told about records that were sent: faults, and what many of them did."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from yunzhang.estate.items.lifecycle import STATES, Refusal, Step
from yunzhang.estate.workbooks.columns import Sheet
from yunzhang.estate.workbooks.report import Fault, ImportReport

# Things that one step takes along.
MOST_STEPS = 1_000
State = StrEnum("State", {state: state for state in STATES})  # type: ignore[misc]
# Text without control characters: databases refuse some of them.
Line = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=320)]
Reason = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", max_length=2000)]


class FaultRead(BaseModel):
    """One thing that is wrong with one of the records given, counted from 0."""

    item: int
    column: str
    code: str
    severity: Literal["error", "warning"]
    message: str
    suggestion: str

    @classmethod
    def of(cls, fault: Fault) -> FaultRead:
        """As it is told; row 1 has the columns' names, so record 0 stands in row 2."""
        return cls(
            item=max(fault.row - 2, 0),
            column=fault.column,
            code=f"estate.{fault.code}",
            severity=fault.severity,
            message=fault.message,
            suggestion=fault.suggestion,
        )


class RefusalRead(BaseModel):
    """One reason why one item may not make a step."""

    key: str
    column: str
    code: str
    message: str

    @classmethod
    def of(cls, refusal: Refusal) -> RefusalRead:
        """As it is told."""
        return cls(
            key=refusal.key,
            column=refusal.column,
            code=f"estate.{refusal.code}",
            message=refusal.message,
        )


class Body(BaseModel):
    """What is asked for; members that are not known are refused, never ignored."""

    model_config = ConfigDict(extra="forbid")


class StepWrite(Body):
    """A step of a thing's life: where to, why, what proves it, what is wrong in which column."""

    to: State
    reason: Reason = ""
    evidence: Reason = ""
    reasons: dict[Line, Reason] = Field({}, max_length=100)
    dry_run: bool = False

    @property
    def step(self) -> Step:
        """As the service takes it."""
        return Step(str(self.to), self.reason, self.evidence, self.reasons)


class StepsWrite(StepWrite):
    """The same step for many things, all of them or none."""

    keys: list[Line] = Field(min_length=1, max_length=MOST_STEPS)


class StepsRead(BaseModel):
    """How many things made, or could make, a step."""

    to: str
    count: int
    dry_run: bool


class BulkRead(BaseModel):
    """What many records did, or would do: counts by action, and every fault."""

    written: bool
    batch_id: int | None
    counts: dict[str, int]
    faults: list[FaultRead]

    @classmethod
    def of(cls, sheet: Sheet, report: ImportReport) -> BulkRead:
        """As it is told."""
        counts = {str(action): n for action, n in report.counts.get(sheet.key, {}).items()}
        faults = [FaultRead.of(fault) for fault in report.faults]
        return cls(written=report.written, batch_id=report.batch_id, counts=counts, faults=faults)
