"""Address spans as integer columns: a million of them are a few arrays, not a million objects.

A span is a first and a last address of one family: a CIDR, or a range (起止地址) that is none.
Addresses are two 64-bit halves, so that IPv4 and IPv6 go the same way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yunzhang.estate.addresses.blocks import PRIVATE_BLOCKS, Block

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]
Mask = NDArray[np.bool_]

_HALF = 64
_LOW = (1 << _HALF) - 1
# ASCII code → value of the hex digit
_DIGITS = np.zeros(256, np.uint64)
for _digit in "0123456789abcdef":
    _DIGITS[ord(_digit)] = int(_digit, 16)


@dataclass(frozen=True, slots=True)
class Spans:
    """Columns of equal length. `domain`: number of the owner; `role`: any small label."""

    family: Ints
    lo: tuple[Words, Words]
    hi: tuple[Words, Words]
    domain: Ints
    role: Ints

    def __len__(self) -> int:
        return len(self.family)

    def take(self, places: Any) -> Spans:
        """The spans at these places (indices or a mask)."""
        return Spans(
            self.family[places],
            (self.lo[0][places], self.lo[1][places]),
            (self.hi[0][places], self.hi[1][places]),
            self.domain[places],
            self.role[places],
        )

    def block(self, place: int) -> Block:
        """The span at one place."""
        return Block(
            int(self.family[place]),
            int(self.lo[0][place]) << _HALF | int(self.lo[1][place]),
            int(self.hi[0][place]) << _HALF | int(self.hi[1][place]),
        )


def from_blocks(
    blocks: Sequence[Block], domains: Iterable[int], roles: Iterable[int] | None = None
) -> Spans:
    """Spans of `blocks`, in their order."""
    size = len(blocks)

    def words(values: Iterable[int]) -> Words:
        return np.fromiter(values, np.uint64, size)

    return Spans(
        np.fromiter((block.family for block in blocks), np.int64, size),
        (words(b.lo >> _HALF for b in blocks), words(b.lo & _LOW for b in blocks)),
        (words(b.hi >> _HALF for b in blocks), words(b.hi & _LOW for b in blocks)),
        np.fromiter(domains, np.int64, size),
        np.zeros(size, np.int64) if roles is None else np.fromiter(roles, np.int64, size),
    )


@dataclass(frozen=True, slots=True)
class Packed:
    """Spans of one family, owner and role as the database packs them.

    `text`: for each span 32 hex digits of its first address, then 32 of its last, as stored.
    """

    family: int
    domain: int
    role: int
    text: str


_DIGITS_EACH = 32


def unpack(packed: Sequence[Packed]) -> Spans:
    """Spans of all packs, in their order."""
    parts = [_unpack_family([pack for pack in packed if pack.family == f], f) for f in (4, 6)]
    return Spans(
        np.concatenate([part.family for part in parts]),
        (_joined(parts, "lo", 0), _joined(parts, "lo", 1)),
        (_joined(parts, "hi", 0), _joined(parts, "hi", 1)),
        np.concatenate([part.domain for part in parts]),
        np.concatenate([part.role for part in parts]),
    )


def _joined(parts: Sequence[Spans], end: str, half: int) -> Words:
    return np.concatenate([getattr(part, end)[half] for part in parts])


def _unpack_family(packed: Sequence[Packed], family: int) -> Spans:
    text = np.frombuffer("".join(pack.text for pack in packed).encode("ascii"), np.uint8)
    ends = text.reshape(-1, 2, _DIGITS_EACH)
    if family == 4:
        ends = ends[:, :, -8:]  # the digits before are all 0
    counts = [len(pack.text) // (2 * _DIGITS_EACH) for pack in packed]
    return Spans(
        np.full(len(ends), family, np.int64),
        _read_words(ends[:, 0]),
        _read_words(ends[:, 1]),
        np.repeat(np.array([pack.domain for pack in packed], np.int64), counts),
        np.repeat(np.array([pack.role for pack in packed], np.int64), counts),
    )


def _read_words(digits: NDArray[np.uint8]) -> tuple[Words, Words]:
    def word(part: NDArray[np.uint8]) -> Words:
        value = np.zeros(len(part), np.uint64)
        for place in range(part.shape[1]):
            value = value << np.uint64(4) | _DIGITS[part[:, place]]
        return value

    return word(digits[:, :-16]), word(digits[:, -16:])


def _at_least(words: tuple[Words, Words], value: int) -> Mask:
    high, low = np.uint64(value >> _HALF), np.uint64(value & _LOW)
    found: Mask = (words[0] > high) | ((words[0] == high) & (words[1] >= low))
    return found


def _at_most(words: tuple[Words, Words], value: int) -> Mask:
    high, low = np.uint64(value >> _HALF), np.uint64(value & _LOW)
    found: Mask = (words[0] < high) | ((words[0] == high) & (words[1] <= low))
    return found


def covers(spans: Spans, block: Block) -> Mask:
    """Which spans (of its family) contain all of `block`."""
    return _at_most(spans.lo, block.lo) & _at_least(spans.hi, block.hi)


def private(spans: Spans) -> Mask:
    """Which spans lie wholly in space meant for private use."""
    found = np.zeros(len(spans), np.bool_)
    for own in PRIVATE_BLOCKS:
        found |= (
            (spans.family == own.family) & _at_least(spans.lo, own.lo) & _at_most(spans.hi, own.hi)
        )
    return found


def all_cidr(spans: Spans) -> bool:
    """Whether every span is a CIDR, so that any two nest or are disjoint."""
    low = (spans.lo[0] ^ spans.hi[0], spans.lo[1] ^ spans.hi[1])
    one = np.uint64(1)
    # the bits in which the ends differ are the lowest ones, and the first address has none of them
    whole = np.where(low[0] == 0, low[1] & (low[1] + one), ~low[1] | (low[0] & (low[0] + one)))
    clean = ((spans.lo[0] & low[0]) | (spans.lo[1] & low[1])) == 0
    return bool(np.all((whole == 0) & clean))
