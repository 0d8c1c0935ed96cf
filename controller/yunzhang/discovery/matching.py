"""The match ladder: which declared machine is which observed one. Pure.

Rungs from strong to weak: what a person confirmed; identifiers; cards; name in its platform or
address in its domain. A rung looks only at what no rung above it matched. More than one hit on a
rung is ambiguous and is matched by nobody: the first is never taken. Names that are only alike
are suggested, no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from yunzhang.discovery.keys import Keys

Rung = Literal["person", "identifier", "card", "name_or_address"]
RUNGS: tuple[Rung, ...] = ("identifier", "card", "name_or_address")


class Keyed(Protocol):
    """A machine of either side: its reference and its keys."""

    @property
    def ref(self) -> str: ...
    @property
    def keys(self) -> Keys: ...


@dataclass(frozen=True, slots=True)
class Pair:
    """A declared machine and the observed one it is."""

    declared: str
    observed: str
    rung: Rung


@dataclass(frozen=True, slots=True)
class Tangle:
    """Machines that one rung connects in more than one way; both sides sorted."""

    declared: tuple[str, ...]
    observed: tuple[str, ...]
    rung: Rung


@dataclass(slots=True)
class Matching:
    """What the ladder says of every machine; each stands in exactly one of the four."""

    pairs: list[Pair] = field(default_factory=list)
    tangles: list[Tangle] = field(default_factory=list)
    declared_only: list[str] = field(default_factory=list)
    observed_only: list[str] = field(default_factory=list)


def match(
    declared: Sequence[Keyed], observed: Sequence[Keyed], confirmed: Mapping[str, str] | None = None
) -> Matching:
    """Climb down the ladder. `confirmed`: observed → declared, as persons decided.

    The result does not depend on the order of either side.
    """
    found = Matching()
    left = {machine.ref: machine.keys for machine in declared}
    right = {machine.ref: machine.keys for machine in observed}
    said = {o: d for o, d in (confirmed or {}).items() if d in left and o in right}
    _settle(found, left, right, _edges_of(said), "person")
    for rung in RUNGS:
        edges = list(_edges(left, right, rung))
        if rung == "card":
            edges += _contradictions(edges, left, right)
        _settle(found, left, right, edges, rung)
    found.declared_only = sorted(left)
    found.observed_only = sorted(right)
    found.pairs.sort(key=lambda pair: pair.declared)
    found.tangles.sort(key=lambda tangle: (tangle.declared, tangle.observed))
    return found


def _edges_of(said: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(declared, seen) for seen, declared in said.items()]


def _values(keys: Keys, rung: Rung) -> Iterator[object]:
    if rung == "identifier":
        yield from keys.ids
    elif rung == "card":
        yield from keys.macs
    else:
        yield from keys.names
        yield from keys.places


def _edges(
    left: Mapping[str, Keys], right: Mapping[str, Keys], rung: Rung
) -> Iterator[tuple[str, str]]:
    """All pairs that share a key of this rung."""
    holders: dict[object, list[str]] = {}
    for ref, keys in left.items():
        for value in _values(keys, rung):
            holders.setdefault(value, []).append(ref)
    for ref, keys in right.items():
        for value in _values(keys, rung):
            for holder in holders.get(value, ()):
                yield holder, ref


def _contradictions(
    edges: Iterable[tuple[str, str]], left: Mapping[str, Keys], right: Mapping[str, Keys]
) -> list[tuple[str, str]]:
    """What name and address say of machines that share a card, where they say otherwise.

    Cards are cloned and swapped: a card alone does not outvote name and address.
    """
    paired = set(edges)
    lefts, rights = {d for d, _ in paired}, {o for _, o in paired}
    weak = set(_edges(left, right, "name_or_address"))
    backed = paired & weak  # where name or address agree with the card, the card stands
    steady = {d for d, _ in backed} | {o for _, o in backed}
    return [
        (d, o)
        for d, o in weak - paired
        if (d in lefts or o in rights) and d not in steady and o not in steady
    ]


def _settle(
    found: Matching,
    left: dict[str, Keys],
    right: dict[str, Keys],
    edges: Iterable[tuple[str, str]],
    rung: Rung,
) -> None:
    """Take lone pairs as matched and everything else that is connected as a tangle."""
    for declared, observed in _components(edges):
        if len(declared) == len(observed) == 1:
            found.pairs.append(Pair(declared[0], observed[0], rung))
        else:
            found.tangles.append(Tangle(declared, observed, rung))
        for ref in declared:
            del left[ref]
        for ref in observed:
            del right[ref]


def _components(
    edges: Iterable[tuple[str, str]],
) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Connected parts of a two-sided graph, each side sorted."""
    near: dict[tuple[int, str], set[tuple[int, str]]] = {}
    for declared, observed in edges:
        near.setdefault((0, declared), set()).add((1, observed))
        near.setdefault((1, observed), set()).add((0, declared))
    seen: set[tuple[int, str]] = set()
    for start in near:
        if start in seen:
            continue
        part, waiting = set(), [start]
        while waiting:
            node = waiting.pop()
            if node not in part:
                part.add(node)
                waiting.extend(near[node] - part)
        seen |= part
        sides: tuple[list[str], list[str]] = ([], [])
        for side, ref in part:
            sides[side].append(ref)
        yield tuple(sorted(sides[0])), tuple(sorted(sides[1]))
