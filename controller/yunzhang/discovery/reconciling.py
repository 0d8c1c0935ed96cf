"""Reconciliation: from both sides to findings. Pure: the same sides give the same findings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from yunzhang.discovery.comparing import compare
from yunzhang.discovery.machines import Declared, Seen, merge
from yunzhang.discovery.matching import Matching, Pair, Tangle, match
from yunzhang.discovery.similar import suggest
from yunzhang.kit.canonical import content_hash

Kind = Literal["declared_only", "observed_only", "differs", "ambiguous", "suggestion"]
KINDS: tuple[Kind, ...] = ("declared_only", "observed_only", "differs", "ambiguous", "suggestion")


@dataclass(frozen=True, slots=True)
class LastSeen:
    """How a declared machine was last seen: by which kind of source, and whether it ran."""

    kind: str
    power: str | None


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known besides the two sides.

    `provable`: platforms a complete reading proves absence on. `last`: declared → how it was last
    seen. `confirmed`: observed → declared, by persons. `owners`: platform → its unit.
    """

    provable: frozenset[str] = frozenset()
    last: Mapping[str, LastSeen] = field(default_factory=dict)
    confirmed: Mapping[str, str] = field(default_factory=dict)
    owners: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """One finding. `key` stays while it is about the same things; `fingerprint` while they say so.

    `details`: for `differs` one entry per field; for the others what a person needs to decide.
    """

    kind: Kind
    code: str
    name: str
    declared: tuple[str, ...] = ()
    observed: tuple[str, ...] = ()
    unit: str | None = None
    source: str | None = None
    details: tuple[dict[str, Any], ...] = ()

    @property
    def key(self) -> str:
        """What it is about: machines, not their values."""
        seen = self.observed if self.kind in ("observed_only", "ambiguous") else ()
        return content_hash([self.kind, list(self.declared), list(seen)])

    @property
    def fingerprint(self) -> str:
        """What it says; a decision holds as long as this does.

        Of a machine in no register it is that it is there and whose it seems, not its power.
        """
        if self.kind == "observed_only":
            return content_hash([self.code, self.unit])
        return content_hash([self.code, list(self.details)])


@dataclass(slots=True)
class Reconciled:
    """The result. `compared`: unit → (fields compared, fields equal)."""

    pairs: list[Pair] = field(default_factory=list)
    findings: list[Found] = field(default_factory=list)
    compared: dict[str, tuple[int, int]] = field(default_factory=dict)
    machines: dict[str, Seen] = field(default_factory=dict)


def reconcile(
    declared: Iterable[Declared], observed: Iterable[Seen], situation: Situation
) -> Reconciled:
    """Match both sides and say where they differ. Order does not matter."""
    own = {workload.ref: workload for workload in sorted(declared, key=lambda one: one.ref)}
    seen = {machine.ref: machine for machine in merge(observed)}
    matching = match(list(own.values()), list(seen.values()), _confirmed(seen, situation.confirmed))
    whose = _Whose(own.values(), situation.owners)
    result = Reconciled(pairs=matching.pairs, machines=seen)
    for pair in matching.pairs:
        _compare(result, own[pair.declared], seen[pair.observed], whose)
    result.findings += (_tangled(tangle, own, seen, whose) for tangle in matching.tangles)
    result.findings += _absent(matching, own, situation)
    result.findings += _unregistered(matching, seen, whose)
    result.findings += _suggested(matching, own, seen, whose)
    result.findings.sort(key=lambda found: (found.kind, found.declared, found.observed))
    return result


def _confirmed(seen: Mapping[str, Seen], said: Mapping[str, str]) -> dict[str, str]:
    """What persons confirmed of any item, as said of the machine it is part of."""
    return {
        machine.ref: said[item]
        for machine in seen.values()
        for item in machine.items
        if item in said
    }


