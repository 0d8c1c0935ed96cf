"""Every overlap among spans of different owners: exact counts, pairs only by page.

Addresses are first turned into ranks, so that 128 bits become small integers. Two spans overlap
when each begins no later than the other ends; how many others a span meets is then the difference
of two binary searches, for all spans at once. The number of pairs can grow with the square of the
spans; they are counted without being made, and made only for the page that is shown.

Of pairs that overlap, those whose ends differ the same way nest: in the order (first address,
widest first) they are the inversions of the last addresses. CIDRs never cross, ranges may.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from yunzhang.estate.addresses.spans import Ints, Mask, Spans, all_cidr


class Pair(NamedTuple):
    """Two overlapping spans of different owners, as places in the given spans.

    `relation` is `equal`, `contains` (the first contains the second) or `crosses`.
    """

    first: int
    second: int
    relation: str


class Relations(NamedTuple):
    """How many pairs stand in which relation."""

    equal: int
    nested: int
    crossing: int

    @property
    def total(self) -> int:
        """All overlapping pairs."""
        return self.equal + self.nested + self.crossing

    def less(self, other: Relations) -> Relations:
        """What is left when the pairs of `other`, a part of these, are taken away."""
        return Relations(*(own - theirs for own, theirs in zip(self, other, strict=True)))


@dataclass(frozen=True, slots=True)
class Ranked:
    """Spans in the order (family, first address, widest first, owner), as ranks.

    `order`: places in the spans given. Spans i before j overlap when `start[j] < stop[i]`.
    `end` ranks the last addresses; all ranks are below `width`; `laminar`: no two cross.
    """

    order: Ints
    start: Ints
    stop: Ints
    end: Ints
    domain: Ints
    role: Ints
    width: int
    laminar: bool

    def __len__(self) -> int:
        return len(self.order)

    def take(self, places: Mask) -> Ranked:
        """The spans at these places, still in order."""
        return Ranked(
            self.order[places], self.start[places], self.stop[places], self.end[places],
            self.domain[places], self.role[places], self.width, self.laminar,
        )  # fmt: skip


def rank(spans: Spans) -> Ranked:
    """Sort spans and turn their ends into ranks. O(n log n)."""
    size = len(spans)
    family = np.concatenate([spans.family, spans.family])
    high = np.concatenate([spans.lo[0], spans.hi[0]])
    low = np.concatenate([spans.lo[1], spans.hi[1]])
    last = np.repeat(np.array([0, 1]), size)
    # of equal addresses the beginnings come first: a span that begins where another ends meets it
    order = np.lexsort((last, low, high, family))
    fresh = np.ones(2 * size, np.bool_)
    fresh[1:] = (
        (np.diff(family[order]) != 0)
        | (high[order][1:] != high[order][:-1])
        | (low[order][1:] != low[order][:-1])
    )
    value, begun = np.empty(2 * size, np.int64), np.empty(2 * size, np.int64)
    value[order] = np.cumsum(fresh) - 1
    begun[order] = np.cumsum(fresh & (last[order] == 0))
    start, stop, end = begun[:size] - 1, begun[size:], value[size:]
    places = np.lexsort((spans.domain, -end, start))
    return Ranked(
        places, start[places], stop[places], end[places],
        spans.domain[places], spans.role[places], 2 * size + 1, all_cidr(spans),
    )  # fmt: skip


def _keys(ranked: Ranked, ranks: Ints, group: Ints | None) -> Ints:
    return ranks if group is None else group * ranked.width + ranks


def _meetings(ranked: Ranked, among: Mask | None, group: Ints | None) -> Ints:
    """For each span: how many of `among` (itself too) it overlaps, in its own group only."""
    begin, stop = _keys(ranked, ranked.start, group), _keys(ranked, ranked.stop, group)
    # asked in rising order the searches stay in the processor's cache
    order = np.argsort(begin, kind="stable") if group is not None else np.arange(len(ranked))
    begin, stop = begin[order], stop[order]
    chosen = np.ones(len(ranked), np.bool_) if among is None else among[order]
    begun = np.searchsorted(begin[chosen], stop, "left")
    ended = np.searchsorted(np.sort(stop[chosen]), begin, "right")
    found = np.empty(len(ranked), np.int64)
    found[order] = begun - ended
    return found


def meetings(ranked: Ranked, among: Mask | None = None) -> Ints:
    """For each span: how many of other owners' spans (those of `among`) it overlaps."""
    return _meetings(ranked, among, None) - _meetings(ranked, among, ranked.domain)


