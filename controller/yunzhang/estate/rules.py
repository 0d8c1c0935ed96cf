"""Rules across rows: keys, references, trees, divisions. Finds every fault, never stops early."""

from __future__ import annotations

import difflib
from datetime import date

from yunzhang import texts
from yunzhang.estate import address_rules
from yunzhang.estate.known import Known
from yunzhang.estate.parsing import Parsed, Row, SheetRows
from yunzhang.estate.sheets import BY_KEY, SHEETS, Column, Sheet

# Looking for a similar code costs time; beyond these nobody reads it.
MAX_SUGGESTIONS = 100
MAX_CANDIDATES = 5_000
# From this protection level on a filing number is expected.
FILED_LEVEL = 3


def check(parsed: Parsed, known: Known, today: date) -> None:
    """Apply all rules; bad rows are marked, and rows that name them are held."""
    references = _References(parsed, known)
    for sheet in SHEETS:
        if sheet.key not in parsed.sheets:
            continue
        rows = parsed.sheets[sheet.key]
        _check_duplicates(parsed, rows)
        _check_divisions(parsed, rows, known, today)
        _check_row_rules(parsed, rows)
        references.check(rows)
        if "parent_code" in sheet.by_key:
            _check_cycles(parsed, rows, known)
        if sheet.key == "prefixes":
            address_rules.check_leaves(parsed, rows, known)
        elif sheet.key == "workloads":
            address_rules.check_workloads(parsed, rows, known)
        references.close(rows)
    parsed.faults.sort(key=lambda fault: fault.place)


def _check_duplicates(parsed: Parsed, rows: SheetRows) -> None:
    first: dict[object, int] = {}
    for row in rows.rows:
        if row.key is None:
            continue
        if row.key in first:
            shown = texts.listed(str(part) for part in row.key)
            parsed.add(
                rows.sheet, row, rows.sheet.identity[-1] if len(row.key) == 2 else
                rows.sheet.identity[0], "key_twice", key=shown, row=first[row.key]
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
            instead = division.replaced_by or ""
            name = f"{division.name} {code}"
            parsed.add(rows.sheet, row, "division_code", "division_ended", value=name, now=instead)


def _check_row_rules(parsed: Parsed, rows: SheetRows) -> None:
    sheet = rows.sheet
    for row in rows.rows:
        values = row.values
        if sheet.key == "platforms":
            if values.get("kind") == "sub_cloud" and values.get("parent_code", "") is None:
                parsed.add(sheet, row, "parent_code", "parent_missing")
        elif sheet.key == "dependencies" and row.key and row.key[0] == row.key[1]:
            parsed.add(sheet, row, "target_code", "depends_on_itself", value=row.key[0])
        elif sheet.key == "sites":
            used, total = values.get("racks_used"), values.get("racks_total")
            if used is not None and total is not None and used > total:
                parsed.warn(sheet, row, "racks_used", "racks_over", used=used, total=total)
        if (values.get("mlps_level") or 0) >= FILED_LEVEL and values.get("filing_no") == "":
            parsed.warn(sheet, row, "filing_no", "filing_missing", level=values["mlps_level"])


class _References:
    """Codes that may be named: in the database, or in good rows of the file."""

    def __init__(self, parsed: Parsed, known: Known) -> None:
        self.parsed = parsed
        self.known = known
        self.good: dict[str, set[str]] = {sheet.key: set() for sheet in SHEETS}
        self.shaky: dict[str, set[str]] = {sheet.key: set() for sheet in SHEETS}
        self.suggestions = 0

    def close(self, rows: SheetRows) -> None:
        """Later sheets may name the rows of this one."""
        if rows.sheet.identity != ("code",):
            return
        for row in rows.rows:
            if row.key:
                (self.good if row.good else self.shaky)[rows.sheet.key].add(row.key[0])

    def check(self, rows: SheetRows) -> None:
        """Every code named in `rows`: unknown is a fault; named but bad holds the row."""
        for column in rows.columns:
            if column.reference is None:
                continue
            if column.reference == rows.sheet.key:
                self._check_tree(rows, column)
            else:
                self._check_column(rows, column, column.reference)

    def _check_column(self, rows: SheetRows, column: Column, target: str) -> None:
        fine = self.good[target] | self.known.codes.get(target, set())
        shaky = self.shaky[target]
        for row in rows.rows:
            value = row.values.get(column.key)
            if value is None or value in fine:
                continue
            if value in shaky:
                row.held = True
            else:
                self._unknown(rows.sheet, row, column, fine)

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
                self._unknown(rows.sheet, row, column, known | own.keys())
        waiting = [code for code, row in own.items() if not row.good]
        while waiting:
            for row in children.pop(waiting.pop(), ()):
                if row.good and row.key:
                    waiting.append(row.key[0])
                row.held = True

    def _unknown(self, sheet: Sheet, row: Row, column: Column, candidates: set[str]) -> None:
        value = row.values[column.key]
        target = BY_KEY[column.reference or ""].title
        similar: list[str] = []
        if self.suggestions < MAX_SUGGESTIONS and len(candidates) <= MAX_CANDIDATES:
            self.suggestions += 1
            similar = difflib.get_close_matches(value, sorted(candidates), n=1)
        code = "reference_similar" if similar else "reference_unknown"
        similar_code = similar[0] if similar else ""
        self.parsed.add(
            sheet, row, column.key, code, value=value, sheet=target, similar=similar_code
        )


def _check_cycles(parsed: Parsed, rows: SheetRows, known: Known) -> None:
    own = {row.key[0]: row for row in rows.rows if row.key}
    parents = dict(known.parents.get(rows.sheet.key, {}))
    for code, row in own.items():
        if "parent_code" in row.values:
            parents[code] = row.values["parent_code"]
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
            parsed.add(rows.sheet, row, "parent_code", "parent_cycle", value=shown)
            for code in ring:
                if code in own:
                    own[code].held = True
        sound.update(path)
