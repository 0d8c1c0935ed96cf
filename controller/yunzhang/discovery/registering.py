"""Making the register's workloads from machines that are in no register.

What was seen is taken as it was seen; a `Rule` says what nobody can see: the system, and through it
the unit, and how the workload is to be called. The rows go through the register's own import, so
that its rules, its change log and its undoing hold for them as for a workbook's.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from yunzhang import texts
from yunzhang.db import Session
from yunzhang.discovery import register
from yunzhang.discovery import repository as readings
from yunzhang.discovery.machines import MACHINE_KINDS, Card, cards_of
from yunzhang.discovery.models import DiscoveryRun, Finding, ObservedItem
from yunzhang.errors import Conflict, InputError, YunzhangError
from yunzhang.estate import service as estate
from yunzhang.estate.items.editing import MOST
from yunzhang.estate.items.records import as_file
from yunzhang.estate.workbooks.files import RawFile
from yunzhang.estate.workbooks.report import ImportReport
from yunzhang.estate.workbooks.sheets import BY_KEY
from yunzhang.units.scope import Principal, unrestricted

CODE = "{project}-{name}"
# Of a machine that stands among registered ones, but not in their address domain.
NO_DOMAIN = "-"
_APART = re.compile(r"[^A-Za-z0-9._-]+")
# Columns that are taken as they were seen. A machine's cards become rows of their own.
_SEEN = ("vcpu", "ram_mib", "disk_gib", "data_gib", "platform_uuid", "power")
# Longest code of the register.
_LONGEST = 64


@dataclass(frozen=True, slots=True)
class Rule:
    """What becomes of machines of a project and name (patterns with * and ?).

    `code` may have {project}, {name}, {source} and {system} in it. Empty `unit`: the system's.
    Empty `platform`: the source's, or the unit's among them. Empty `domain`: that of the
    workloads that are registered beside it, where it is one; "-": none. `disk_gib`: where it was
    not seen.
    """

    system: str
    project: str = "*"
    name: str = "*"
    code: str = CODE
    unit: str = ""
    platform: str = ""
    domain: str = ""
    disk_gib: int | None = None

    def fits(self, project: str, name: str) -> bool:
        """Whether it speaks of such a machine."""
        return fnmatchcase(project, self.project) and fnmatchcase(name, self.name)


@dataclass(slots=True)
class Registered:
    """What came of it, by number of the finding: codes of workloads, and why there is none."""

    codes: dict[int, str] = field(default_factory=dict)
    refused: dict[int, YunzhangError] = field(default_factory=dict)
    batch: int | None = None


@dataclass(frozen=True, slots=True)
class _Machine:
    finding: Finding
    project: str
    cards: Sequence[Card]

    @property
    def values(self) -> Mapping[str, Any]:
        seen: Mapping[str, Any] = self.finding.details[0]
        return seen


def register_machines(
    session: Session, principal: Principal, rows: Sequence[Finding], rules: Sequence[Rule]
) -> Registered:
    """Make a draft of every machine the first rule that fits places; the others are refused.

    The rows are written in one import, good ones only; a card that breaks a rule is left out.
    Raises InputError `item.many`.
    """
    if len(rows) > MOST:
        raise InputError("item.many", count=len(rows), maximum=MOST)
    result = Registered()
    places = register.places(session)
    records: dict[int, dict[str, Any]] = {}
    cards: dict[int, Sequence[Card]] = {}
    for machine in _machines(session, rows, result):
        number = machine.finding.id
        try:
            records[number] = _record(machine, rules, places)
            cards[number] = machine.cards
        except InputError as error:
            result.refused[number] = error
    _refuse_taken(session, records, result)
    if records:
        _write(session, principal, records, cards, result)
    return result


def _machines(session: Session, rows: Iterable[Finding], result: Registered) -> list[_Machine]:
    by_source: dict[str, dict[str, Finding]] = defaultdict(dict)
    for row in rows:
        source = row.source or ""
        by_source[source][row.observed[0].removeprefix(f"{source}/")] = row
    # of whom a finding was told it may be made a workload, whoever may see the reading itself
    with unrestricted(session, DiscoveryRun, ObservedItem):
        return _found(session, by_source, result)


def _found(
    session: Session, by_source: Mapping[str, Mapping[str, Finding]], result: Registered
) -> list[_Machine]:
    found = []
    kinds = readings.source_kinds(session)
    for source, wanted in by_source.items():
        projects = readings.names_of(session, source, "projects")
        networks = readings.names_of(session, source, "networks")
        kind = MACHINE_KINDS[kinds[source]]
        items = {
            item.external_id: item for item in readings.find_items(session, source, kind, wanted)
        }
        for external_id, row in wanted.items():
            item = items.get(external_id)
            if item is None:
                result.refused[row.id] = Conflict("discovery.finding_changed", id=row.id)
                continue
            project = projects.get(item.project_id or "", item.project_id or "")
            cards = cards_of(kinds[source], item.payload, networks)
            found.append(_Machine(row, project, cards))
    return found


def _record(machine: _Machine, rules: Sequence[Rule], places: register.Places) -> dict[str, Any]:
    row, seen = machine.finding, machine.values
    rule = next((rule for rule in rules if rule.fits(machine.project, row.name)), None)
    if rule is None:
        raise InputError(
            "discovery.rule_missing", id=row.id, name=row.name, project=machine.project
        )
    unit = rule.unit or places.unit_of(rule.system)
    if unit is None:
        raise InputError("discovery.system_unknown", id=row.id, system=rule.system)
    platform = rule.platform or places.platform_of(row.source or "", machine.project, unit)
    if platform is None:
        known = texts.listed(places.platforms_of(row.source or ""))
        raise InputError("discovery.platform_missing", id=row.id, source=row.source, known=known)
    domain = _domain(rule, places.domain_of(platform, machine.project))
    # an address means something in a domain only: without one the unit has to say it
    cards = machine.cards if domain else ()
    pairs = [(card.network, ip) for card in cards for ip in card.addresses]
    return {
        "code": _code(rule, machine),
        "name": row.name,
        "system_code": rule.system,
        "unit_code": unit,
        "platform_code": platform,
        "project": machine.project,
        **{column: seen.get(column) for column in _SEEN},
        **({"disk_gib": rule.disk_gib} if seen.get("disk_gib") is None else {}),
        "domain_code": domain,
        "networks": [network for network, _ in pairs] if all(n for n, _ in pairs) else [],
        "addresses": [ip for _, ip in pairs],
    }


def _domain(rule: Rule, beside: str | None) -> str | None:
    return None if rule.domain == NO_DOMAIN else rule.domain or beside


def _code(rule: Rule, machine: _Machine) -> str:
    row = machine.finding
    words = {
        "project": machine.project, "name": row.name, "source": row.source or "",
        "system": rule.system,
    }  # fmt: skip
    code = rule.code
    for word, value in words.items():
        code = code.replace(f"{{{word}}}", value)
    return _APART.sub("-", code).strip("-._")[:_LONGEST]


def _refuse_taken(session: Session, records: dict[int, dict[str, Any]], result: Registered) -> None:
    """A code that is taken, in the register or by another machine, must not change what has it."""
    codes = [record["code"] for record in records.values()]
    taken = register.taken(session, codes)
    for number, record in list(records.items()):
        if record["code"] in taken or codes.count(record["code"]) > 1:
            result.refused[number] = Conflict("item.taken", key=record["code"])
            del records[number]


def _write(
    session: Session,
    principal: Principal,
    records: Mapping[int, Mapping[str, Any]],
    cards: Mapping[int, Sequence[Card]],
    result: Registered,
) -> None:
    numbers = list(records)
    sheets = [as_file(BY_KEY["workloads"], list(records.values()), "discovery").sheets[0]]
    own = [_card(records[n], place, card) for n in numbers for place, card in enumerate(cards[n])]
    if own:
        sheets.append(as_file(BY_KEY["nics"], own, "discovery").sheets[0])
    told = json.dumps([sheet.rows for sheet in sheets], ensure_ascii=False, default=str)
    raw = RawFile("discovery", hashlib.sha256(told.encode()).hexdigest(), sheets)
    report = estate.import_raw(session, principal, raw, "good")
    result.batch = report.batch_id
    actions = {
        change.row: change.action for change in report.changes if change.sheet == "workloads"
    }
    for place, number in enumerate(numbers, start=2):
        if actions[place] == "create":
            result.codes[number] = records[number]["code"]
        else:
            result.refused[number] = _why(report, number, place)


def _card(record: Mapping[str, Any], place: int, card: Card) -> dict[str, Any]:
    return {
        "workload_code": record["code"],
        "name": f"eth{place}",
        "mac": card.mac,
        "domain_code": record["domain_code"],
        "network_name": card.network if record["domain_code"] else "",
        "addresses": list(card.addresses) if record["domain_code"] else [],
    }


def _why(report: ImportReport, number: int, place: int) -> InputError:
    title = BY_KEY["workloads"].title
    faults = [f for f in report.faults if (f.sheet, f.row, f.severity) == (title, place, "error")]
    told = texts.listed(f"{fault.column} {fault.message}" for fault in faults)
    return InputError("discovery.rules_refuse", id=number, reasons=told)
