"""What a foreign file becomes: rows of our sheets, and an account of every row of the file."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from yunzhang import texts
from yunzhang.errors import InputError
from yunzhang.estate.workbooks.files import RawFile, RawSheet
from yunzhang.estate.workbooks.report import ImportReport
from yunzhang.estate.workbooks.sheets import BY_KEY

Outcome = Literal["created", "changed", "unchanged", "refused"]
OUTCOMES: tuple[Outcome, ...] = ("created", "changed", "unchanged", "refused")
_ACTIONS: Mapping[str, Outcome] = {"create": "created", "update": "changed"}
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


class Origin(NamedTuple):
    """A row of the foreign file. `row`: as Excel counts, or the place in a list, from 1."""

    sheet: str
    row: int
    name: str


class Place(NamedTuple):
    """A row of one of our sheets, as the pipeline counts it."""

    sheet: str
    row: int


@dataclass(frozen=True, slots=True)
class Account:
    """What became of one row. `target`: the row of ours it is in; `reason`: why it is refused.

    `warnings`: what of it stands in no column of ours, though the row itself is good.
    """

    origin: Origin
    outcome: Outcome
    target: str
    reason: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Assumed:
    """What a foreign file does not say: whose things are, and where they belong.

    `tenants`: the file's names of tenants or projects → our units. `domain`: the address domain of
    networks and addresses; without it they are only noted.
    """

    unit: str | None = None
    tenants: Mapping[str, str] = field(default_factory=dict)
    domain: str | None = None
    system: str | None = None
    division: str | None = None
    zone: str = "private"

    def unit_of(self, tenant: str | None) -> str | None:
        """The unit of a tenant: as mapped, else the one for all."""
        return self.tenants.get(tenant, self.unit) if tenant else self.unit


def read_tenant(written: str) -> tuple[str, str]:
    """Tenant and unit of `TENANT=UNIT`. Raises InputError `foreign.tenant_bad`."""
    name, equals, unit = written.rpartition("=")
    if not equals or not name or not unit:
        raise InputError("foreign.tenant_bad", value=written)
    return name, unit


class Conversion:
    """Collects rows of our sheets and what became of the file's."""

    def __init__(self) -> None:
        self._rows: dict[str, list[dict[str, Any]]] = {}
        self._codes: dict[tuple[str, str], Place] = {}
        self._followers: list[tuple[Origin, Place]] = []
        self._refused: list[tuple[Origin, str, dict[str, Any]]] = []
        self._warnings: dict[Origin, list[str]] = {}

    def add(self, sheet: str, origin: Origin | None, values: Mapping[str, Any]) -> Place:
        """A row of ours; columns that the sheet does not have are left out."""
        rows = self._rows.setdefault(sheet, [])
        known = BY_KEY[sheet].by_key
        rows.append({key: value for key, value in values.items() if key in known})
        place = Place(sheet, len(rows) + 1)
        if origin:
            self._followers.append((origin, place))
        return place

    def add_once(self, sheet: str, origin: Origin | None, values: Mapping[str, Any]) -> Place:
        """As `add`, but a code that is there already is only referred to."""
        key = (sheet, str(values["code"]))
        if key not in self._codes:
            self._codes[key] = self.add(sheet, origin, values)
        elif origin:
            self.follow(origin, self._codes[key])
        return self._codes[key]

    def follow(self, origin: Origin, place: Place) -> None:
        """A row of the file that is part of a row of ours and shares its fate."""
        self._followers.append((origin, place))

    def refuse(self, origin: Origin, reason: str, **values: Any) -> None:
        """A row of the file that becomes nothing; `foreign.refused_<reason>` says why."""
        self._refused.append((origin, reason, values))

    def warn(self, origin: Origin, warnings: Iterable[str]) -> None:
        """What of a row of the file is only noted, or not kept at all."""
        self._warnings.setdefault(origin, []).extend(warnings)

    def raw(self, name: str, sha256: str) -> RawFile:
        """The rows as a file of the register's own layout."""
        sheets = []
        for key, rows in self._rows.items():
            columns = [c for c in BY_KEY[key].columns if any(c.key in row for row in rows)]
            columns += [c for c in BY_KEY[key].columns if c.required and c not in columns]
            cells = [[row.get(c.key) or row.get(c.key, "") for c in columns] for row in rows]
            sheets.append(RawSheet(key, [[c.key for c in columns], *cells]))
        return RawFile(name, sha256, sheets)

    def accounts(self, report: ImportReport) -> list[Account]:
        """Every row of the file with what the pipeline did with it, in the file's order."""
        actions = {Place(change.sheet, change.row): change for change in report.changes}
        reasons: dict[Place, list[str]] = {}
        keys = {sheet.title: key for key, sheet in BY_KEY.items()}
        for fault in report.faults:
            if fault.severity == "error" and fault.sheet in keys:
                said = f"{fault.column}: {fault.message}"
                reasons.setdefault(Place(keys[fault.sheet], fault.row), []).append(said)
        found = [
            Account(origin, "refused", "", texts.text(f"foreign.refused_{reason}", **values))
            for origin, reason, values in self._refused
        ]
        for origin, place in self._followers:
            change = actions[place]
            outcome = _ACTIONS.get(change.action, "unchanged")
            why = ""
            if change.action in ("bad", "held"):
                outcome = "refused"
                held = texts.text("foreign.refused_held")
                why = "; ".join(reasons.get(place, [held]))
            target = f"{place.sheet}/{change.key}"
            warnings = () if outcome == "refused" else tuple(self._warnings.get(origin, ()))
            found.append(Account(origin, outcome, target, why, warnings))
        return sorted(found, key=lambda account: (account.origin.sheet, account.origin.row))


@dataclass(slots=True)
class ForeignReport:
    """The pipeline's report on the converted rows, and the account of the file's own."""

    format: str
    report: ImportReport
    accounts: list[Account]

    @property
    def counts(self) -> dict[str, Counter[Outcome]]:
        """Rows by sheet (or model) of the file and outcome."""
        found: dict[str, Counter[Outcome]] = {}
        for account in self.accounts:
            found.setdefault(account.origin.sheet, Counter())[account.outcome] += 1
        return found


def make_code(*parts: str) -> str:
    """A code (编号) from foreign names: plain where they are plain, else with a short digest."""
    joined = "-".join(part for part in parts if part)
    plain = _UNSAFE.sub("-", joined).strip("-._")
    if plain == joined and len(plain) <= 64:
        return plain
    digest = hashlib.sha256(joined.encode()).hexdigest()[:8]
    return f"{plain[:50]}-{digest}".lstrip("-")


def tell_apart(code: str, marks: Sequence[str]) -> list[str]:
    """Codes of several things that would all be `code`, a mark for each.

    A code depends on its own mark only (a route distinguisher, a group), so that it stays when the
    file holds more or other things; things without a mark of their own are counted.
    """
    if len(marks) < 2:
        return [code for _ in marks]
    seen: Counter[str] = Counter()
    codes = []
    for mark in marks:
        seen[mark] += 1
        told = f"{mark}\0{seen[mark]}" if seen[mark] > 1 else mark
        codes.append(f"{code[:50]}-{hashlib.sha256(told.encode()).hexdigest()[:8]}")
    return codes


def gib(mib: float) -> int:
    """MiB as whole GiB, never less than there is."""
    return -int(-mib // 1024)