def relations(ranked: Ranked, *, by_domain: bool = False) -> Relations:
    """All overlapping pairs whoever owns them; with `by_domain`, those of one owner."""
    group = ranked.domain if by_domain else None
    size = len(ranked)
    total = (int(_meetings(ranked, None, group).sum()) - size) // 2
    same = ranked.start * ranked.width + ranked.end
    equal = _equal_pairs(same if group is None else _pair_numbers(group, same))
    if ranked.laminar:
        return Relations(equal, total - equal, 0)
    ends = _keys(ranked, ranked.end, group)
    if group is not None:
        ends = ends[np.argsort(_keys(ranked, ranked.start, group), kind="stable")]
    nested = _inversions(ends) + _equal_pairs(ends) - equal
    return Relations(equal, nested, total - equal - nested)


def across(ranked: Ranked) -> Relations:
    """Overlapping pairs of different owners."""
    return relations(ranked).less(relations(ranked, by_domain=True))


def _pair_numbers(one: Ints, other: Ints) -> Ints:
    _, other = np.unique(other, return_inverse=True)
    return one * (int(other.max(initial=0)) + 1) + other


def _equal_pairs(values: Ints) -> int:
    counts = np.unique(values, return_counts=True)[1].astype(np.int64)
    return int((counts * (counts - 1) // 2).sum())


def _inversions(values: Ints) -> int:
    """Pairs i < j with values[i] > values[j], bit by bit from the highest. O(n log n)."""
    _, values = np.unique(values, return_inverse=True)
    size, found = len(values), 0
    for bit in reversed(range(int(values.max(initial=0)).bit_length())):
        # stable by the bits above: values that agree so far stand together, in their first order
        prefix = values >> (bit + 1)
        ones = (values >> bit) & 1
        before = np.cumsum(ones) - ones
        first = np.flatnonzero(np.diff(prefix, prepend=-1))
        base = np.repeat(before[first], np.diff(first, append=size))
        found += int((before - base)[ones == 0].sum())
        values = values[np.argsort(values >> bit, kind="stable")]
    return found


def _listed(ranked: Ranked, own: Mask | None) -> Ints:
    """For each span: with how many earlier ones of other owners it makes a pair that is asked."""
    everyone = _earlier(ranked, None, None) - _earlier(ranked, None, ranked.domain)
    if own is None:
        return everyone
    return np.where(own, everyone, _earlier(ranked, own, None))


def _earlier(ranked: Ranked, among: Mask | None, group: Ints | None) -> Ints:
    """For each span: how many earlier ones (of `among`, of its group) reach to it."""
    begin, stop = _keys(ranked, ranked.start, group), _keys(ranked, ranked.stop, group)
    order = np.argsort(begin, kind="stable") if group is not None else np.arange(len(ranked))
    chosen = np.ones(len(ranked), np.bool_) if among is None else among[order]
    passed = np.cumsum(chosen) - chosen
    ended = np.searchsorted(np.sort(stop[order][chosen]), begin[order], "right")
    found = np.empty(len(ranked), np.int64)
    found[order] = passed - ended
    return found


class Pages:
    """Pairs of different owners in address order, outer span first, a page at a time.

    With `own` (a mask over the ranked spans, whole owners only) those with an end in it.
    """

    def __init__(self, ranked: Ranked, own: Mask | None = None) -> None:
        self._ranked = ranked
        self._own = own
        self._listed = np.cumsum(_listed(ranked, own))

    @property
    def total(self) -> int:
        """How many pairs there are."""
        return int(self._listed[-1]) if len(self._listed) else 0

    def page(self, offset: int, limit: int) -> list[Pair]:
        """Pairs `offset` to `offset + limit`."""
        found: list[Pair] = []
        at = int(np.searchsorted(self._listed, offset, "right"))
        while len(found) < limit and at < len(self._listed):
            skip = offset + len(found) - (int(self._listed[at - 1]) if at else 0)
            for outer in self._outer(at)[skip : skip + limit - len(found)]:
                found.append(self._pair(int(outer), at))
            # on to the next span that has a pair
            at = int(np.searchsorted(self._listed, self._listed[at], "right"))
        return found

    def _outer(self, inner: int) -> Ints:
        ranked = self._ranked
        meets = ranked.stop[:inner] > ranked.start[inner]
        meets &= ranked.domain[:inner] != ranked.domain[inner]
        if self._own is not None and not self._own[inner]:
            meets &= self._own[:inner]
        return np.flatnonzero(meets)

    def _pair(self, outer: int, inner: int) -> Pair:
        ranked = self._ranked
        one, other = ranked.end[outer], ranked.end[inner]
        if ranked.start[outer] == ranked.start[inner] and one == other:
            relation = "equal"
        else:
            relation = "contains" if one >= other else "crosses"
        return Pair(int(ranked.order[outer]), int(ranked.order[inner]), relation)
