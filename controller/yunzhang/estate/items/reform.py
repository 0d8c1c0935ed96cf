"""Institutional reform: units are renamed and merged, things change hands, people hand over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from yunzhang import audit, clock
from yunzhang.db import Session
from yunzhang.errors import Conflict, InputError, NotFound
from yunzhang.estate import history, repository
from yunzhang.estate.history import Entry
from yunzhang.estate.importing.known import key_text
from yunzhang.estate.items import repository as item_repository
from yunzhang.estate.items.lifecycle import owning_unit
from yunzhang.estate.models import Responsibility
from yunzhang.estate.workbooks.cells import CellError
from yunzhang.estate.workbooks.sheets import BY_KEY, SHEETS
from yunzhang.estate.workbooks.values import reader
from yunzhang.units.models import Person, Unit
from yunzhang.units.scope import Principal, doing

DECISION = "accept"
# What goes along with a thing that changes hands: its sheet → (sheet, column that names it).
FOLLOWERS = {
    "systems": (("workloads", "system_code"),),
    "networks": (("circuits", "network_code"),),
}
ERASED = "—"


@doing(DECISION)
def rename_unit(
    session: Session,
    principal: Principal,
    code: str,
    name: str,
    *,
    reason: str = "",
    dry_run: bool = False,
) -> Unit:
    """Give a unit another name; the old one becomes an alias.

    Raises NotFound `estate.item_unknown`; InputError for what is no name; Conflict
    `estate.unit_ended`, `unit_named` already so.
    """
    unit, name = _open_unit(session, code), _read_name(name)
    if unit.name == name:
        raise Conflict("estate.unit_named", unit=code, name=name)
    aliases = [alias for alias in (*unit.aliases, unit.name) if alias != name]
    change = {"name": name, "aliases": list(dict.fromkeys(aliases))}
    if not dry_run:
        entries = [_change(session, "units", unit, "rename", change)]
        _settle(session, principal, "rename", code, entries, reason, name=name)
    return unit


@doing(DECISION)
def merge_units(
    session: Session,
    principal: Principal,
    codes: Collection[str],
    into: str,
    *,
    reason: str = "",
    dry_run: bool = False,
) -> dict[str, int]:
    """Give all that units have to their successor and close them; rows by sheet key.

    Grants stay as they are: who managed a part does not manage the whole by a merger.
    Raises NotFound `estate.item_unknown`; Conflict `estate.unit_ended`; InputError `merge_itself`.
    """
    repository.lock_register(session)
    if into in codes or not codes:
        raise InputError("estate.merge_itself", unit=into)
    successor = _open_unit(session, into)
    units = [_open_unit(session, code) for code in dict.fromkeys(codes)]
    entries: list[Entry] = []
    moved: Counter[str] = Counter()
    aliases, above = list(successor.aliases), _new_parent(session, successor, set(codes))
    for unit in units:
        for sheet, column, row in _held_by(session, unit.code):
            moved[sheet] += 1
            if not dry_run and row is not successor:
                entries.append(_change(session, sheet, row, "merge", {column: into}))
        aliases += [unit.name, *unit.aliases]
    if dry_run:
        return dict(moved)
    now = clock.now()
    for unit in units:
        closing = {"valid_to": now.date(), "replaced_by": into, "state": "closed"}
        entries.append(_change(session, "units", unit, "close", closing))
    known = {
        "aliases": [name for name in dict.fromkeys(aliases) if name != successor.name],
        "parent_code": above,
    }
    entries.append(_change(session, "units", successor, "merge", known))
    _settle(session, principal, "merge", into, entries, reason, merged=list(codes), moved=moved)
    return dict(moved)


@doing(DECISION)
def move_items(
    session: Session,
    principal: Principal,
    items: Iterable[tuple[str, str]],
    into: str,
    *,
    reason: str = "",
    dry_run: bool = False,
) -> dict[str, int]:
    """Give chosen (sheet, code) to another unit, with what goes along; rows by sheet key.

    Raises NotFound `estate.item_unknown`; Conflict `estate.unit_ended`; InputError `not_movable`.
    """
    repository.lock_register(session)
    _open_unit(session, into)
    rows: dict[tuple[str, int], Any] = {}
    for noun, code in items:
        sheet = BY_KEY.get(noun)
        if sheet is None or not sheet.coded or "unit_code" not in sheet.by_key:
            raise InputError("estate.not_movable", sheet=noun)
        row = item_repository.find_items(session, noun, [(code,)]).get((code,))
        if row is None:
            raise NotFound("estate.item_unknown", sheet=sheet.title, key=code)
        rows[noun, row.id] = row
        for follower, column in FOLLOWERS.get(noun, ()):
            for each in item_repository.items_where(session, follower, **{column: code}):
                if each.unit_code == row.unit_code:
                    rows[follower, each.id] = each
    moving = [(noun, row) for (noun, _), row in rows.items() if row.unit_code != into]
    if not dry_run and moving:
        entries = [_change(session, noun, row, "move", {"unit_code": into}) for noun, row in moving]
        _settle(session, principal, "move", into, entries, reason)
    return dict(Counter(noun for noun, _ in moving))


@doing("import")
def hand_over(
    session: Session,
    principal: Principal,
    giver: str,
    taker: str,
    *,
    day: date | None = None,
    reason: str = "",
    dry_run: bool = False,
) -> int:
    """End all responsibilities of a person and begin them for another on `day`; how many.

    What ends on a day ends then for the taker, too. What the taker already holds for as long is
    only ended for the giver. Raises NotFound
    `estate.item_unknown`; InputError `estate.handover_itself`; Conflict `estate.handover_early`
    when the day is not after the beginning of one of them.
    """
    repository.lock_register(session)
    if giver == taker:
        raise InputError("estate.handover_itself", person=giver)
    day = day or clock.now().date()
    for code in (giver, taker):
        _person(session, code)
    duties = [d for d in _duties(session, giver) if d.valid_to is None or d.valid_to >= day]
    held = _Held(_duties(session, taker), day)
    early = [duty for duty in duties if duty.valid_from >= day]
    if early:
        raise Conflict("estate.handover_early", day=day, key=early[0].object_code)
    if dry_run or not duties:
        return len(duties)
    entries = []
    for duty in duties:
        # before the giver's is ended: how long it lasts is asked of it
        if own := held.growing(duty):
            longer = {"valid_to": duty.valid_to}
            entries.append(_change(session, "responsibilities", own, "hand_over", longer))
        elif not held.covers(duty):
            begun, entry = _begin(session, duty, taker, day)
            held.rows.append(begun)
            entries.append(entry)
        ends = {"valid_to": day - timedelta(days=1)}
        entries.append(_change(session, "responsibilities", duty, "hand_over", ends))
    _settle(session, principal, "hand_over", f"person:{giver}", entries, reason, taker=taker)
    return len(duties)


@doing(DECISION)
def erase_person(
    session: Session, principal: Principal, code: str, *, reason: str = "", dry_run: bool = False
) -> None:
    """Forget a person's name and phone; what they answered for stays, by code.

    Raises NotFound `estate.item_unknown`; Conflict `estate.person_active` while they answer for
    anything.
    """
    person = _person(session, code)
    today = clock.now().date()
    if any(d.valid_to is None or d.valid_to >= today for d in _duties(session, code)):
        raise Conflict("estate.person_active", person=code)
    if not dry_run:
        entries = [_change(session, "persons", person, "erase", {"name": ERASED, "phone": ""})]
        _settle(session, principal, "erase", f"person:{code}", entries, reason)


@dataclass(slots=True)
class _Held:
    """Responsibilities of the taker, before and during a handover on `day`."""

    rows: list[Responsibility]
    day: date

    def _same(self, duty: Responsibility) -> Iterator[Responsibility]:
        for row in self.rows:
            if all(getattr(row, n) == getattr(duty, n) for n in ("object_sheet", "object_code",
                                                                  "duty")):  # fmt: skip
                yield row

    def covers(self, duty: Responsibility) -> bool:
        """Whether the taker answers for it from the day on, for as long as the giver did."""
        return any(
            row.valid_from <= self.day and _lasts(row, duty.valid_to) for row in self._same(duty)
        )

    def growing(self, duty: Responsibility) -> Responsibility | None:
        """The taker's row that begins on the day already, but ends too early."""
        return next(
            (
                row
                for row in self._same(duty)
                if row.valid_from == self.day and not _lasts(row, duty.valid_to)
            ),
            None,
        )


