"""The life of a register item: which states follow which, who decides, and what must hold first."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from yunzhang import audit, clock, texts
from yunzhang.db import Session
from yunzhang.db.states import advance as advance_state
from yunzhang.errors import Conflict, InputError, NotFound
from yunzhang.estate import history, repository
from yunzhang.estate.history import Entry
from yunzhang.estate.importing.known import Key, key_text
from yunzhang.estate.items import repository as item_repository
from yunzhang.estate.workbooks.sheets import BY_KEY, Sheet, find_sheet
from yunzhang.units.scope import Principal, acting, doing, unrestricted

TRANSITIONS: Mapping[str, frozenset[str]] = {
    "draft": frozenset({"submitted"}),
    "returned": frozenset({"submitted"}),
    "submitted": frozenset({"verified", "returned"}),
    "verified": frozenset({"to_migrate", "retained", "returned", "doubtful", "closed"}),
    "to_migrate": frozenset({"migrating", "verified", "doubtful"}),
    "migrating": frozenset({"merged", "to_migrate"}),
    "merged": frozenset({"observed", "migrating"}),
    "observed": frozenset({"closed", "merged"}),
    "retained": frozenset({"verified", "doubtful"}),
    "doubtful": frozenset({"verified", "closed"}),
    "closed": frozenset({"archived"}),
    "archived": frozenset(),
}
STATES = tuple(TRANSITIONS)
# The act somebody must be allowed to do; what is not here is the office's decision.
ACTS = {"submitted": "import", "migrating": "run", "merged": "run", "observed": "run"}
DECISION = "accept"
# Things somebody must answer for before they count as verified.
ANSWERED_FOR = frozenset({"sites", "networks", "egresses", "platforms", "systems"})
ENDED = frozenset({"closed", "archived"})


@dataclass(frozen=True, slots=True)
class Step:
    """A wanted transition. `reasons`: column → what is wrong there. `evidence`: a document."""

    to: str
    reason: str = ""
    evidence: str = ""
    reasons: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one item may not make a step: the field and the key of a text."""

    key: str
    column: str
    code: str

    @property
    def message(self) -> str:
        """Why, in the current language."""
        return texts.text(f"estate.{self.code}")

    def __str__(self) -> str:
        told = self.message
        return f"{self.key} {self.column}: {told}" if self.column else f"{self.key}: {told}"


