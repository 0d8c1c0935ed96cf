"""Division codes (GB/T 2260) from the dated file that is shipped with the product."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from functools import cache

from yunzhang.kit.shipped import shipped

FILE = "divisions.csv"


@dataclass(frozen=True, slots=True)
class DivisionRow:
    """One code with the days it is valid on; None: since or until whenever."""

    code: str
    name: str
    level: str
    parent_code: str | None
    valid_from: date | None
    valid_to: date | None
    replaced_by: str | None

    def is_valid(self, day: date) -> bool:
        """Whether the code may be used on `day`."""
        after = self.valid_from is None or day >= self.valid_from
        return after and (self.valid_to is None or day <= self.valid_to)


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


@cache
def read_divisions() -> tuple[DivisionRow, ...]:
    """All divisions of the shipped file, parents first."""
    with (shipped("inventory/schema") / FILE).open(encoding="utf-8", newline="") as file:
        return tuple(
            DivisionRow(
                code=row["code"],
                name=row["name"],
                level=row["level"],
                parent_code=row["parent"] or None,
                valid_from=_day(row["valid_from"]),
                valid_to=_day(row["valid_to"]),
                replaced_by=row["replaced_by"] or None,
            )
            for row in csv.DictReader(file)
        )


def city_of(code: str) -> str:
    """The code of the city a division lies in; the region's own code for the region."""
    return f"{code[:4]}00"