def _lasts(row: Responsibility, until: date | None) -> bool:
    return row.valid_to is None or (until is not None and row.valid_to >= until)


def _read_name(name: str) -> str:
    """A unit's name as the register's sheet takes it. Raises InputError `estate.*`."""
    column = BY_KEY["units"].by_key["name"]
    try:
        found = reader(column)(name)
    except CellError as error:
        raise InputError(f"estate.{error.code}", **error.values) from None
    if not found:
        raise InputError("estate.required", column=column.header)
    return str(found)


def _new_parent(session: Session, successor: Unit, merged: Collection[str]) -> str | None:
    """The unit above the successor once `merged` are closed: none of them, nor below one of them.

    Else a successor far below what is merged into it would stand above its own ancestors.
    """
    parent, above = successor.parent_code, successor.parent_code
    seen: set[str] = set()
    while above is not None and above not in seen:
        seen.add(above)
        unit = item_repository.find_items(session, "units", [(above,)]).get((above,))
        above = unit.parent_code if unit else None
        if unit and unit.code in merged:
            parent = above
    return parent


def _open_unit(session: Session, code: str) -> Unit:
    unit: Unit | None = item_repository.find_items(session, "units", [(code,)]).get((code,))
    if unit is None:
        raise NotFound("estate.item_unknown", sheet=BY_KEY["units"].title, key=code)
    if unit.valid_to is not None:
        raise Conflict("estate.unit_ended", unit=code, now=unit.replaced_by or "-")
    return unit


