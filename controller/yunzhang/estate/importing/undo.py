"""Takes an import back while nothing later depends on it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from yunzhang import audit, clock, texts
from yunzhang.db import Session
from yunzhang.errors import Conflict, Forbidden
from yunzhang.estate import history, repository, service
from yunzhang.estate.changes.models import ImportBatch
from yunzhang.estate.history import Entry
from yunzhang.estate.importing.batches import find_batch
from yunzhang.estate.importing.known import Key, key_text
from yunzhang.estate.items.naming import SHOWN, Hindrance, find_naming
from yunzhang.estate.items.records import as_file, whole_record
from yunzhang.estate.workbooks.files import RawFile
from yunzhang.estate.workbooks.sheets import BY_KEY, SHEETS
from yunzhang.units.scope import Principal, acting, demand, reach_of, unrestricted


@dataclass(slots=True)
class Undone:
    """What was (or would be) taken back: rows by sheet key. `personal`: values not restored.

    Names and phone numbers are in no log, so an earlier one cannot be brought back.
    """

    removed: dict[str, int] = field(default_factory=dict)
    restored: dict[str, int] = field(default_factory=dict)
    personal: int = 0


def undo_batch(
    session: Session, principal: Principal, batch_id: int, *, dry_run: bool = False
) -> Undone:
    """Remove what an import created and restore what it changed.

    Raises NotFound `estate.batch_unknown`; Forbidden `estate.batch_not_yours`; Conflict
    `estate.batch_undone`, `batch_unlogged`, `batch_changed` (something was changed later),
    `batch_moved` (something belongs to another unit now), `batch_depended` (something later names
    it). Of what others have, only the number is told.
    """
    demand(principal, "import")
    repository.lock_register(session)
    batch = find_batch(session, batch_id)
    if batch.undone_at is not None:
        raise Conflict("estate.batch_undone", batch=batch_id)
    with acting(session, principal, "import"):
        return _undo(session, principal, batch, dry_run)


def _undo(session: Session, principal: Principal, batch: ImportBatch, dry_run: bool) -> Undone:
    batch_id = batch.id
    if not history.claim_batch(session, batch_id):
        raise Forbidden("estate.batch_not_yours", batch=batch_id)
    # what stands in the way counts, whosever it is
    with unrestricted(session):
        changes = history.changes_of_batch(session, batch_id)
    _check_log(batch, len(changes))
    created, updated = _split(changes)
    _check_later(session, batch_id, changes)
    _check_owners(session, batch_id, created, updated)
    _check_dependents(session, batch_id, changes, created)
    found = Undone()
    with session.begin_nested() as rehearsal:
        for sheet in reversed(SHEETS):
            keys = created.get(sheet.key, set())
            rows = repository.current_rows(session, sheet.key, keys)
            if rows:
                found.removed[sheet.key] = len(rows)
            pairs = [(row["id"], row["revision"]) for row in rows.values()]
            repository.delete_rows(session, sheet.key, pairs)
        restored = {sheet: _restored(session, sheet, before, found)
                    for sheet, before in updated.items()}  # fmt: skip
        _check_restored(session, principal, batch_id, restored)
        for sheet_key, again in restored.items():
            repository.update_rows(session, sheet_key, again)
        if dry_run:
            rehearsal.rollback()
    if not dry_run:
        _settle(session, principal, batch_id, changes, found)
    return found


def _check_log(batch: ImportBatch, logged: int) -> None:
    written = sum(of.get("create", 0) + of.get("update", 0) for of in dict(batch.counts).values())
    if written != logged:
        # it was imported before changes were logged
        raise Conflict("estate.batch_unlogged", batch=batch.id)


def _split(
    changes: Sequence[Any],
) -> tuple[dict[str, set[Key]], dict[str, dict[Key, dict[str, Any]]]]:
    created: dict[str, set[Key]] = {}
    updated: dict[str, dict[Key, dict[str, Any]]] = {}
    for change in changes:
        key = BY_KEY[change.sheet].key_of(change.key)
        if change.act == "create":
            created.setdefault(change.sheet, set()).add(key)
        else:
            updated.setdefault(change.sheet, {})[key] = change.before
    return created, updated


def _check_later(session: Session, batch_id: int, changes: Sequence[Any]) -> None:
    last = max((change.id for change in changes), default=0)
    with unrestricted(session):
        count = len(history.later_changes(session, batch_id, last))
    if count:
        later = history.later_changes(session, batch_id, last)
        names = [f"{BY_KEY[row.sheet].title} {row.key}" for row in later]
        shown = str(Hindrance(names, count))
        raise Conflict("estate.batch_changed", batch=batch_id, count=count, shown=shown)


def _check_owners(session: Session, batch_id: int, *changed: Mapping[str, Iterable[Key]]) -> None:
    """What was moved along with what it belongs to is another's without a change of its own."""
    if reach_of(session).office:
        return
    moved = 0
    for keys in changed:
        for sheet, own in keys.items():
            with unrestricted(session):
                rows = repository.current_rows(session, sheet, set(own))
            ids = [row["id"] for row in rows.values()]
            moved += len(ids) - history.count_writable(session, sheet, ids)
    if moved:
        raise Conflict("estate.batch_moved", batch=batch_id, count=moved)