class _Whose:
    """Whose an observed machine seems: its registered neighbours', else its platforms'."""

    def __init__(self, own: Iterable[Declared], owners: Mapping[str, str]) -> None:
        self._owners = owners
        self._neighbours: dict[tuple[str, str], set[str]] = {}
        self._known: dict[tuple[frozenset[str], str | None], set[str]] = {}
        for workload in own:
            place = (workload.platform, workload.project)
            self._neighbours.setdefault(place, set()).add(workload.unit)

    def neighbours(self, machine: Seen) -> set[str]:
        """Units that have workloads registered in the machine's project."""
        where = (machine.platforms, machine.project)
        if where not in self._known:
            places = ((platform, machine.project or "") for platform in machine.platforms)
            self._known[where] = {u for place in places for u in self._neighbours.get(place, ())}
        return self._known[where]

    def units_of(self, machine: Seen) -> set[str]:
        """The neighbours' units; of a project without any the platforms' own."""
        owned = (self._owners.get(platform) for platform in machine.platforms)
        return self.neighbours(machine) or {unit for unit in owned if unit}

    def told_to(self, unit: str | None, machines: Iterable[Seen]) -> str | None:
        """`unit`, unless a machine stands among another's alone: then only the office is told."""
        others = (self.neighbours(machine) for machine in machines)
        return None if any(found and unit not in found for found in others) else unit


def _compare(result: Reconciled, workload: Declared, machine: Seen, whose: _Whose) -> None:
    count, differing = compare(workload.values, machine)
    compared, equal = result.compared.get(workload.unit, (0, 0))
    result.compared[workload.unit] = (compared + count, equal + count - len(differing))
    if differing:
        result.findings.append(
            Found(
                kind="differs",
                code="field_differs",
                name=workload.name,
                declared=(workload.ref,),
                observed=(machine.ref,),
                unit=whose.told_to(workload.unit, [machine]),
                source=machine.source,
                details=tuple(differing),
            )
        )


def _only(values: Iterable[str | None]) -> str | None:
    """The one value of all; None when there is none or more than one."""
    found = set(values)
    return found.pop() if len(found) == 1 else None


def _tangled(
    tangle: Tangle, own: Mapping[str, Declared], seen: Mapping[str, Seen], whose: _Whose
) -> Found:
    named = (own[tangle.declared[0]] if tangle.declared else seen[tangle.observed[0]]).name
    return Found(
        kind="ambiguous",
        code="ambiguous_match",
        name=named,
        declared=tangle.declared,
        observed=tangle.observed,
        unit=whose.told_to(
            _only(own[ref].unit for ref in tangle.declared), [seen[ref] for ref in tangle.observed]
        ),
        source=_only(seen[ref].source for ref in tangle.observed),
        details=({"rung": tangle.rung},),
    )


def _absent(
    matching: Matching, own: Mapping[str, Declared], situation: Situation
) -> Iterable[Found]:
    for ref in matching.declared_only:
        workload, last = own[ref], situation.last.get(ref)
        if workload.platform not in situation.provable or _excused(last):
            continue
        yield Found(
            kind="declared_only",
            code="missing" if last else "never_seen",
            name=workload.name,
            declared=(ref,),
            unit=workload.unit,
        )


def _excused(last: LastSeen | None) -> bool:
    """Whether not being seen says nothing.

    A host that told its own facts may only be unreachable, and a hypervisor forgets a transient
    domain when it stops. A cloud lists what is stopped.
    """
    return last is not None and (
        last.kind == "facts" or (last.kind == "libvirt" and last.power == "off")
    )


def _unregistered(matching: Matching, seen: Mapping[str, Seen], whose: _Whose) -> Iterable[Found]:
    for ref in matching.observed_only:
        machine = seen[ref]
        yield Found(
            kind="observed_only",
            code="unregistered",
            name=machine.name,
            observed=(ref,),
            unit=_only(whose.units_of(machine)),
            source=machine.source,
            details=(dict(machine.values),),
        )


def _suggested(
    matching: Matching, own: Mapping[str, Declared], seen: Mapping[str, Seen], whose: _Whose
) -> Iterable[Found]:
    wanted = {ref: (own[ref].platform, own[ref].name) for ref in matching.declared_only}
    offered = {ref: (seen[ref].platforms, seen[ref].name) for ref in matching.observed_only}
    for ref, candidates in suggest(wanted, offered).items():
        yield Found(
            kind="suggestion",
            code="name_alike",
            name=own[ref].name,
            declared=(ref,),
            observed=candidates,
            unit=whose.told_to(own[ref].unit, [seen[candidate] for candidate in candidates]),
            source=_only(seen[candidate].source for candidate in candidates),
            details=tuple({"observed": c, "name": seen[c].name} for c in candidates),
        )
