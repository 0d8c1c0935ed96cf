"""Counts and pages equal what comparing everything with everything finds."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from netaddr import IPAddress, IPNetwork, IPRange

from yunzhang.estate.addresses.blocks import Block, is_private
from yunzhang.estate.addresses.overlaps import Pages, Pair, across, meetings, rank, relations
from yunzhang.estate.addresses.spans import Spans, all_cidr, from_blocks, private

# Few addresses and lengths, so that spans often nest, coincide and cross.
NETWORKS = st.one_of(
    st.builds(
        lambda value, length: IPNetwork(f"{value}.0.0.0/{length}").cidr,
        st.integers(9, 11),
        st.integers(6, 9),
    ),
    st.builds(
        lambda value, length: IPNetwork(f"10.0.0.{value}/{length}").cidr,
        st.integers(0, 255),
        st.integers(22, 32),
    ),
    st.builds(
        lambda value, length: IPNetwork(f"fd00::{value:x}/{length}").cidr,
        st.integers(0, 15),
        st.integers(120, 128),
    ),
    st.builds(
        lambda value, length: IPNetwork(f"fd00:0:0:{value:x}::/{length}").cidr,
        st.integers(0, 15),
        st.integers(58, 68),
    ),
    st.sampled_from(["0.0.0.0/0", "::/0", "255.255.255.255/32", "172.16.0.0/12"]).map(IPNetwork),
)
RANGES = st.builds(
    lambda base, first, size: IPRange(IPAddress(base) + first, IPAddress(base) + first + size),
    st.sampled_from(["10.0.0.0", "fd00::", "fd00::ffff:ffff:ffff:fff8"]),
    st.integers(0, 20),
    st.integers(0, 12),
)
Owned = tuple[IPNetwork | IPRange, int]
CIDRS = st.lists(st.tuples(NETWORKS, st.integers(0, 3)), max_size=40)
MIXED = st.lists(st.tuples(st.one_of(NETWORKS, RANGES), st.integers(0, 3)), max_size=40)


def spans_of(owned: list[Owned]) -> Spans:
    blocks = [Block(each.version, int(each.first), int(each.last)) for each, _ in owned]
    return from_blocks(blocks, [owner for _, owner in owned])


def relation_of(one: IPNetwork | IPRange, other: IPNetwork | IPRange) -> str | None:
    """What two spans are to each other; None: they do not overlap."""
    if one.version != other.version or one.last < other.first or other.last < one.first:
        return None
    if (one.first, one.last) == (other.first, other.last):
        return "equal"
    return "nested" if one in other or other in one else "crossing"


def brute_force(owned: list[Owned]) -> dict[tuple[int, int], str]:
    return {
        (one, other): relation
        for one, other in combinations(range(len(owned)), 2)
        if (relation := relation_of(owned[one][0], owned[other][0]))
    }


def check_counts(owned: list[Owned]) -> None:
    ranked = rank(spans_of(owned))
    found = brute_force(owned)
    own = {pair for pair in found if owned[pair[0]][1] == owned[pair[1]][1]}
    assert relations(ranked)._asdict() == {
        name: sum(relation == name for relation in found.values())
        for name in ("equal", "nested", "crossing")
    }
    within = relations(ranked, by_domain=True)
    assert within._asdict() == {
        name: sum(found[pair] == name for pair in own) for name in ("equal", "nested", "crossing")
    }
    assert across(ranked).total == len(found) - len(own)
    touched = Counter(end for pair in found.keys() - own for end in pair)
    assert meetings(ranked).tolist() == [touched[place] for place in ranked.order.tolist()]


@given(CIDRS)
def test_counts_of_prefixes_equal_brute_force(owned: list[Owned]) -> None:
    assert all_cidr(spans_of(owned))
    check_counts(owned)


@given(MIXED)
def test_counts_of_ranges_equal_brute_force(owned: list[Owned]) -> None:
    check_counts(owned)


@given(MIXED, st.sets(st.integers(0, 3)))
def test_counts_of_a_part_equal_brute_force(owned: list[Owned], owners: set[int]) -> None:
    ranked = rank(spans_of(owned))
    part = ranked.take(np.isin(ranked.domain, list(owners)))
    found = brute_force([each for each in owned if each[1] in owners])
    assert relations(part).total == len(found)
    assert relations(part).equal == sum(relation == "equal" for relation in found.values())


@given(MIXED, st.one_of(st.none(), st.sets(st.integers(0, 3))))
def test_pages_hold_every_asked_pair_once(owned: list[Owned], owners: set[int] | None) -> None:
    ranked = rank(spans_of(owned))
    own = None if owners is None else np.isin(ranked.domain, list(owners))
    pages = Pages(ranked, own)
    expected = {
        pair: relation
        for pair, relation in brute_force(owned).items()
        if owned[pair[0]][1] != owned[pair[1]][1]
        and (owners is None or owners & {owned[pair[0]][1], owned[pair[1]][1]})
    }
    everything = pages.page(0, len(expected) + 5)
    assert pages.total == len(everything) == len(expected)
    names = {"equal": "equal", "contains": "nested", "crosses": "crossing"}
    assert {(min(p[:2]), max(p[:2])): names[p.relation] for p in everything} == expected
    for pair in everything:
        outer, inner = owned[pair.first][0], owned[pair.second][0]
        assert (pair.relation == "crosses") == (inner not in outer)
    joined: list[Pair] = []
    while part := pages.page(len(joined), 3):
        joined += part
    assert joined == everything


@given(st.lists(st.one_of(NETWORKS, RANGES), max_size=20))
def test_a_span_is_a_cidr_or_not(spans: list[IPNetwork | IPRange]) -> None:
    for span in spans:
        one = spans_of([(span, 0)])
        first, last = (str(IPAddress(end, span.version)) for end in (span.first, span.last))
        assert all_cidr(one) == (len(IPRange(first, last).cidrs()) == 1)
        assert one.block(0) == (span.version, span.first, span.last)
    assert private(spans_of([(span, 0) for span in spans])).tolist() == [
        is_private(Block(span.version, int(span.first), int(span.last))) for span in spans
    ]
