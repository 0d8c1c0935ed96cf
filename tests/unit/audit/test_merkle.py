"""The Merkle tree is that of RFC 6962, and no two lists share a root."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from yunzhang.audit.merkle import leaf_hash, node_hash, root_hash

contents = st.lists(st.binary(max_size=8), max_size=40)


def by_the_book(leaves: list[bytes]) -> bytes:
    """RFC 6962 §2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return node_hash(by_the_book(leaves[:half]), by_the_book(leaves[half:]))


@given(contents)
def test_root_is_that_of_the_rfc(leaves: list[bytes]) -> None:
    assert root_hash([leaf_hash(leaf) for leaf in leaves]) == by_the_book(leaves)


def test_roots_of_the_rfc_s_reference_implementation() -> None:
    """The test vectors of the certificate-transparency sources."""
    inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657"]
    leaves = [leaf_hash(bytes.fromhex(given)) for given in inputs]
    assert leaves[0].hex().startswith("6e340b9cffb37a98")
    assert root_hash(leaves[:2]).hex().startswith("fac54203e7cc696c")
    assert root_hash(leaves[:3]).hex().startswith("aeb6bcfe274b70a1")
    assert root_hash(leaves[:7]).hex().startswith("ddb89be403809e32")


@given(contents, contents)
def test_different_lists_have_different_roots(one: list[bytes], other: list[bytes]) -> None:
    same = root_hash([leaf_hash(x) for x in one]) == root_hash([leaf_hash(x) for x in other])
    assert same == (one == other)


@given(st.lists(st.binary(max_size=4), min_size=2, max_size=9))
def test_a_node_cannot_pass_for_a_leaf(leaves: list[bytes]) -> None:
    hashed = [leaf_hash(leaf) for leaf in leaves]
    forged = leaf_hash(hashed[0] + hashed[1])
    assert root_hash([forged, *hashed[2:]]) != root_hash(hashed)
