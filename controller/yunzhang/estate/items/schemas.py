"""What is told about records that were sent: faults, and what many of them did."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from yunzhang.estate.workbooks.columns import Sheet
from yunzhang.estate.workbooks.report import Fault, ImportReport


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
