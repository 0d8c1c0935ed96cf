"""What an import would do and what is wrong with the file: all of it at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from yunzhang import texts
from yunzhang.estate.workbooks.sheets import SHEETS

# info: nothing is wrong with the row, but whoever plans with it should know.
Severity = Literal["error", "warning", "info"]
# held: the row is good, but it names one that is not.
Action = Literal["create", "update", "unchanged", "bad", "held"]
ACTIONS: tuple[Action, ...] = ("create", "update", "unchanged", "bad", "held")
_ORDER = {sheet.title: position for position, sheet in enumerate(SHEETS)}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong. `row` counts as Excel does; 0: the sheet as a whole."""

    sheet: str
    row: int
    column: str
    code: str
    severity: Severity = "error"
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def message(self) -> str:
        """What is wrong, in the current language."""
        return texts.text(f"estate.{self.code}", **self.values)

    @property
    def suggestion(self) -> str:
        """What to do about it, in the current language."""
        key = f"estate.{self.code}_hint"
        return texts.text(key, **self.values) if texts.has_text(key) else ""

    @property
    def place(self) -> tuple[int, int, str]:
        """Sorts faults as the file is read."""
        return _ORDER.get(self.sheet, len(_ORDER)), self.row, self.column


@dataclass(frozen=True, slots=True)
class Change:
    """What a row would do (or did). `diff`: column key → (before, after)."""

    sheet: str
    row: int
    key: str
    action: Action
    diff: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)


@dataclass(slots=True)
class ImportReport:
    """The whole answer to one file. `earlier`: the batch that brought the same file before.

    `notes` say what is worth knowing though nothing is wrong: overlaps with other networks.
    """

    file_name: str
    file_sha256: str
    faults: list[Fault]
    changes: list[Change]
    excluded: dict[str, int]
    written: bool = False
    batch_id: int | None = None
    earlier: int | None = None
    notes: list[Fault] = field(default_factory=list)

    @property
    def errors(self) -> int:
        """How many faults are errors."""
        return sum(fault.severity == "error" for fault in self.faults)

    @property
    def warnings(self) -> int:
        """How many faults are warnings."""
        return len(self.faults) - self.errors

    @property
    def counts(self) -> dict[str, dict[Action, int]]:
        """Rows by sheet key and action, sheets in the workbook's order."""
        found = Counter((change.sheet, change.action) for change in self.changes)
        return {
            sheet.key: {action: found[sheet.key, action] for action in ACTIONS}
            for sheet in SHEETS
            if any(found[sheet.key, action] for action in ACTIONS)
        }
