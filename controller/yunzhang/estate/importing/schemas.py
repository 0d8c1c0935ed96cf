"""What is told about imports: what became of rows, and what taking one back does."""

from __future__ import annotations

from pydantic import BaseModel

from yunzhang.estate.foreign.conversion import ForeignReport, Outcome
from yunzhang.estate.schemas import Read
from yunzhang.estate.workbooks.report import Fault, ImportReport, Severity

# Faults that one answer has at most; the workbook of bad rows has all.
TOLD = 100_000


class ImportRowRead(Read):
    """What became of one row of a file. `row` counts as Excel does."""

    sheet: str
    row: int
    key: str
    action: str


class UndoneRead(BaseModel):
    """What was, or would be, taken back: rows by sheet key. `personal`: values that cannot be
    brought back, because names and phone numbers are in no log.
    """

    batch_id: int
    dry_run: bool
    removed: dict[str, int]
    restored: dict[str, int]
    personal: int


class FileFault(BaseModel):
    """One thing that is wrong with a file. `row` counts as Excel does; 0: the sheet as a whole."""

    sheet: str
    row: int
    column: str
    code: str
    severity: Severity
    message: str
    suggestion: str

    @classmethod
    def of(cls, fault: Fault) -> FileFault:
        """As it is told."""
        return cls(
            sheet=fault.sheet,
            row=fault.row,
            column=fault.column,
            code=f"estate.{fault.code}",
            severity=fault.severity,
            message=fault.message,
            suggestion=fault.suggestion,
        )


class AccountRead(BaseModel):
    """What became of one row of another program's file, and why it was refused; `warnings`: what of
    it stands in no column of ours.
    """

    sheet: str
    row: int
    name: str
    outcome: Outcome
    target: str
    reason: str
    warnings: list[str]


class FileRead(BaseModel):
    """The whole answer to one file: what each of its rows does, every fault, and in `notes` what is
    worth knowing though nothing is wrong, as overlaps with other networks.

    `earlier`: the import that brought the same file before. `counts`: rows by sheet and action;
    of another program's file (`format`), by its sheets and outcomes in `outcomes`, row by row in
    `accounts`. `errors` and `warnings` count all faults, of which `faults` has the first
    100,000; so have `accounts`.
    """

    file_name: str
    file_sha256: str
    format: str
    written: bool
    batch_id: int | None
    earlier: int | None
    counts: dict[str, dict[str, int]]
    errors: int
    warnings: int
    faults: list[FileFault]
    notes: list[FileFault]
    excluded: dict[str, int]
    outcomes: dict[str, dict[str, int]] = {}
    accounts: list[AccountRead] = []

    @classmethod
    def of(cls, report: ImportReport) -> FileRead:
        """As it is told."""
        return cls(
            file_name=report.file_name,
            file_sha256=report.file_sha256,
            format="workbook",
            written=report.written,
            batch_id=report.batch_id,
            earlier=report.earlier,
            counts={key: dict(of) for key, of in report.counts.items()},
            errors=report.errors,
            warnings=report.warnings,
            faults=[FileFault.of(fault) for fault in report.faults[:TOLD]],
            notes=[FileFault.of(note) for note in report.notes[:TOLD]],
            excluded=report.excluded,
        )

    @classmethod
    def of_foreign(cls, found: ForeignReport) -> FileRead:
        """As it is told of another program's file."""
        told = cls.of(found.report)
        told.format = found.format
        told.outcomes = {
            sheet: {str(name): n for name, n in of.items()} for sheet, of in found.counts.items()
        }
        told.accounts = [
            AccountRead(
                sheet=account.origin.sheet,
                row=account.origin.row,
                name=account.origin.name,
                outcome=account.outcome,
                target=account.target,
                reason=account.reason,
                warnings=list(account.warnings),
            )
            for account in found.accounts[:TOLD]
        ]
        return told
