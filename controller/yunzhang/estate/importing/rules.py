"""Rules across rows: keys, references, trees, divisions. Finds every fault, never stops early."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from datetime import date

from yunzhang import texts
from yunzhang.estate.addresses import rules as address_rules
from yunzhang.estate.importing import item_rules, overlap_notes, parts, set_rules
from yunzhang.estate.importing.known import OPEN_STATES, Known, changed_values, column_names
from yunzhang.estate.workbooks.parsing import Parsed, Row, SheetRows
from yunzhang.estate.workbooks.sheets import BY_KEY, SHEETS, Column, Sheet

# Looking for a similar code costs time; beyond these nobody reads it.
MAX_SUGGESTIONS = 100
MAX_CANDIDATES = 5_000


def check(parsed: Parsed, known: Known, today: date) -> None:
    """Apply all rules; bad rows are marked, and rows that name them are held.

    `today`: the day on which division codes must be valid.
    """
    _check_locked(parsed, known)
    references = _References(parsed, known)
    closed = {unit.code: unit.replaced_by for unit in known.units if unit.valid_to is not None}
    for sheet in SHEETS:
        if sheet.key not in parsed.sheets:
            continue
        rows = parsed.sheets[sheet.key]
        _check_duplicates(parsed, rows)
        _check_divisions(parsed, rows, known, today)
        _learn_zones(rows, known)
        for row in rows.rows:
            item_rules.check_item(parsed, sheet, row, known)
        references.check(rows)
        _check_closed(parsed, rows, known, closed)
        for column in rows.columns:
            if column.tree:
                _check_cycles(parsed, rows, known, column.key)
        if sheet.key == "prefixes":
            address_rules.check_leaves(parsed, rows, known)
        elif sheet.key == "workloads":
            address_rules.check_workloads(parsed, rows, known)
        set_rules.check_set(parsed, rows, known)
        references.close(rows)
    parts.check_parts(parsed, known)
    overlap_notes.note_overlaps(parsed, known)
    parsed.faults.sort(key=lambda fault: fault.place)


def _check_locked(parsed: Parsed, known: Known) -> None:
    """What was submitted is not changed by a file; first, so that no rule counts with the change.

    What a refused row names and is stored already is told: it has to be taken out by hand.
    """
    for key, rows in parsed.sheets.items():
        names = column_names(rows)
        for row in rows.rows:
            stored = known.stored(key, row.key)
            if not stored:
                continue
            if row.refused:
                parsed.warn(rows.sheet, row, "classified", "classified_stored")
            elif (
                stored["state"] not in OPEN_STATES
                and row.good
                and changed_values(stored, row, names)
            ):
                column = rows.sheet.identity[0]
                parsed.add(rows.sheet, row, column, "row_locked", state=stored["state"])


def _check_duplicates(parsed: Parsed, rows: SheetRows) -> None:
    first: dict[object, int] = {}
    for row in rows.rows:
        if row.key is None or row.refused:
            continue
        if row.key in first:
            shown = texts.listed(str(part) for part in row.key)
            parsed.add(
                rows.sheet, row, rows.sheet.identity[min(1, len(row.key) - 1)], "key_twice",
                key=shown, row=first[row.key]
            )  # fmt: skip
        else:
            first[row.key] = row.number


def _check_divisions(parsed: Parsed, rows: SheetRows, known: Known, today: date) -> None:
    if "division_code" not in rows.sheet.by_key:
        return
    for row in rows.rows:
        code = row.values.get("division_code")
        if code is None:
            continue
        division = known.divisions.get(code)
        if division is None:
            parsed.add(rows.sheet, row, "division_code", "division_unknown", value=code)
        elif not division.is_valid(today):
            if known.stored(rows.sheet.key, row.key).get("division_code") == code:
                continue  # it was valid when it was written; only what is new is measured
            instead = division.replaced_by or ""
            name = f"{division.name} {code}"
            parsed.add(rows.sheet, row, "division_code", "division_ended", value=name, now=instead)


def _learn_zones(rows: SheetRows, known: Known) -> None:
    """Zones of networks and address domains that the file itself brings."""
    for row in rows.rows:
        if not row.key:
            continue
        if rows.sheet.key == "networks" and "zone" in row.values:
            known.network_zones[row.key[0]] = row.values["zone"]
        elif rows.sheet.key == "domains":
            zone = known.network_zones.get(row.values.get("network_code") or "")
            if zone is not None:
                known.zones[row.key[0]] = zone


def _check_closed(
    parsed: Parsed, rows: SheetRows, known: Known, closed: Mapping[str, str | None]
) -> None:
    """Nothing new is declared for a unit that was closed."""
    columns = [column.key for column in rows.columns if column.reference == "units"]
    if not closed or not columns:
        return
    for row in rows.rows:
        for name in columns:
            code = row.values.get(name)
            if (
                code is not None
                and code in closed
                and known.stored(rows.sheet.key, row.key).get(name) != code
            ):
                parsed.add(rows.sheet, row, name, "unit_closed", value=code,
                           now=closed[code] or "-")  # fmt: skip


class _References:
    """Codes that may be named: in the database, or in good rows of the file."""

    def __init__(self, parsed: Parsed, known: Known) -> None:
        self.parsed = parsed
        self.known = known
        self.good: dict[str, set[str]] = {sheet.key: set() for sheet in SHEETS}
        self.shaky: dict[str, set[str]] = {sheet.key: set() for sheet in SHEETS}
        # codes of classified rows: what belongs to them is refused like them, and told by nobody
        self.secret: dict[str, set[str]] = {sheet.key: set() for sheet in SHEETS}
        self.suggestions = 0

    def close(self, rows: SheetRows) -> None:
        """Later sheets may name the rows of this one."""
        if rows.sheet.identity != ("code",):
            return
        for row in rows.rows:
            if row.key:
                kept = self.secret if row.refused else self.good if row.good else self.shaky
                kept[rows.sheet.key].add(row.key[0])

    def check(self, rows: SheetRows) -> None:
        """Every code named in `rows`: unknown is a fault; named but bad holds the row."""
        for column in rows.columns:
            if column.object_of is not None:
                self._check_objects(rows, column, column.object_of)
            elif column.reference is None:
                continue
            elif column.reference == rows.sheet.key:
                self._check_tree(rows, column)
            else:
                self._check_column(rows, column, column.reference)

    def _check_column(self, rows: SheetRows, column: Column, target: str) -> None:
        fine = self.good[target] | self.known.codes.get(target, set())
        shaky, secret = self.shaky[target], self.secret[target]
        for row in rows.rows:
            value = row.values.get(column.key)
            if value in secret:
                self._refuse(rows.sheet, row, column)
            elif value is None or value in fine:
                continue
            elif value in shaky:
                row.held = True
            else:
                self._unknown(rows.sheet, row, column, target, fine)

    def _check_objects(self, rows: SheetRows, column: Column, sheet_column: str) -> None:
        fine = {
            target: self.good[target] | self.known.codes.get(target, set())
            for target in rows.sheet.by_key[sheet_column].choices
        }
        for row in rows.rows:
            target, value = row.values.get(sheet_column), row.values.get(column.key)
            if target is None or value is None:
                continue
            if value in self.secret[target]:
                self._refuse(rows.sheet, row, column)
            elif value in fine[target]:
                continue
            elif value in self.shaky[target]:
                row.held = True
            else:
                self._unknown(rows.sheet, row, column, target, fine[target])

    def _check_tree(self, rows: SheetRows, column: Column) -> None:
        own = {row.key[0]: row for row in rows.rows if row.key}
        known = self.known.codes.get(rows.sheet.key, set())
        children: dict[str, list[Row]] = {}
        for row in rows.rows:
            value = row.values.get(column.key)
            if value is None or value in known:
                continue
            if value in own:
                children.setdefault(value, []).append(row)
            else:
                told = {code for code, each in own.items() if not each.refused}
                self._unknown(rows.sheet, row, column, rows.sheet.key, known | told)
        waiting = [code for code, row in own.items() if not row.good]
        while waiting:
            for row in children.pop(waiting.pop(), ()):
                if row.good and row.key:
                    waiting.append(row.key[0])
                row.held = True

    def _refuse(self, sheet: Sheet, row: Row, column: Column) -> None:
        """A row that names a classified one: it waits where it says itself whether it is classified
        (是否涉密); a part or a paper of such a thing, which does not, is as classified as that.
        """
        if "classified" in sheet.by_key:
            row.held = True
        elif not row.refused:
            self.parsed.refuse(sheet, row, column.key, row.values.get("unit_code"))

    def _unknown(
        self, sheet: Sheet, row: Row, column: Column, named: str, candidates: set[str]
    ) -> None:
        value = row.values[column.key]
        target = BY_KEY[named].title
        similar: list[str] = []
        if self.suggestions < MAX_SUGGESTIONS and len(candidates) <= MAX_CANDIDATES:
            self.suggestions += 1
            similar = difflib.get_close_matches(value, sorted(candidates), n=1)
        code = "reference_similar" if similar else "reference_unknown"
        similar_code = similar[0] if similar else ""
        self.parsed.add(
            sheet, row, column.key, code, value=value, sheet=target, similar=similar_code
        )


def _check_cycles(parsed: Parsed, rows: SheetRows, known: Known, column: str) -> None:
    own = {row.key[0]: row for row in rows.rows if row.key}
    parents = dict(known.parents.get((rows.sheet.key, column), {}))
    for code, row in own.items():
        if column in row.values:
            parents[code] = row.values[column]
    sound: set[str] = set()
    for start in own:
        path: list[str] = []
        at: str | None = start
        while at is not None and at not in sound and at not in path:
            path.append(at)
            at = parents.get(at)
        if at is not None and at in path:
            # one finding for the whole ring, on the first of its rows
            ring = path[path.index(at) :]
            row = min((own[code] for code in ring if code in own), key=lambda each: each.number)
            shown = " → ".join([*ring, at])
            parsed.add(rows.sheet, row, column, "parent_cycle", value=shown)
            for code in ring:
                if code in own:
                    own[code].held = True
        sound.update(path)
