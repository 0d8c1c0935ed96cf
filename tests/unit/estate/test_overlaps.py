"""The sweep finds exactly the pairs that comparing everything with everything finds."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st
from netaddr import IPNetwork

from yunzhang.estate.addresses import parse_block
from yunzhang.estate.overlaps import Owned, Pair, page, pairs, sweep

# Few addresses and lengths, so that blocks often nest and coincide.
CIDRS = st.one_of(
    st.builds(
        lambda value, length: str(IPNetwork(f"{value}.0.0.0/{length}").cidr),
        st.integers(9, 11),
        st.integers(6, 9),
    ),
    st.builds(
        lambda value, length: str(IPNetwork(f"10.0.0.{value}/{length}").cidr),
        st.integers(0, 255),
        st.integers(22, 32),
    ),
    st.builds(
        lambda value, length: str(IPNetwork(f"fd00::{value:x}/{length}").cidr),
        st.integers(0, 15),
        st.integers(120, 128),
    ),
    st.sampled_from(["0.0.0.0/0", "::/0", "255.255.255.255/32"]),
)
PREFIXES = st.lists(st.tuples(CIDRS, st.sampled_from("abcd")), max_size=40)


def brute_force(prefixes: list[tuple[str, str]]) -> Counter[tuple[frozenset[int], str]]:
    networks = [IPNetwork(cidr) for cidr, _ in prefixes]
    found: Counter[tuple[frozenset[int], str]] = Counter()
    for one, other in combinations(range(len(prefixes)), 2):
        if prefixes[one][1] == prefixes[other][1]:
            continue
        if networks[one] == networks[other]:
            found[frozenset((one, other)), "equal"] += 1
        elif networks[one] in networks[other] or networks[other] in networks[one]:
            found[frozenset((one, other)), "contains"] += 1
    return found


def owned(prefixes: list[tuple[str, str]]) -> list[Owned]:
    return [Owned(parse_block(cidr), owner) for cidr, owner in prefixes]


@given(PREFIXES)
def test_sweep_equals_brute_force(prefixes: list[tuple[str, str]]) -> None:
    blocks, expected = owned(prefixes), brute_force(prefixes)
    result = sweep(blocks)
    found = list(pairs(blocks, result))
    assert Counter((frozenset(pair[:2]), pair.relation) for pair in found) == expected
    assert result.total == len(found) == sum(expected.values())
    assert result.equal == sum(relation == "equal" for _, relation in expected.elements())
    for pair in found:
        outer, inner = IPNetwork(prefixes[pair.first][0]), IPNetwork(prefixes[pair.second][0])
        assert inner in outer
    touched = Counter(place for ends, _ in expected.elements() for place in ends)
    for place in range(len(blocks)):
        assert result.above[place] + result.below[place] == touched[place]
    for owner, count in result.owners.items():
        assert count == sum(touched[n] for n, (_, own) in enumerate(prefixes) if own == owner)


@given(PREFIXES, st.integers(0, 50), st.integers(0, 20))
def test_pages_are_slices(prefixes: list[tuple[str, str]], offset: int, limit: int) -> None:
    blocks = owned(prefixes)
    result = sweep(blocks)
    everything = list(pairs(blocks, result))
    assert page(blocks, result, offset, limit) == everything[offset : offset + limit]


@given(PREFIXES, st.sets(st.sampled_from("abcd")), st.integers(0, 9))
def test_narrowed_pairs_are_those_with_an_own_end(
    prefixes: list[tuple[str, str]], own: set[str], offset: int
) -> None:
    blocks = owned(prefixes)
    result = sweep(blocks)

    def mine(pair: Pair) -> bool:
        return bool({blocks[pair.first].owner, blocks[pair.second].owner} & own)

    expected = [pair for pair in pairs(blocks, result) if mine(pair)]
    assert list(pairs(blocks, result, own)) == expected
    assert page(blocks, result, offset, 5, own) == expected[offset : offset + 5]
    others = sweep([block for block in blocks if block.owner not in own])
    assert result.total - others.total == len(expected)
