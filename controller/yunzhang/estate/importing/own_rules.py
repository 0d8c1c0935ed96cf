"""Whose rows somebody may write: their own, whatever file or call brings them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from yunzhang.db import Session
from yunzhang.estate import repository
from yunzhang.estate.importing.known import Known
from yunzhang.estate.importing.writing import Owners
from yunzhang.estate.workbooks.columns import Sheet
from yunzhang.estate.workbooks.parsing import Parsed, Row
from yunzhang.units.models import Unit
from yunzhang.units.scope import reach_of


class _Owners(Owners):
    """What a file says of whose a thing is counts only once the row that says so may be written:
    else it could claim another's network and put something of its own into it.
    """

    def __init__(self, known: Known) -> None:
        self._of = {key: dict(of) for key, of in known.owners.items()}

    def learn(self, sheet: Sheet, row: Row) -> None:
        """Take in a row that may be written."""
        unit = self.unit_of(sheet, row.values)
        if row.key and unit:
            self._of.setdefault(sheet.key, {})[row.key[0]] = unit


def own_units(session: Session) -> frozenset[str] | None:
    """Units whose rows the asker may write in what is being done (`acting`); None: everybody's."""
    if reach_of(session).office:
        return None
    return frozenset(session.scalars(select(Unit.code)))


def check_owners(parsed: Parsed, known: Known, own: frozenset[str]) -> None:
    """Mark rows that are, or were, not of one of the units `own`: `estate.not_yours`; before rules.

    A new unit belongs to whom its parent belongs. Of a row of another's nothing is told.
    """
    owners = _Owners(known)
    own = own | _new_units(parsed, known, own)
    for key, rows in parsed.sheets.items():
        current = known.current.get(key, {})
        for row in rows.rows:
            stored = current.get(row.key) if row.key else None
            places = [row.values, stored] if stored else [row.values]
            if not row.good:
                continue
            if all(_is_own(owners, rows.sheet, place, own) for place in places):
                owners.learn(rows.sheet, row)
            else:
                _refuse(parsed, rows.sheet, row)


def _new_units(parsed: Parsed, known: Known, own: frozenset[str]) -> frozenset[str]:
    """Units that the file puts below one's own, whatever their order in it."""
    above = {
        row.key[0]: row.values.get("parent_code")
        for row in parsed.rows("units")
        if row.good and row.key and not known.stored("units", row.key)
    }
    found: set[str] = set()
    while fresh := {code for code, parent in above.items() if parent in own | found} - found:
        found |= fresh
    return frozenset(found)


def _is_own(owners: Owners, sheet: Sheet, values: Mapping[str, Any], own: frozenset[str]) -> bool:
    if sheet.key == "units":
        return values.get("code") in own or values.get("parent_code") in own
    return owners.unit_of(sheet, values) in own


def _refuse(parsed: Parsed, sheet: Sheet, row: Row) -> None:
    if sheet.key == "units":
        column = "code"
    else:
        column = repository.OWNED_THROUGH.get(sheet.key, ("unit_code", ""))[0]
    parsed.add(sheet, row, column, "not_yours")
    # no other rule looks at it: what they would say may be another's
    row.values = {}