def _check_dependents(
    session: Session,
    batch_id: int,
    changes: Sequence[Any],
    created: Mapping[str, Collection[Key]],
) -> None:
    naming = find_naming(session, created)
    last = max((change.id for change in changes), default=0)
    with unrestricted(session):
        taken = _taken_from(session, last, created.get("prefixes", ()))
    # the pool is the batch's unit's own, so what was taken from it may be told
    found = Hindrance([*naming.names, *taken], naming.count + len(taken))
    if found.count:
        raise Conflict("estate.batch_depended", batch=batch_id, count=found.count, shown=str(found))


def _taken_from(session: Session, last: int, pools: Collection[Key]) -> list[str]:
    """Prefixes that were taken from `pools` after entry `last` of the log and are still there."""
    if not pools:
        return []
    sheet, leaving = BY_KEY["prefixes"], {key_text(key) for key in pools}
    taken = dict.fromkeys(
        sheet.key_of(take.key)
        for take in history.takes_after(session, last)
        if take.pool in leaving
    )
    there = repository.current_rows(session, sheet.key, set(taken))
    return [f"{sheet.title} {key_text(key)}" for key in taken if key in there]


def _restored(
    session: Session, sheet: str, before: Mapping[Key, Mapping[str, Any]], found: Undone
) -> list[dict[str, Any]]:
    """Rows as they are with what they were before."""
    columns = BY_KEY[sheet].by_key
    rows = []
    for key, stored in repository.current_rows(session, sheet, before).items():
        row = {name: value for name, value in stored.items() if name != "state"}
        for name, value in before[key].items():
            if columns[name].personal:
                found.personal += 1
            elif columns[name].kind == "date" and value is not None:
                row[name] = date.fromisoformat(value)
            else:
                row[name] = value
        rows.append(row | {"updated_at": clock.now()})
    if rows:
        found.restored[sheet] = len(rows)
    return rows


def _check_restored(
    session: Session,
    principal: Principal,
    batch_id: int,
    restored: Mapping[str, Sequence[Mapping[str, Any]]],
) -> None:
    """What was right before may not be so now: it passes the rules of an import."""
    sheets = [
        raw
        for key, rows in restored.items()
        if rows
        for raw in as_file(
            BY_KEY[key], [whole_record(BY_KEY[key], row) for row in rows], "undo"
        ).sheets
    ]
    if not sheets:
        return
    report = service.check_raw(session, principal, RawFile("undo", "", sheets))
    faults = [fault for fault in report.faults if fault.severity == "error"]
    if faults:
        shown = texts.listed(f"{fault.sheet} {fault.message}" for fault in faults[:SHOWN])
        raise Conflict("estate.batch_depended", batch=batch_id, count=len(faults), shown=shown)


def _settle(
    session: Session, principal: Principal, batch_id: int, changes: Sequence[Any], found: Undone
) -> None:
    now = clock.now()
    if not history.mark_undone(session, batch_id, now, principal.name):
        raise Conflict("estate.batch_undone", batch=batch_id)
    entries = (
        Entry(change.sheet, change.key, change.unit_code, "undo", None, change.before)
        for change in changes
    )
    history.log_changes(session, entries, at=now, principal=principal.name, reason=f"#{batch_id}")
    audit.record(
        session, principal, "undo", "register", f"batch-{batch_id}",
        removed=found.removed, restored=found.restored,
    )  # fmt: skip