def _person(session: Session, code: str) -> Person:
    person: Person | None = item_repository.find_items(session, "persons", [(code,)]).get((code,))
    if person is None:
        raise NotFound("estate.item_unknown", sheet=BY_KEY["persons"].title, key=code)
    return person


def _duties(session: Session, person: str) -> list[Responsibility]:
    return item_repository.items_where(session, "responsibilities", person_code=person)


def _held_by(session: Session, unit: str) -> list[tuple[str, str, Any]]:
    """(sheet, column, row) of all that names the unit."""
    return [
        (sheet.key, column.key, row)
        for sheet in SHEETS
        for column in sheet.columns
        if column.reference == "units"
        for row in item_repository.items_where(session, sheet.key, **{column.key: unit})
    ]


def _change(session: Session, noun: str, row: Any, act: str, values: dict[str, Any]) -> Entry:
    """Set values on a row that was just read, under its revision; the entry for the log."""
    sheet = BY_KEY[noun]
    before = {name: getattr(row, name) for name in values}
    repository.update_rows(
        session, noun,
        [{"id": row.id, "revision": row.revision, "updated_at": clock.now(), **values}],
    )  # fmt: skip
    session.refresh(row)
    key = key_text(tuple(getattr(row, name) for name in sheet.identity))
    return Entry(noun, key, owning_unit(session, sheet, row), act, before, values)


def _begin(
    session: Session, duty: Responsibility, taker: str, day: date
) -> tuple[Responsibility, Entry]:
    now = clock.now()
    values = {
        "object_sheet": duty.object_sheet,
        "object_code": duty.object_code,
        "duty": duty.duty,
        "person_code": taker,
        "valid_from": day,
        "valid_to": duty.valid_to,
    }
    row = Responsibility(**values, state="draft", created_at=now, updated_at=now)
    session.add(row)
    session.flush()
    sheet = BY_KEY["responsibilities"]
    key = key_text(tuple(values[name] for name in sheet.identity))
    return row, Entry(sheet.key, key, owning_unit(session, sheet, row), "create", None, values)


def _settle(
    session: Session,
    principal: Principal,
    act: str,
    reference: str,
    entries: list[Entry],
    reason: str,
    **details: Any,
) -> None:
    history.log_changes(session, entries, at=clock.now(), principal=principal.name, reason=reason)
    audit.record(
        session, principal, act, "register", reference, reason=reason, changed=len(entries),
        **details,
    )  # fmt: skip
