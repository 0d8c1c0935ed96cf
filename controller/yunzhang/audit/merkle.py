"""Merkle trees as RFC 6962 (§2.1) builds them: SHA-256, leaves and nodes told apart.

Without the prefixes somebody could present an inner node as a leaf and so claim another list of
entries under the same root.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

LEAF, NODE = b"\x00", b"\x01"


def leaf_hash(content: bytes) -> bytes:
    """The hash of one leaf, 32 bytes."""
    return hashlib.sha256(LEAF + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node over its two children."""
    return hashlib.sha256(NODE + left + right).digest()


def root_hash(leaves: Sequence[bytes]) -> bytes:
    """The root over hashes of leaves, in their order; of none, the hash of nothing.

    Pairing level by level and letting an odd last node rise is the tree of RFC 6962, which splits
    at the largest power of two below the count.
    """
    if not leaves:
        return hashlib.sha256().digest()
    level = list(leaves)
    while len(level) > 1:
        paired = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        if len(level) % 2:
            paired.append(level[-1])
        level = paired
    return level[0]
