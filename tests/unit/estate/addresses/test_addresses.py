"""Prefixes and addresses agree with the standard library's."""

from __future__ import annotations

import ipaddress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yunzhang.estate.addresses.blocks import (
    AddressError,
    Block,
    format_address,
    format_block,
    is_private,
    merge_spans,
    parse_address,
    parse_block,
    to_hex,
)

NETWORKS = st.one_of(
    st.builds(
        lambda value, length: ipaddress.ip_network((value, length), strict=False),
        st.integers(0, 2**32 - 1),
        st.integers(0, 32),
    ),
    st.builds(
        lambda value, length: ipaddress.ip_network((value, length), strict=False),
        st.integers(2**32, 2**128 - 1),
        st.integers(0, 128),
    ),
)


@given(NETWORKS)
def test_blocks_agree_with_ipaddress(
    network: ipaddress.IPv4Network | ipaddress.IPv6Network,
) -> None:
    block = Block(network.version, int(network[0]), int(network[-1]))
    assert parse_block(str(network)) == block
    assert format_block(block) == str(network)
    if network.version == 4:
        assert parse_block(f"{network[0]}/{network.netmask}") == block
        assert parse_block(f"{network[0]} - {network[-1]}") == block


@given(st.integers(0, 2**32 - 1))
def test_addresses_round_trip(value: int) -> None:
    text = str(ipaddress.IPv4Address(value))
    assert parse_address(text) == (4, value)
    assert format_address(4, value) == text


@given(st.lists(st.integers(0, 2**128 - 1)))
def test_hex_sorts_as_numbers(values: list[int]) -> None:
    assert sorted(map(to_hex, values)) == [to_hex(value) for value in sorted(values)]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("10.1.0.1/22", "host_bits"),
        ("10.1.0.0/33", "mask_bad"),
        ("10.1.0.0/255.0.255.0", "mask_bad"),
        ("10.1.0.0/-1", "mask_bad"),
        ("10.1.0.0", "mask_missing"),
        ("10.1.0/24", "address_bad"),
        ("10.1.0.256/32", "address_bad"),
        ("010.1.0.0/24", "address_bad"),
        ("10.1.0.0-10.1.0.254", "range_no_cidr"),
        ("10.1.0.128-10.1.1.127", "range_no_cidr"),
        ("10.1.0.255-10.1.0.0", "range_no_cidr"),
        ("fe80::1%eth0/64", "address_bad"),
        ("2001:db8::1/64", "host_bits"),
        ("网段/24", "address_bad"),
        ("", "address_bad"),
    ],
)
def test_what_is_no_prefix(text: str, code: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_block(text)
    assert caught.value.code == code


def test_host_bits_suggest_the_network() -> None:
    with pytest.raises(AddressError) as caught:
        parse_block("10.1.2.3/22")
    assert caught.value.values["network"] == "10.1.0.0/22"


@pytest.mark.parametrize(
    ("text", "private"),
    [("10.0.0.0/8", True), ("172.31.0.0/16", True), ("172.32.0.0/16", False), ("0.0.0.0/0", False),
     ("100.64.0.0/10", True), ("fd00::/8", True), ("2001:db8::/32", False)],
)  # fmt: skip
def test_private_space(text: str, private: bool) -> None:
    assert is_private(parse_block(text)) is private


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 8))))
def test_merged_spans_cover_the_same(spans: list[tuple[int, int]]) -> None:
    ends = [(lo, lo + size) for lo, size in spans]
    merged = merge_spans(ends)
    covered = {value for lo, hi in ends for value in range(lo, hi + 1)}
    assert {value for lo, hi in merged for value in range(lo, hi + 1)} == covered
    assert all(a[1] + 1 < b[0] for a, b in pairwise(merged))
