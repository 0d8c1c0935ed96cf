"""Renumbering is a bijection without overlap, whatever the sources."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from netaddr import IPNetwork, IPSet

from yunzhang.planning.addresses import AddressMap, NoRoom, renumber

POOL = "10.128.0.0/16"
PREFIXES = st.builds(
    lambda octet, length: str(IPNetwork(f"192.168.{octet}.0/{length}").cidr),
    st.integers(0, 255),
    st.integers(22, 28),
)
DOMAINS = st.sampled_from(["hrss", "mib", "mot"])


@given(
    st.lists(st.tuples(DOMAINS, PREFIXES), max_size=12),
    st.lists(st.sampled_from(["10.128.0.0/24", "10.128.2.0/23", "10.128.128.0/20"]), max_size=3),
)
def test_new_blocks_never_overlap_each_other_or_what_is_taken(
    sources: list[tuple[str, str]], taken: list[str]
) -> None:
    chosen, lacking = renumber(sources, [POOL], taken)
    assert not lacking
    blocks = [IPNetwork(new) for new in chosen.values()]
    assert sum(block.size for block in blocks) == IPSet(blocks).size
    assert IPSet(blocks).isdisjoint(IPSet(IPNetwork(cidr) for cidr in set(taken)))
    for (_, old), new in chosen.items():
        assert IPNetwork(old).prefixlen == IPNetwork(new).prefixlen
        assert IPNetwork(new) in IPNetwork(POOL)


def test_what_finds_no_room_is_named() -> None:
    chosen, lacking = renumber([("a", "192.168.0.0/24"), ("b", "192.168.0.0/25")], [POOL], [POOL])
    assert chosen == {}
    assert lacking == [NoRoom("a", "192.168.0.0/24"), NoRoom("b", "192.168.0.0/25")]


def test_same_address_in_two_domains_becomes_two() -> None:
    chosen, _ = renumber([("hrss", "192.168.10.0/24"), ("mib", "192.168.10.0/24")], [POOL], [])
    book = AddressMap(chosen)
    assert book.address("hrss", "192.168.10.11") == "10.128.0.11"
    assert book.address("mib", "192.168.10.11") == "10.128.1.11"
    assert book.address("mot", "192.168.10.11") is None


def test_prefixes_move_with_what_holds_them() -> None:
    book = AddressMap({("hrss", "192.168.10.0/24"): "10.128.5.0/24"})
    assert book.prefix("hrss", "192.168.10.0/24") == ["10.128.5.0/24"]
    assert book.prefix("hrss", "192.168.10.50/32") == ["10.128.5.50/32"]
    assert book.prefix("hrss", "192.168.0.0/16") == ["192.168.0.0/16", "10.128.5.0/24"]
    assert book.prefix("hrss", "0.0.0.0/0") is None
    assert book.prefix("hrss", "172.16.0.0/12") is None


def test_ipv6_moves_like_ipv4() -> None:
    chosen, lacking = renumber([("a", "fd00:1::/64")], ["10.0.0.0/8", "2001:db8::/48"], [])
    assert not lacking
    assert AddressMap(chosen).address("a", "fd00:1::2a") == "2001:db8::2a"