class StepRefused(Conflict):
    """Items may not make a step; `refusals` has every reason of every item."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        told = "; ".join(str(refusal) for refusal in refusals)
        super().__init__("estate.step_refused", count=len(refusals), reasons=told)
        self.refusals = tuple(refusals)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.refusals,)


@dataclass(frozen=True, slots=True)
class _Item:
    session: Session
    sheet: Sheet
    row: Any
    step: Step
    today: date

    @property
    def code(self) -> str:
        return str(getattr(self.row, "code", ""))


Guard = Callable[[_Item], Iterator[tuple[str, str]]]


def _answered_for(item: _Item) -> Iterator[tuple[str, str]]:
    if item.sheet.key not in ANSWERED_FOR:
        return
    duties = item_repository.items_where(
        item.session, "responsibilities",
        object_sheet=item.sheet.key, object_code=item.code, duty="responsible",
    )  # fmt: skip
    if not any(duty.valid_to is None or duty.valid_to >= item.today for duty in duties):
        yield "responsibilities", "guard_responsible"


def _decided(item: _Item) -> Iterator[tuple[str, str]]:
    if "disposition" not in item.sheet.by_key:
        return
    disposition = item.row.disposition
    if disposition in (None, "retain"):
        yield "disposition", "guard_disposition"
    elif disposition != "retire":
        column = "target_code" if "target_code" in item.sheet.by_key else "target"
        if not getattr(item.row, column):
            yield column, "guard_target"


def _kept_by_document(item: _Item) -> Iterator[tuple[str, str]]:
    if "disposition" not in item.sheet.by_key:
        yield "", "guard_not_retainable"
        return
    if item.row.disposition != "retain":
        yield "disposition", "guard_retain"
    if not item.row.legal_basis:
        yield "legal_basis", "guard_document"
    if item.row.disposition_until is None or item.row.disposition_until <= item.today:
        yield "disposition_until", "guard_expiry"


def _proven_silent(item: _Item) -> Iterator[tuple[str, str]]:
    if not item.step.evidence:
        yield "", "guard_evidence"
    if item.sheet.key == "networks":
        lines = item_repository.items_where(item.session, "circuits", network_code=item.code)
        if any(line.state not in ENDED for line in lines):
            yield "circuits", "guard_circuits"


def _says_why(item: _Item) -> Iterator[tuple[str, str]]:
    if not item.step.reasons:
        yield "", "guard_reasons"
    for column in item.step.reasons:
        if column not in item.sheet.by_key:
            yield column, "guard_column"


def _says_reason(item: _Item) -> Iterator[tuple[str, str]]:
    if not item.step.reason:
        yield "", "guard_reason"


GUARDS: Mapping[str, Guard] = {
    "verified": _answered_for,
    "to_migrate": _decided,
    "retained": _kept_by_document,
    "closed": _proven_silent,
    "returned": _says_why,
    "doubtful": _says_reason,
}


def advance_items(
    session: Session,
    principal: Principal,
    noun: str,
    keys: Collection[str],
    step: Step,
    *,
    dry_run: bool = False,
) -> int:
    """Let items make a step, all of them or none; how many.

    Raises NotFound `estate.noun_unknown`, `item_unknown`; InputError `state_unknown`; StepRefused
    with every reason of every item; `db.transition_lost` when somebody was first.
    """
    if step.to not in TRANSITIONS:
        raise InputError("estate.state_unknown", state=step.to, known=texts.listed(STATES))
    sheet = find_sheet(noun)
    if sheet is None:
        raise NotFound("estate.noun_unknown", noun=noun, known=texts.listed(BY_KEY))
    with acting(session, principal, ACTS.get(step.to, DECISION)):
        items = _find(session, sheet, keys)
        refusals = [each for row in items.values() for each in _refusals(session, sheet, row, step)]
        if refusals:
            raise StepRefused(refusals)
        if not dry_run:
            _advance(session, principal, sheet, items, step)
    return len(items)


def _find(session: Session, sheet: Sheet, keys: Collection[str]) -> dict[Key, Any]:
    wanted: dict[Key, str] = {}
    for text in keys:
        try:
            wanted[sheet.key_of(text)] = text
        except ValueError:
            raise NotFound("estate.item_unknown", sheet=sheet.title, key=text) from None
    found = item_repository.find_items(session, sheet.key, wanted)
    missing = [text for key, text in wanted.items() if key not in found]
    if missing:
        raise NotFound("estate.item_unknown", sheet=sheet.title, key=texts.listed(missing[:5]))
    return {key: found[key] for key in wanted}


def _refusals(session: Session, sheet: Sheet, row: Any, step: Step) -> list[Refusal]:
    key = key_text(tuple(getattr(row, name) for name in sheet.identity))
    if step.to not in TRANSITIONS.get(row.state, frozenset()):
        return [Refusal(key, row.state, "guard_state")]
    guard = GUARDS.get(step.to)
    if guard is None:
        return []
    item = _Item(session, sheet, row, step, clock.now().date())
    # whoever decides: what stands in the way may be another unit's, as a line of a network
    with unrestricted(session):
        return [Refusal(key, column, code) for column, code in guard(item)]


def _advance(
    session: Session, principal: Principal, sheet: Sheet, items: Mapping[Key, Any], step: Step
) -> None:
    now = clock.now()
    entries = []
    for key, row in items.items():
        before = row.state
        reasons = dict(step.reasons) or None
        advance_state(
            session, row, step.to, TRANSITIONS, reasons=reasons, updated_at=now,
            updated_by=principal.name,
        )  # fmt: skip
        after: dict[str, Any] = {"state": step.to}
        after |= {"evidence": step.evidence} if step.evidence else {}
        after |= {"reasons": reasons} if reasons else {}
        unit = owning_unit(session, sheet, row)
        entries.append(Entry(sheet.key, key_text(key), unit, "state", {"state": before}, after))
    history.log_changes(session, entries, at=now, principal=principal.name, reason=step.reason)
    audit.record(
        session, principal, "advance", sheet.key, entries[0].key if len(entries) == 1 else "",
        to=step.to, keys=[entry.key for entry in entries], reason=step.reason,
    )  # fmt: skip


def owning_unit(session: Session, sheet: Sheet, row: Any) -> str | None:
    """The unit an item belongs to, through what it is a part of."""
    while sheet.key in repository.OWNED_THROUGH:
        column, parent = repository.OWNED_THROUGH[sheet.key]
        code = getattr(row, column)
        row = item_repository.find_items(session, parent, [(code,)]).get((code,))
        if row is None:
            return None
        sheet = BY_KEY[parent]
    code = row.code if sheet.key == "units" else row.unit_code
    return str(code)


@doing("import")
def reopen_expired(session: Session, principal: Principal) -> int:
    """Items retained until a day that has passed are verified again, to be decided anew."""
    count, today = 0, clock.now().date()
    for sheet in BY_KEY.values():
        if "disposition_until" not in sheet.by_key:
            continue
        rows = item_repository.items_where(session, sheet.key, state="retained")
        expired = {
            tuple(getattr(row, name) for name in sheet.identity): row
            for row in rows
            if row.disposition_until is None or row.disposition_until < today
        }
        if expired:
            step = Step("verified", reason=texts.text("estate.retention_expired"))
            _advance(session, principal, sheet, expired, step)
            count += len(expired)
    return count
