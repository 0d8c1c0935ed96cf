"""The merge forecast: what would collide if all private networks became one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from yunzhang.estate.addresses import overlaps
from yunzhang.estate.addresses.blocks import Block, format_address, format_block
from yunzhang.estate.addresses.overlaps import Pair, Ranked
from yunzhang.estate.addresses.remedies import ROLES, SEVERITIES, Rule, Standing, advise, gravity
from yunzhang.estate.addresses.repository import DomainOwner
from yunzhang.estate.addresses.schemas import (
    ConflictRead,
    ConflictReport,
    ConflictSide,
    NetworkConflicts,
    UnitConflicts,
    WithinCounts,
)
from yunzhang.estate.addresses.spans import Ints, Mask, Spans, private


@dataclass(slots=True)
class _Counted:
    """Per domain: spans, those in public space, those in grave conflicts, pairs by gravity."""

    spans: Ints
    public: Ints
    grave: Ints
    pairs: Ints  # one row per gravity


class Forecast:
    """All overlaps between address domains; `own` (numbers of domains) narrows to their share.

    `owners[n]` is domain number n of `spans`.
    """

    def __init__(
        self, spans: Spans, owners: Sequence[DomainOwner], own: frozenset[int] | None
    ) -> None:
        self._spans = spans
        self._owners = owners
        self._own = own
        self._ranked = overlaps.rank(spans)
        self._public = ~private(spans)
        self._mine = self._owned(spans.domain)
        self._met = _met_by_role(self._ranked)
        self._counted = self._count()
        self._rules = self._advise()

    def _owned(self, domains: Ints) -> Mask:
        if self._own is None:
            return np.ones(len(domains), np.bool_)
        return np.isin(domains, np.array(sorted(self._own), np.int64))

    def report(self, limit: int, offset: int) -> ConflictReport:
        """Counts, networks, units and one page of pairs and of public spans."""
        ranked, mine = self._ranked, self._owned(self._ranked.domain)
        narrowed = self._own is not None
        found = overlaps.across(ranked)
        if narrowed:
            found = found.less(overlaps.across(ranked.take(~mine)))
        within = overlaps.relations(ranked.take(mine) if narrowed else ranked, by_domain=True)
        pages = overlaps.Pages(ranked, mine if narrowed else None)
        public = self._ordered(np.flatnonzero(self._public & self._mine))
        return ConflictReport(
            prefixes=int(self._mine.sum()),
            domains=len(np.unique(self._spans.domain[self._mine])),
            total=found.total,
            equal=found.equal,
            contains=found.nested,
            crosses=found.crossing,
            **self._gravities(mine),
            within=WithinCounts(**within._asdict()),
            networks=self._networks(),
            units=self._units(),
            public_total=len(public),
            public=[self._side(int(place)) for place in public[:limit]],
            pairs=[self._told(pair) for pair in pages.page(offset, limit)],
            limit=limit,
            offset=offset,
        )

    def _gravities(self, mine: Mask) -> dict[str, int]:
        """Pairs with an own end, by gravity: ends counted twice less pairs of two own ends."""
        ends = _by_gravity(self._ranked, self._met)
        found = ends[:, mine].sum(axis=1)
        both = found
        if self._own is not None:
            part = self._ranked.take(mine)
            both = _by_gravity(part, _met_by_role(part)).sum(axis=1)
        return {name: int(found[place] - both[place] // 2) for place, name in enumerate(SEVERITIES)}

    def _count(self) -> _Counted:
        ranked, size = self._ranked, len(self._owners)
        ends = _by_gravity(ranked, self._met)
        grave = ends[:-1].sum(axis=0) > 0
        return _Counted(
            spans=np.bincount(self._spans.domain, minlength=size),
            public=np.bincount(self._spans.domain[self._public], minlength=size),
            grave=np.bincount(ranked.domain[grave], minlength=size),
            pairs=np.stack([_sums(ranked.domain, row, size) for row in ends]),
        )

    def _advise(self) -> dict[str, Rule]:
        """The remedy of every network."""
        standings: dict[str, Standing] = {}
        for number, owner in enumerate(self._owners):
            before = standings.get(owner.network_code)
            standings[owner.network_code] = Standing(
                owner.disposition,
                owner.ministry_run,
                owner.isolation,
                int(self._counted.public[number]) + (before.public if before else 0),
                int(self._counted.grave[number]) + (before.grave if before else 0),
            )
        return {code: advise(standing) for code, standing in standings.items()}

    def _told_domains(self) -> list[int]:
        return [
            number
            for number in np.flatnonzero(self._counted.spans).tolist()
            if self._own is None or number in self._own
        ]

    def _sum(self, numbers: Sequence[int]) -> dict[str, int]:
        pairs = self._counted.pairs[:, numbers].sum(axis=1).tolist()
        spans = int(self._counted.spans[numbers].sum())
        by_gravity = dict(zip(SEVERITIES, pairs, strict=True))
        return {"prefixes": spans, "conflicts": sum(pairs), **by_gravity}

    def _networks(self) -> list[NetworkConflicts]:
        grouped: dict[str, list[int]] = {}
        for number in self._told_domains():
            grouped.setdefault(self._owners[number].network_code, []).append(number)
        rows = []
        for code, numbers in grouped.items():
            owner, rule = self._owners[numbers[0]], self._rules[code]
            rows.append(
                NetworkConflicts(
                    network_code=code,
                    network_name=owner.network_name,
                    unit_code=owner.unit_code,
                    unit_name=owner.unit_name,
                    remedy=rule.remedy,
                    reason=rule.why,
                    **self._sum(numbers),
                )
            )
        return sorted(rows, key=lambda row: (-row.high, -row.conflicts, row.network_code))

    def _units(self) -> list[UnitConflicts]:
        grouped: dict[str, list[int]] = {}
        for number in self._told_domains():
            grouped.setdefault(self._owners[number].unit_code, []).append(number)
        rows = [
            UnitConflicts(
                unit_code=code,
                unit_name=self._owners[numbers[0]].unit_name,
                **self._sum(numbers),
            )
            for code, numbers in grouped.items()
        ]
        return sorted(rows, key=lambda row: (-row.high, -row.conflicts, row.unit_code))

    def _ordered(self, places: Ints) -> Ints:
        """Places by owner and address, whatever order the database told them in."""
        taken = self._spans.take(places)
        return places[np.lexsort((taken.lo[1], taken.lo[0], taken.family, taken.domain))]

    def _side(self, place: int) -> ConflictSide:
        owner = self._owners[int(self._spans.domain[place])]
        return ConflictSide(
            cidr=write_span(self._spans.block(place)),
            role=ROLES[int(self._spans.role[place])],
            domain_code=owner.domain_code,
            network_code=owner.network_code,
            network_name=owner.network_name,
            unit_code=owner.unit_code,
            unit_name=owner.unit_name,
        )

    def _told(self, pair: Pair) -> ConflictRead:
        first, second, relation = pair.first, pair.second, pair.relation
        if not self._mine[first]:
            first, second = second, first
            relation = "contained" if relation == "contains" else relation
        sides = self._side(first), self._side(second)
        # the network that collides less often gives way: that is less work
        work = [self._counted.grave[self._spans.domain[place]] for place in (first, second)]
        loser = 0 if work[0] < work[1] else 1
        rule = self._rules[sides[loser].network_code]
        return ConflictRead.model_validate(
            {
                "relation": relation,
                "severity": gravity(sides[0].role, sides[1].role),
                "remedy": rule.remedy,
                "reason": rule.why,
                "give_way": ("first", "second")[loser],
                "first": sides[0],
                "second": sides[1],
            }
        )


def _met_by_role(ranked: Ranked) -> Mapping[int, Ints]:
    """Role → for each span, how many spans of that role in other domains it overlaps."""
    return {
        role: overlaps.meetings(ranked, ranked.role == role)
        for role in range(len(ROLES))
        if np.any(ranked.role == role)
    }


def _by_gravity(ranked: Ranked, met: Mapping[int, Ints]) -> Ints:
    """For each gravity a row: how many such conflicts each span is in."""
    found = np.zeros((len(SEVERITIES), len(ranked)), np.int64)
    for theirs, counts in met.items():
        for own, name in enumerate(ROLES):
            row = SEVERITIES.index(gravity(name, ROLES[theirs]))
            found[row] += np.where(ranked.role == own, counts, 0)
    return found


def _sums(groups: Ints, values: Ints, size: int) -> Ints:
    """Sums of `values` by group, exact (bincount's weights are floats)."""
    found = np.zeros(size, np.int64)
    np.add.at(found, groups, values)
    return found


def write_span(block: Block) -> str:
    """A CIDR as such, any other range as its two ends."""
    size = block.hi - block.lo + 1
    if size & (size - 1) or block.lo & (size - 1):
        ends = (format_address(block.family, end) for end in (block.lo, block.hi))
        return "-".join(ends)
    return format_block(block)
