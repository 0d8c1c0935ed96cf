"""From a parsed file to rows of the database: what is known, what would change, the writing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from yunzhang.db import Session
from yunzhang.estate import history, repository
from yunzhang.estate.addresses.blocks import parse_address, parse_block, to_hex
from yunzhang.estate.history import Entry
from yunzhang.estate.importing import repository as comparing
from yunzhang.estate.importing.known import Known, changed_values, column_names, key_text
from yunzhang.estate.importing.overlap_notes import stretches
from yunzhang.estate.importing.quality import Quality
from yunzhang.estate.models import Disk, Nic
from yunzhang.estate.progress import Counted, Progress, no_progress
from yunzhang.estate.workbooks.choices import OBJECTS
from yunzhang.estate.workbooks.parsing import Parsed, Row, SheetRows
from yunzhang.estate.workbooks.report import Action, Change
from yunzhang.estate.workbooks.sheets import SHEETS, Sheet
from yunzhang.estate.workbooks.values import empty_value
from yunzhang.units.service import known_divisions

STAMPS = (
    "state", "revision", "batch_id", "created_at", "updated_at", "created_by", "updated_by",
    "data_quality",
)  # fmt: skip


@dataclass(slots=True)
class Difference:
    """What a file would do. `inserts` and `updates`: sheet key → rows in writing order."""

    changes: list[Change] = field(default_factory=list)
    inserts: dict[str, list[Row]] = field(default_factory=dict)
    updates: dict[str, list[tuple[Mapping[str, Any], Row]]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """How many rows would be written."""
        created = sum(len(rows) for rows in self.inserts.values())
        return created + sum(len(rows) for rows in self.updates.values())


def read_known(session: Session, parsed: Parsed) -> Known:
    """What the database has of all the file speaks of; queries grow with sheets, not rows."""
    known = Known(divisions=known_divisions(session))
    named = _named(parsed)
    domains: set[str] = set()
    for key, rows in parsed.sheets.items():
        if key in {"prefixes", "workloads", "nics"}:
            domains.update(code for row in rows.rows if (code := row.values.get("domain_code")))
        known.current[key] = repository.current_rows(
            session, key, {row.key for row in rows.rows if row.key}
        )
        for column in rows.columns:
            if column.tree and any(row.values.get(column.key) for row in rows.rows):
                known.parents[key, column.key] = repository.parents(session, key, column.key)
    for target, codes in named.items():
        if codes:
            known.codes[target] = repository.existing_codes(session, target, codes)
    for target in dict.fromkeys(("networks", "domains", "workloads", "persons", *OBJECTS)):
        known.owners[target] = repository.owning_units(session, target, named[target])
    known.prefixes = comparing.known_prefixes(session, domains)
    known.zones = comparing.zones_of(session, domains)
    known.network_zones = comparing.network_zones(session, named["networks"])
    if named["units"] or "units" in parsed.sheets:
        known.units = comparing.unit_names(session)
    _read_loads(session, parsed, known, named)
    _read_parts(session, parsed, known)
    _read_spans(session, parsed, known)
    return known


def _named(parsed: Parsed) -> dict[str, set[str]]:
    """Sheet key → codes that the file names."""
    named: dict[str, set[str]] = {sheet.key: set() for sheet in SHEETS}
    for rows in parsed.sheets.values():
        for column in rows.columns:
            if column.reference:
                named[column.reference].update(
                    value for row in rows.rows if (value := row.values.get(column.key)) is not None
                )
            elif column.object_of:
                for row in rows.rows:
                    sheet, code = row.values.get(column.object_of), row.values.get(column.key)
                    if sheet and code:
                        named[sheet].add(code)
    return named


def _read_loads(
    session: Session, parsed: Parsed, known: Known, named: Mapping[str, set[str]]
) -> None:
    uuids = {uuid for row in parsed.rows("workloads") if (uuid := row.values.get("platform_uuid"))}
    known.uuids = comparing.platform_uuids(session, uuids)
    known.loads = comparing.platform_loads(
        session, named["platforms"] | {row.key[0] for row in parsed.rows("platforms") if row.key}
    )
    serials = {serial for row in parsed.rows("workloads") if (serial := row.values.get("serial"))}
    known.serials = comparing.serial_holders(session, serials)
    if "responsibilities" in parsed.sheets:
        known.duties = comparing.duties_of(session, named["persons"])


def _read_parts(session: Session, parsed: Parsed, known: Known) -> None:
    """Disks and interfaces of the file's servers, and the servers it brings some of."""
    own = {row.key[0] for row in parsed.rows("workloads") if row.key}
    brought = {code for key in ("disks", "nics") for row in parsed.rows(key)
               if (code := row.values.get("workload_code"))}  # fmt: skip
    known.servers = comparing.servers_of(session, brought - own)
    known.disks = comparing.parts_of(session, Disk, "size_gib", own | brought)
    known.nics = comparing.parts_of(session, Nic, "addresses", own | brought)
    macs = {mac for row in parsed.rows("nics") if (mac := row.values.get("mac"))}
    known.macs = comparing.mac_holders(session, macs)


def _read_spans(session: Session, parsed: Parsed, known: Known) -> None:
    """What may overlap the file's prefixes in other networks."""
    blocks = [
        parse_block(cidr)
        for row in parsed.rows("prefixes")
        if (cidr := row.values.get("cidr")) and row.values.get("role") != "container"
    ]
    if blocks:
        known.domain_owners = comparing.domain_owners(session)
        known.spans = comparing.spans_meeting(session, stretches(blocks))


