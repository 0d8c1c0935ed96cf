"""Single things of the register, read and written by the rules that a whole file obeys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from yunzhang import audit, clock
from yunzhang.db import Session
from yunzhang.errors import Conflict, InputError, NotFound
from yunzhang.estate import history, repository, service
from yunzhang.estate.history import Entry
from yunzhang.estate.importing.known import OPEN_STATES, Key, key_text
from yunzhang.estate.items import repository as item_repository
from yunzhang.estate.items.naming import find_naming
from yunzhang.estate.items.records import Record, as_file, whole_record
from yunzhang.estate.service import Mode
from yunzhang.estate.workbooks.cells import CellError
from yunzhang.estate.workbooks.report import Fault, ImportReport
from yunzhang.estate.workbooks.sheets import Sheet
from yunzhang.estate.workbooks.values import cell_value, empty_value, reader
from yunzhang.units.scope import Principal, demand, doing

# Records that one call may bring.
MOST = 10_000


class ItemsRefused(InputError):
    """What was given breaks rules of the register; `faults` has all of them."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("item.refused", count=len(faults))
        self.faults = tuple(faults)


class Outdated(Conflict):
    """Somebody changed the thing since it was read."""

    http_status = 412


def parse_key(sheet: Sheet, text: str) -> Key:
    """The business key written in a path: its parts with `/` between; the last may have one itself.

    Raises NotFound `item.unknown` for what cannot be a key.
    """
    parts = text.split("/", len(sheet.identity) - 1)
    if len(parts) != len(sheet.identity):
        raise NotFound("item.unknown", sheet=sheet.title, key=text)
    try:
        return tuple(
            reader(sheet.by_key[name])(part)
            for name, part in zip(sheet.identity, parts, strict=True)
        )
    except CellError as error:
        raise NotFound("item.unknown", sheet=sheet.title, key=text) from error


def read_item(session: Session, principal: Principal, sheet: Sheet, key: Key) -> Any:
    """One thing. Raises NotFound `item.unknown`."""
    demand(principal, "read")
    return service.READS[sheet.key].model_validate(_find(session, sheet, key))


def create_item(session: Session, principal: Principal, sheet: Sheet, record: Record) -> Any:
    """Make a thing. Raises ItemsRefused, Conflict `item.taken`."""
    _refuse_blank([record])
    report = _save(session, principal, sheet, record)
    if report.changes[0].action != "create":
        raise Conflict("item.taken", key=report.changes[0].key)
    return read_item(session, principal, sheet, parse_key(sheet, report.changes[0].key))


@doing("import")
def change_item(
    session: Session,
    principal: Principal,
    sheet: Sheet,
    key: Key,
    changes: Record,
    revision: int,
) -> Any:
    """Change a thing that is still at `revision`; what is not named stays.

    Raises NotFound `item.unknown`, Outdated `item.outdated`, InputError
    `item.key_fixed`, ItemsRefused.
    """
    seen = _seen(session, sheet, key, revision)
    for name, part in zip(sheet.identity, key, strict=True):
        if name in changes and changes[name] != part:
            raise InputError("item.key_fixed", column=sheet.by_key[name].header)
    _save(session, principal, sheet, whole_record(sheet, seen) | dict(changes))
    return read_item(session, principal, sheet, key)


@doing("import")
def save_items(
    session: Session,
    principal: Principal,
    sheet: Sheet,
    records: Sequence[Record],
    mode: Mode | None,
) -> ImportReport:
    """Create and change many by business key; what a known one does not name stays as it is.

    Without `mode` nothing is written. Raises InputError `item.many`.
    """
    if len(records) > MOST:
        raise InputError("item.many", count=len(records), maximum=MOST)
    _refuse_blank(records)
    keys = [_read_key(sheet, record) for record in records]
    stored = repository.current_rows(session, sheet.key, [key for key in keys if key])
    whole = [
        (whole_record(sheet, stored[key]) if key and key in stored else {}) | dict(record)
        for key, record in zip(keys, records, strict=True)
    ]
    raw = as_file(sheet, whole, "api")
    if mode is None:
        return service.check_raw(session, principal, raw)
    return service.import_raw(session, principal, raw, mode)


def _read_key(sheet: Sheet, record: Record) -> Key | None:
    """The key of a record as its cells will be read; None: nothing stored can have it."""
    parts = []
    for column in (sheet.by_key[name] for name in sheet.identity):
        cell = cell_value(column, record.get(column.key))
        try:
            part = empty_value(column) if cell is None else reader(column)(cell)
        except CellError:
            return None
        if part is None:
            return None
        parts.append(part)
    return tuple(parts)


def _refuse_blank(records: Sequence[Record]) -> None:
    """A row without anything in it is passed over in a workbook; nobody sends one on purpose."""
    for number, record in enumerate(records):
        if all(value in (None, []) or not str(value).strip() for value in record.values()):
            raise InputError("item.blank", item=number)


@doing("import")
def remove_item(
    session: Session, principal: Principal, sheet: Sheet, key: Key, revision: int
) -> None:
    """Remove a draft that nothing names.

    Raises NotFound `item.unknown`, Outdated `item.outdated`, Conflict
    `item.locked` or `item.named`.
    """
    repository.lock_register(session)
    seen = _seen(session, sheet, key, revision)
    if seen["state"] not in OPEN_STATES:
        raise Conflict("item.locked", key=key_text(key), state=seen["state"])
    naming = find_naming(session, {sheet.key: [key]})
    if naming.count:
        raise Conflict("item.named", key=key_text(key), naming=str(naming))
    unit = _unit_of(session, sheet, key)
    repository.delete_rows(session, sheet.key, [(seen["id"], revision)])
    entry = Entry(sheet.key, key_text(key), unit, "remove", whole_record(sheet, seen), None)
    history.log_changes(session, [entry], at=clock.now(), principal=principal.name)
    audit.record(session, principal, "remove", sheet.key, key_text(key))


def _find(session: Session, sheet: Sheet, key: Key) -> Any:
    found = item_repository.find_items(session, sheet.key, [key]).get(key)
    if found is None:
        raise NotFound("item.unknown", sheet=sheet.title, key=key_text(key))
    return found


def _unit_of(session: Session, sheet: Sheet, key: Key) -> str | None:
    stored = _find(session, sheet, key)
    if sheet.key == "units":
        return str(stored.code)
    if sheet.key not in repository.OWNED_THROUGH:
        return getattr(stored, "unit_code", None)
    column, parent = repository.OWNED_THROUGH[sheet.key]
    code = getattr(stored, column)
    return repository.owning_units(session, parent, [code]).get(code)


def _seen(session: Session, sheet: Sheet, key: Key, revision: int) -> Mapping[str, Any]:
    seen = repository.current_rows(session, sheet.key, [key]).get(key)
    if seen is None:
        raise NotFound("item.unknown", sheet=sheet.title, key=key_text(key))
    if seen["revision"] != revision:
        raise Outdated("item.outdated", key=key_text(key), revision=seen["revision"])
    return seen


def _save(session: Session, principal: Principal, sheet: Sheet, record: Record) -> ImportReport:
    report = service.import_raw(session, principal, as_file(sheet, [record], "api"), "all")
    if not report.written:
        raise ItemsRefused([fault for fault in report.faults if fault.severity == "error"])
    return report
