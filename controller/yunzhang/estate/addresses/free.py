"""Free space in a pool: the gaps between what is declared, and the first or best place in them."""

from __future__ import annotations

from typing import Literal

import numpy as np

from yunzhang.estate.addresses.blocks import WIDTH, Block
from yunzhang.estate.addresses.spans import Ints, Mask, Spans, Words, covers

_HALF = 64


def gaps(pool: Block, occupied: Spans) -> list[tuple[int, int]]:
    """First and last address of every gap of `pool`, in order.

    `occupied`: spans of the pool's family that reach into the pool, unordered; they may nest or
    overlap. Those that contain all of the pool, as itself does, take nothing away. The work per
    span is done in columns, only gaps become objects.
    """
    occupied = occupied.take(~covers(occupied, pool))
    if not len(occupied):
        return [(pool.lo, pool.hi)]
    order = np.lexsort((occupied.lo[1], occupied.lo[0]))
    lo = occupied.lo[0][order], occupied.lo[1][order]
    hi = _reach(occupied.hi[0][order], occupied.hi[1][order])
    open_after = _beyond(lo, hi)
    found = [
        (_join(hi, at) + 1, _join(lo, at + 1) - 1) for at in np.flatnonzero(open_after).tolist()
    ]
    first, last = _join(lo, 0), _join(hi, len(order) - 1)
    before = [(pool.lo, first - 1)] if first > pool.lo else []
    after = [(last + 1, pool.hi)] if last < pool.hi else []
    return before + found + after


def _join(words: tuple[Words, Words], at: int) -> int:
    return int(words[0][at]) << _HALF | int(words[1][at])


def _reach(high: Words, low: Words) -> tuple[Words, Words]:
    """The furthest last address so far, at each place."""
    if not np.any(high != high[0]):
        return high, np.maximum.accumulate(low)
    # rank the pairs, let the ranks climb, and look the pairs up again
    order = np.lexsort((low, high))
    ranks: Ints = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    best = order[np.maximum.accumulate(ranks)]
    return high[best], low[best]


def _beyond(lo: tuple[Words, Words], hi: tuple[Words, Words]) -> Mask:
    """Whether the next span begins more than one after all that came before ends."""
    one = np.uint64(1)
    next_low = hi[1][:-1] + one
    next_high = hi[0][:-1] + (next_low == 0).astype(np.uint64)
    found: Mask = (lo[0][1:] > next_high) | ((lo[0][1:] == next_high) & (lo[1][1:] > next_low))
    return found


def find_free(
    pool: Block, occupied: Spans, length: int, policy: Literal["first", "best"]
) -> Block | None:
    """A free CIDR of `length` in `pool`, None when there is none.

    `first`: the lowest. `best`: in the smallest free CIDR that is large enough, so that large ones
    stay whole; of equal ones the lowest.
    """
    size = 1 << (WIDTH[pool.family] - length)
    found: tuple[int, int] | None = None
    for lo, hi in gaps(pool, occupied):
        begin = -(-lo // size) * size
        if begin + size - 1 > hi:
            continue
        if policy == "first":
            return Block(pool.family, begin, begin + size - 1)
        choice = _tightest(lo, hi, size)
        found = min(found, choice) if found else choice
        if found[0] == size:
            break
    return Block(pool.family, found[1], found[1] + size - 1) if found else None


def _tightest(lo: int, hi: int, size: int) -> tuple[int, int]:
    """Size and begin of the smallest maximal CIDR of a gap that holds `size`; there is one."""
    best: tuple[int, int] | None = None
    at = lo
    while at <= hi:
        width = at & -at if at else 1 << (hi.bit_length() + 1)
        while at + width - 1 > hi:
            width >>= 1
        if width >= size:
            best = min(best, (width, at)) if best else (width, at)
        at += width
    assert best is not None  # noqa: S101 - an aligned block of `size` lies in a maximal CIDR
    return best
