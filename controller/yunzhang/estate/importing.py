"""From a parsed file to rows of the database: what is known, what would change, the writing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from yunzhang.db import Session
from yunzhang.estate import repository
from yunzhang.estate.addresses import parse_block, to_hex
from yunzhang.estate.known import Known
from yunzhang.estate.parsing import Parsed, Row, SheetRows
from yunzhang.estate.report import Action, Change
from yunzhang.estate.sheets import SHEETS, Sheet
from yunzhang.estate.values import empty_value
from yunzhang.units.service import known_divisions

# States in which a unit may still change what it declared.
OPEN_STATES = frozenset({"draft", "returned"})


@dataclass(slots=True)
class Difference:
    """What a file would do. `inserts` and `updates`: sheet key → rows in writing order."""

    changes: list[Change] = field(default_factory=list)
    inserts: dict[str, list[Row]] = field(default_factory=dict)
    updates: dict[str, list[tuple[Mapping[str, Any], Row]]] = field(default_factory=dict)


def read_known(session: Session, parsed: Parsed) -> Known:
    """What the database has of all the file speaks of; queries grow with sheets, not rows."""
    known = Known(divisions=known_divisions(session))
    named: dict[str, set[str]] = {sheet.key: set() for sheet in SHEETS}
    domains: set[str] = set()
    for key, rows in parsed.sheets.items():
        for column in rows.columns:
            if column.reference:
                named[column.reference].update(
                    value for row in rows.rows if (value := row.values.get(column.key)) is not None
                )
        if key in {"prefixes", "workloads"}:
            domains.update(code for row in rows.rows if (code := row.values.get("domain_code")))
        keys = {row.key for row in rows.rows if row.key}
        known.current[key] = repository.current_rows(session, key, keys)
        if any(row.values.get("parent_code") for row in rows.rows):
            known.parents[key] = repository.parents(session, key)
    for target, codes in named.items():
        if codes:
            known.codes[target] = repository.existing_codes(session, target, codes)
    known.prefixes = repository.known_prefixes(session, domains)
    return known


def compare(parsed: Parsed, known: Known) -> Difference:
    """What each row would do, once the rules have marked the bad ones."""
    found = Difference()
    for key, rows in parsed.sheets.items():
        inserts = found.inserts.setdefault(key, [])
        updates = found.updates.setdefault(key, [])
        current = known.current.get(key, {})
        names = [column.key for column in rows.columns if column.key != "classified"]
        for row in rows.rows:
            stored = current.get(row.key) if row.key else None
            diff = _diff(stored, row, names) if stored and row.good else {}
            if stored and diff and stored["state"] not in OPEN_STATES:
                parsed.add(rows.sheet, row, rows.sheet.identity[0], "row_locked",
                           state=stored["state"])  # fmt: skip
            action = _action(row, stored, diff)
            if action == "create":
                inserts.append(row)
            elif action == "update" and stored:
                updates.append((stored, row))
            shown = "/".join(str(part) for part in row.key or ()) if row.values else ""
            found.changes.append(Change(key, row.number, shown, action, diff))
    return found


def _diff(stored: Mapping[str, Any], row: Row, names: list[str]) -> dict[str, tuple[Any, Any]]:
    values = row.values
    return {
        name: (stored[name], values[name])
        for name in names
        if name in values and stored[name] != values[name]
    }


def _action(row: Row, stored: Mapping[str, Any] | None, diff: Mapping[str, Any]) -> Action:
    if row.bad:
        return "bad"
    if row.held:
        return "held"
    if stored is None:
        return "create"
    return "update" if diff else "unchanged"


def write(
    session: Session, parsed: Parsed, difference: Difference, batch_id: int, now: datetime
) -> None:
    """Write the good rows, sheet by sheet, in a fixed number of statements."""
    for key, rows in parsed.sheets.items():
        stamp = {"batch_id": batch_id, "updated_at": now}
        fresh = stamp | {"created_at": now, "state": "draft", "revision": 1}
        fresh |= _defaults(rows)
        repository.insert_rows(
            session,
            key,
            [fresh | row.values | _derived(rows.sheet, row) for row in difference.inserts[key]],
        )
        repository.update_rows(
            session,
            key,
            [
                {"id": stored["id"], "revision": stored["revision"]} | row.values | stamp
                for stored, row in difference.updates[key]
            ],
        )


def _defaults(rows: SheetRows) -> dict[str, Any]:
    """Values of the columns the file does not have."""
    present = {column.key for column in rows.columns} | {"classified"}
    return {
        column.key: empty_value(column)
        for column in rows.sheet.columns
        if column.key not in present
    }


def _derived(sheet: Sheet, row: Row) -> dict[str, Any]:
    if sheet.key != "prefixes":
        return {}
    block = parse_block(row.values["cidr"])
    return {"family": block.family, "lo": to_hex(block.lo), "hi": to_hex(block.hi)}
