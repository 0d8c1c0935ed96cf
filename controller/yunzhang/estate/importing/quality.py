"""How good the data of one row are, as a number that anybody can work out again.

Data quality = the share of the sheet's expected columns (`Sheet.expected`, marked 建议 in the
template) that are filled, in percent, less 10 for each warning the row had when it was written;
never below 0. A sheet that expects nothing gives 100 less its warnings. It is measured whenever an
import or an edit writes the row, so a row that was not written since this is measured has none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from yunzhang.estate.workbooks.columns import Sheet
from yunzhang.estate.workbooks.report import Fault

FULL = 100
WARNING_COST = 10


class Quality:
    """Measures the rows of one sheet of a file whose faults are known."""

    def __init__(self, sheet: Sheet, faults: Iterable[Fault]) -> None:
        self._expected = sheet.expected
        self._warnings = Counter(
            fault.row
            for fault in faults
            if fault.severity == "warning" and fault.sheet == sheet.title
        )

    def of(self, number: int, values: Mapping[str, Any]) -> int:
        """The quality of row `number` with these values, from 0 to 100."""
        share = FULL
        if self._expected:
            filled = sum(values.get(name) not in (None, "", []) for name in self._expected)
            share = round(FULL * filled / len(self._expected))
        return max(0, share - WARNING_COST * self._warnings[number])