def compare(parsed: Parsed, known: Known) -> Difference:
    """What each row would do, once the rules have marked the bad ones."""
    found = Difference()
    for key, rows in parsed.sheets.items():
        inserts = found.inserts.setdefault(key, [])
        updates = found.updates.setdefault(key, [])
        current = known.current.get(key, {})
        names = column_names(rows)
        for row in rows.rows:
            stored = current.get(row.key) if row.key else None
            diff = changed_values(stored, row, names) if stored and row.good else {}
            action = _action(row, stored, diff)
            if action == "create":
                inserts.append(row)
            elif action == "update" and stored:
                updates.append((stored, row))
            shown = key_text(row.key) if row.values else ""
            found.changes.append(Change(key, row.number, shown, action, diff))
    return found


def _action(row: Row, stored: Mapping[str, Any] | None, diff: Mapping[str, Any]) -> Action:
    if row.bad:
        return "bad"
    if row.held:
        return "held"
    if stored is None:
        return "create"
    return "update" if diff else "unchanged"


def write(
    session: Session,
    parsed: Parsed,
    difference: Difference,
    known: Known,
    *,
    batch_id: int,
    principal: str,
    now: datetime,
    progress: Progress = no_progress,
) -> None:
    """Write the good rows and what became of each, sheet by sheet, in a fixed number of steps."""
    counted = Counted(progress, "write", difference.size)
    for key, rows in parsed.sheets.items():
        names = [*repository.stored_columns(key), *STAMPS, *_DERIVED.get(key, (None, ()))[1]]
        fresh = ("draft", 1, batch_id, now, now, principal, principal)
        quality = Quality(rows.sheet, parsed.faults)
        repository.insert_rows(
            session, key, names, counted(_full_rows(rows, difference.inserts[key], fresh, quality))
        )
        stamp = {"batch_id": batch_id, "updated_at": now, "updated_by": principal}
        updates = [
            {"id": stored["id"], "revision": stored["revision"]} | row.values | stamp
            | {"data_quality": quality.of(row.number, {**stored, **row.values})}
            for stored, row in difference.updates[key]
        ]  # fmt: skip
        repository.update_rows(session, key, list(counted(iter(updates))))
    progress("log", 0, difference.size)
    history.log_changes(
        session, _entries(parsed, difference, known), at=now, principal=principal, batch_id=batch_id
    )
    history.add_import_rows(
        session,
        (
            (batch_id, change.sheet, change.row, change.key, change.action)
            for change in difference.changes
            if change.action != "unchanged"
        ),
    )


def _full_rows(
    rows: SheetRows, inserts: list[Row], stamps: tuple[Any, ...], quality: Quality
) -> Iterator[tuple[Any, ...]]:
    empty = [(column.key, empty_value(column)) for column in rows.sheet.columns
             if column.key != "classified"]  # fmt: skip
    derive = _DERIVED.get(rows.sheet.key, (None, ()))[0]
    for row in inserts:
        get = row.values.get
        values = tuple(get(name, default) for name, default in empty)
        measured = quality.of(row.number, row.values)
        yield (*values, *stamps, measured, *(derive(row) if derive else ()))


def _derive_prefix(row: Row) -> tuple[Any, ...]:
    block = parse_block(row.values["cidr"])
    return block.family, to_hex(block.lo), to_hex(block.hi)


def _derive_range(row: Row) -> tuple[Any, ...]:
    family, lo = parse_address(row.values["first"])
    return family, to_hex(lo), to_hex(parse_address(row.values["last"])[1])


# Columns that follow from others: sheet key → how they are made, their names.
_DERIVED: Mapping[str, tuple[Callable[[Row], tuple[Any, ...]] | None, tuple[str, ...]]] = {
    "prefixes": (_derive_prefix, ("family", "lo", "hi")),
    "ranges": (_derive_range, ("family", "lo", "hi")),
}


def _entries(parsed: Parsed, found: Difference, known: Known) -> Iterator[Entry]:
    owners = Owners(parsed, known)
    for key, rows in parsed.sheets.items():
        sheet = rows.sheet
        for row in found.inserts[key]:
            unit = owners.unit_of(sheet, row.values)
            yield Entry(key, key_text(row.key), unit, "create", None, row.values)
        names = column_names(rows)
        for stored, row in found.updates[key]:
            diff = changed_values(stored, row, names)
            before = {name: values[0] for name, values in diff.items()}
            after = {name: values[1] for name, values in diff.items()}
            unit = owners.unit_of(sheet, {**stored, **row.values})
            yield Entry(key, key_text(row.key), unit, "update", before, after)


class Owners:
    """Whose a row is: its own unit, or that of what it belongs to, in the file or stored."""

    def __init__(self, parsed: Parsed, known: Known) -> None:
        self._of: dict[str, dict[str, str]] = {key: dict(of) for key, of in known.owners.items()}
        for key in ("networks", "workloads", "persons", "domains"):
            of = self._of.setdefault(key, {})
            for row in parsed.rows(key):
                if (
                    row.good
                    and row.key
                    and (unit := self.unit_of(parsed.sheets[key].sheet, row.values))
                ):
                    of[row.key[0]] = unit

    def unit_of(self, sheet: Sheet, values: Mapping[str, Any]) -> str | None:
        """The unit's code; None when it cannot be told."""
        if sheet.key == "units":
            return values.get("code")
        if sheet.key not in repository.OWNED_THROUGH:
            return values.get("unit_code")
        column, parent = repository.OWNED_THROUGH[sheet.key]
        return self.owner_of(parent, values.get(column))

    def owner_of(self, sheet: str, code: str | None) -> str | None:
        """The unit of what a row names; None when it cannot be told."""
        return self._of.get(sheet, {}).get(code or "")
