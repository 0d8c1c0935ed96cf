"""Reconciling the register with what sources saw, and keeping what is found.

The pure core (`reconciling`) says what is the case; here it is compared with the findings there
are. Reconciling again what has not changed writes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import Any

from yunzhang import audit, clock, settings
from yunzhang.db import Session, advance
from yunzhang.discovery import finding_repository as repository
from yunzhang.discovery import register
from yunzhang.discovery import repository as readings
from yunzhang.discovery.finding_states import ANSWERED, DECIDED, TRANSITIONS, recurring
from yunzhang.discovery.machines import MACHINE_KINDS, Declared, Lookup, Seen, Source, power_of, see
from yunzhang.discovery.models import Finding, UnitComparison
from yunzhang.discovery.reconciling import Found, LastSeen, Reconciled, Situation, reconcile
from yunzhang.units.scope import Principal, demand, doing


@dataclass(slots=True)
class Reconciliation:
    """What reconciling changed: references of workloads, keys of findings; and what is open."""

    opened: list[str] = field(default_factory=list)
    reopened: list[str] = field(default_factory=list)
    resolved: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    doubted: list[str] = field(default_factory=list)
    restored: list[str] = field(default_factory=list)
    matched: int = 0
    links: int = 0
    open: dict[str, int] = field(default_factory=dict)

    @property
    def changes(self) -> dict[str, int]:
        """How many of each, without those there were none of."""
        names = ("opened", "reopened", "resolved", "changed", "doubted", "restored")
        found = {name: len(getattr(self, name)) for name in names}
        return {name: count for name, count in {**found, "links": self.links}.items() if count}


@dataclass(frozen=True, slots=True)
class _Sides:
    declared: list[Declared]
    observed: list[Seen]
    situation: Situation
    proofs: Mapping[str, int]  # platform → the complete full run that proves absence on it


@doing("discover")
def reconcile_register(session: Session, principal: Principal) -> Reconciliation:
    """Compare the register with what every source was last seen to hold."""
    repository.lock(session)
    sides = _read_sides(session)
    found = reconcile(sides.declared, sides.observed, sides.situation)
    result = Reconciliation(matched=len(found.pairs))
    result.links = _keep_links(session, found)
    moving = {workload.ref for workload in sides.declared if workload.state == register.MOVING}
    standing = [f for f in found.findings if not moving.intersection(f.declared)]
    _keep_findings(session, principal, standing, sides, result)
    _keep_comparisons(session, found)
    session.flush()
    if result.changes:
        audit.record(session, principal, "reconcile", "register", "all", **result.changes)
    result.open = repository.counts(session)
    return result


def _read_sides(session: Session) -> _Sides:
    named = register.platforms(session)
    plain = register.sources(readings.source_kinds(session), named)
    told = any(source.kind == "facts" for source in plain)
    read = {platform for source in plain for platform in source.platforms}
    # a host that told its facts may be any workload; else only platforms that were read matter
    declared = list(register.workloads(session, named, None if told else read))
    domains = register.domains(declared)
    observed: list[Seen] = []
    provable: dict[str, int] = {}
    for bare in plain:
        source = Source(bare.name, bare.kind, bare.platforms, domains)
        base = readings.base_run(session, source.name)
        full = readings.base_run(session, source.name, mode="full")
        observed += _machines(session, source, base.id if base else 0)
        if full is not None and source.kind != "facts":
            provable.update(dict.fromkeys(source.platforms, full.id))
    last, confirmed = _links(session)
    situation = Situation(
        frozenset(provable), last, confirmed, {code: unit for code, _, unit in named}
    )
    return _Sides(declared, observed, situation, provable)


def _machines(session: Session, source: Source, since: int) -> Iterable[Seen]:
    lookup = Lookup()
    if source.kind == "openstack":
        volumes = readings.present_payloads(session, source.name, "volumes", since)
        lookup = Lookup(
            projects=readings.names_of(session, source.name, "projects"),
            volumes={volume: payload["size_gib"] for volume, payload in volumes},
        )
    kind = MACHINE_KINDS[source.kind]
    for external_id, payload in readings.present_payloads(session, source.name, kind, since):
        yield see(source, external_id, payload, lookup)


def _links(session: Session) -> tuple[dict[str, LastSeen], dict[str, str]]:
    """How each workload was last seen, and which matches persons confirmed."""
    kinds = readings.source_kinds(session)
    last: dict[str, LastSeen] = {}
    confirmed: dict[str, str] = {}
    for link in readings.links(session):
        ref = f"{link.cloud}/{link.external_id}"
        kind = kinds[link.cloud]
        last[link.workload_code] = _last_seen(kind, power_of(kind, link.status, link.power))
        if link.matched_by == "person":
            confirmed[ref] = link.workload_code
    return last, confirmed


@lru_cache(maxsize=64)
def _last_seen(kind: str, power: str | None) -> LastSeen:
    """One of the few there are, for many workloads."""
    return LastSeen(kind, power)


def _keep_links(session: Session, found: Reconciled) -> int:
    wanted = {
        item: (pair.declared, pair.rung)
        for pair in found.pairs
        for item in found.machines[pair.observed].items
    }
    return readings.link_items(session, MACHINE_KINDS.values(), wanted)


def _keep_findings(
    session: Session,
    principal: Principal,
    found: Iterable[Found],
    sides: _Sides,
    result: Reconciliation,
) -> None:
    wanted = {one.key: one for one in found}
    known = {row.key: row for row in repository.unresolved(session)}
    known |= {row.key: row for row in repository.by_keys(session, wanted.keys() - known.keys())}
    platforms = {workload.ref: workload.platform for workload in sides.declared}
    answered = {workload.ref for workload in sides.declared if workload.state in ANSWERED}
    for key, one in wanted.items():
        row = known.get(key)
        if row is None:
            row = _opened(session, one)
            result.opened.append(key)
        else:
            _found_again(session, row, one, answered.issuperset(one.declared), result)
        if one.kind == "declared_only":
            proof = sides.proofs[platforms[one.declared[0]]]
            _count_miss(session, principal, row, proof, result)
    for key in sorted(known.keys() - wanted.keys()):
        _resolve(session, principal, known[key], result)


def _fresh_state(one: Found) -> str:
    return "watching" if one.code == "missing" else "open"


def _opened(session: Session, one: Found) -> Finding:
    now = clock.now()
    row = Finding(
        key=one.key,
        kind=one.kind,
        state=_fresh_state(one),
        misses=0,
        opened_at=now,
        changed_at=now,
        **_said(one),
    )
    session.add(row)
    return row


def _said(one: Found) -> dict[str, Any]:
    return {
        "code": one.code,
        "unit_code": one.unit,
        "source": one.source,
        "name": one.name[:255],
        "declared": list(one.declared),
        "observed": list(one.observed),
        "details": [dict(detail) for detail in one.details],
        "fingerprint": one.fingerprint,
    }


def _found_again(
    session: Session, row: Finding, one: Found, answered: bool, result: Reconciliation
) -> None:
    said = _said(one)
    altered = {name: value for name, value in said.items() if getattr(row, name) != value}
    state = recurring(
        row.state,
        same=one.fingerprint == row.decided_fingerprint,
        answered=answered and bool(one.declared),
        decision=row.decision,
        until=row.until,
        today=clock.now().date(),
        fresh=_fresh_state(one),
    )
    if state != row.state:
        if row.state in ("resolved", "returned"):  # what was counted belongs to another absence
            altered |= {"misses": 0, "counted_run_id": None, "before_state": None}
            altered["opened_at"] = clock.now()
        if state not in DECIDED:
            result.reopened.append(row.key)
        advance(session, row, state, TRANSITIONS, changed_at=clock.now(), **altered)
    elif altered:
        result.changed.append(row.key)
        for name, value in altered.items():
            setattr(row, name, value)
        row.revision += 1
        row.changed_at = clock.now()


def _count_miss(
    session: Session, principal: Principal, row: Finding, proof: int, result: Reconciliation
) -> None:
    """Count a complete run that missed it, once; with enough of them the workload is doubtful."""
    if row.counted_run_id is None or proof > row.counted_run_id:
        row.misses, row.counted_run_id = row.misses + 1, proof
        row.changed_at = clock.now()
    current = settings.current()
    age = clock.now() - row.opened_at
    proven = row.misses >= current.missing_runs and age >= timedelta(days=current.missing_days)
    if not proven or row.state not in ("watching", "open") or row.before_state is not None:
        return
    if row.state == "watching":
        advance(session, row, "open", TRANSITIONS, changed_at=clock.now())
        result.reopened.append(row.key)
    code = row.declared[0]
    before = register.doubt(session, principal, code)
    if before is not None:
        row.before_state = before
        result.doubted.append(code)
        audit.record(
            session, principal, "doubt", "workload", code,
            before={"state": before}, after={"state": "doubtful"}, misses=row.misses,
        )  # fmt: skip


def _resolve(session: Session, principal: Principal, row: Finding, result: Reconciliation) -> None:
    """Both sides agree again, or one of them has left; a doubt that was raised is taken back."""
    if row.state == "resolved":
        return
    advance(session, row, "resolved", TRANSITIONS, changed_at=clock.now())
    result.resolved.append(row.key)
    if row.before_state is not None:
        code = row.declared[0]
        if register.undoubt(session, principal, code, row.before_state):
            result.restored.append(code)
            audit.record(
                session, principal, "restore", "workload", code,
                before={"state": "doubtful"}, after={"state": row.before_state},
            )  # fmt: skip


def _keep_comparisons(session: Session, found: Reconciled) -> None:
    known = {row.unit_code: row for row in repository.comparisons(session)}
    for unit, (compared, equal) in sorted(found.compared.items()):
        row = known.pop(unit, None)
        if row is None:
            session.add(
                UnitComparison(unit_code=unit, compared=compared, equal=equal, at=clock.now())
            )
        elif (row.compared, row.equal) != (compared, equal):
            row.compared, row.equal, row.at = compared, equal, clock.now()
    if known:
        repository.forget_comparisons(session, known.keys())


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How far a unit's declarations hold: fields compared, equal, and differing but decided."""

    unit: str
    compared: int
    equal: int
    settled: int

    @property
    def share(self) -> float | None:
        """(equal + settled) / compared; None where nothing was compared, which is not a score."""
        return (self.equal + self.settled) / self.compared if self.compared else None


def accuracy(
    session: Session, principal: Principal, units: Collection[str] | None = None
) -> list[Accuracy]:
    """The accuracy of units, or of all, at the latest reconciliation, by unit.

    A unit of which nothing was compared is not among them.
    """
    demand(principal, "read")
    settled: Counter[str | None] = Counter()
    for unit, details in repository.settled_details(session, units):
        settled[unit] += len(details)
    return [
        Accuracy(row.unit_code, row.compared, row.equal, settled[row.unit_code])
        for row in repository.comparisons(session, units)
    ]


def accuracy_page(
    session: Session, principal: Principal, *, limit: int, offset: int
) -> tuple[int, list[Accuracy]]:
    """Of how many units something was compared, and one page of them."""
    units = repository.compared_units(session, limit=limit, offset=offset)
    return repository.count_comparisons(session), accuracy(session, principal, units)
