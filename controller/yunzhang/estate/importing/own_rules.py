"""Whose rows somebody may write: their own, whatever file or call brings them."""

from __future__ import annotations

from collections.abc import Mapping, Set
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


def seen_codes(session: Session, parsed: Parsed, known: Known) -> Mapping[str, Set[str]]:
    """Sheet key → codes of what the asker sees, of all that faults and warnings might name."""
    holders = {*known.uuids.values(), *known.serials.values()}
    holders |= {workload for workload, _ in known.macs.values()}
    holders |= {row.key[0] for row in parsed.rows("workloads") if row.key}
    named = {
        "units": {unit.code for unit in known.units},
        "workloads": holders,
        "platforms": set(known.loads),
        "domains": known.codes.get("domains", set()),
    }
    seen = {sheet: repository.existing_codes(session, sheet, codes)
            for sheet, codes in named.items()}  # fmt: skip
    # what the file itself brings is its writer's to know
    return {
        sheet: codes | {row.key[0] for row in parsed.rows(sheet) if row.key and row.good}
        for sheet, codes in seen.items()
    }


def check_owners(parsed: Parsed, known: Known, own: frozenset[str]) -> None:
    """Mark rows that are, or were, not of one of the units `own`: `estate.not_yours`; before rules.

    A new unit belongs to whom its parent belongs; what is about a thing (经费, 责任) to whom the
    thing belongs, too. Of a row of another's nothing is told: no other rule sees it.
    """
    owners = _Owners(known)
    own = own | _new_units(parsed, known, own)
    for key, rows in parsed.sheets.items():
        for row in rows.rows:
            if row.refused:
                continue
            stored = known.stored(key, row.key)
            if _may_write(owners, rows.sheet, row, stored, own):
                if row.good:
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


def _may_write(
    owners: Owners, sheet: Sheet, row: Row, stored: Mapping[str, Any], own: Set[str]
) -> bool:
    if sheet.key == "units":
        return _may_write_unit(row, stored, own)
    places = [row.values, stored] if stored else [row.values]
    return all(_is_own(owners, sheet, place, own) for place in places)


def _may_write_unit(row: Row, stored: Mapping[str, Any], own: Set[str]) -> bool:
    """Nobody takes a unit out of its superior's sight, or puts it below another's."""
    parent = row.values.get("parent_code")
    if not stored:
        return parent in own
    moves = "parent_code" in row.values and parent != stored["parent_code"]
    stays_within = parent in own and stored["parent_code"] in own
    return stored["code"] in own and (not moves or stays_within)


def _is_own(owners: Owners, sheet: Sheet, values: Mapping[str, Any], own: Set[str]) -> bool:
    if owners.unit_of(sheet, values) not in own:
        return False
    return all(
        owners.owner_of(values.get(column.object_of) or "", values.get(column.key)) in own
        for column in sheet.columns
        if column.object_of is not None
    )


def _refuse(parsed: Parsed, sheet: Sheet, row: Row) -> None:
    if sheet.key == "units":
        column = "code"
    else:
        column = repository.OWNED_THROUGH.get(sheet.key, ("unit_code", ""))[0]
    if row.good:  # of one that cannot be read it is not known whose it is
        parsed.add(sheet, row, column, "not_yours")
    row.values = {}
