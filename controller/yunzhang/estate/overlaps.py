"""Every overlap among prefixes of different owners, by one sort and one stack.

CIDR blocks either nest or are disjoint, so after sorting by (first address, widest first) the
blocks that contain the present one are exactly those on a stack. All counts are exact without
making the pairs, whose number can grow with the square; pairs are produced lazily, by page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from yunzhang.estate.addresses import Block


class Owned(NamedTuple):
    """A block and its owner (an address domain)."""

    block: Block
    owner: str


class Pair(NamedTuple):
    """Two overlapping blocks of different owners, as positions in the given sequence.

    `relation` is `equal`, or `contains`: the first contains the second.
    """

    first: int
    second: int
    relation: str


@dataclass(slots=True)
class Sweep:
    """Exact counts. Per block: how many foreign blocks it overlaps."""

    order: list[int]
    above: list[int]
    below: list[int]
    equal: int = 0
    contains: int = 0
    owners: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """How many pairs there are."""
        return self.equal + self.contains


def sweep(blocks: Sequence[Owned]) -> Sweep:
    """Count all overlaps between different owners. O(n log n) time, O(n) space."""
    names = {owner: number for number, owner in enumerate(sorted({own for _, own in blocks}))}
    rows = sorted(
        (family, lo, -hi, names[owner], position)
        for position, ((family, lo, hi), owner) in enumerate(blocks)
    )
    result = Sweep([row[4] for row in rows], [0] * len(rows), [0] * len(rows))
    _count(rows, len(names), result)
    overlaps = [0] * len(names)
    for _, _, _, number, position in rows:
        overlaps[number] += result.above[position] + result.below[position]
    result.owners = {name: overlaps[number] for name, number in names.items()}
    return result


def _count(rows: list[tuple[int, int, int, int, int]], owners: int, result: Sweep) -> None:
    # per open block: hi, position, owner, blocks seen when it was opened, and of its owner
    stack: list[tuple[int, int, int, int, int]] = []
    open_of, seen_of = [0] * owners, [0] * owners
    run_of: dict[int, int] = {}  # blocks equal to the present one, by owner
    present, seen, run = (0, 0, 0), 0, 0

    def close() -> None:
        _, place, own, before, before_own = stack.pop()
        open_of[own] -= 1
        result.below[place] = (seen - before) - (seen_of[own] - before_own)

    for family, lo, minus_hi, owner, position in rows:
        while stack and (stack[-1][0] < lo or family != present[0]):
            close()
        if (family, lo, minus_hi) != present:
            present, run, run_of = (family, lo, minus_hi), 0, {}
        foreign = len(stack) - open_of[owner]
        same = run - run_of.get(owner, 0)
        result.above[position] = foreign
        result.equal += same
        result.contains += foreign - same
        seen, run = seen + 1, run + 1
        seen_of[owner] += 1
        open_of[owner] += 1
        run_of[owner] = run_of.get(owner, 0) + 1
        stack.append((-minus_hi, position, owner, seen, seen_of[owner]))
    while stack:
        close()


def pairs(blocks: Sequence[Owned], result: Sweep, own: Set[str] | None = None) -> Iterator[Pair]:
    """All pairs, outer block first, in address order; with `own`, those these owners are in."""
    return _pairs(blocks, result, 0) if own is None else _pairs_of(blocks, result, own)


def page(
    blocks: Sequence[Owned],
    result: Sweep,
    offset: int,
    limit: int,
    own: Set[str] | None = None,
) -> list[Pair]:
    """Pairs `offset` to `offset + limit` in the order of `pairs`."""
    if own is None:
        return list(islice(_pairs(blocks, result, offset), limit))
    return list(islice(_pairs_of(blocks, result, own), offset, offset + limit))


def _pair(blocks: Sequence[Owned], outer: int, inner: int) -> Pair:
    same = blocks[outer].block == blocks[inner].block
    return Pair(outer, inner, "equal" if same else "contains")


def _pairs(blocks: Sequence[Owned], result: Sweep, skip: int) -> Iterator[Pair]:
    # blocks whose pairs all lie before the page are passed over by their count alone
    stack: list[int] = []
    for position in result.order:
        block, owner = blocks[position]
        while stack and not _reaches(blocks[stack[-1]].block, block):
            stack.pop()
        if skip >= result.above[position]:
            skip -= result.above[position]
        else:
            foreign = (other for other in stack if blocks[other].owner != owner)
            for outer in islice(foreign, skip, None):
                yield _pair(blocks, outer, position)
            skip = 0
        stack.append(position)


def _pairs_of(blocks: Sequence[Owned], result: Sweep, own: Set[str]) -> Iterator[Pair]:
    stack: list[int] = []
    own_stack: list[int] = []
    for position in result.order:
        block, owner = blocks[position]
        for each in (stack, own_stack):
            while each and not _reaches(blocks[each[-1]].block, block):
                each.pop()
        for outer in stack if owner in own else own_stack:
            if blocks[outer].owner != owner:
                yield _pair(blocks, outer, position)
        stack.append(position)
        if owner in own:
            own_stack.append(position)


def _reaches(outer: Block, inner: Block) -> bool:
    return outer.family == inner.family and outer.hi >= inner.hi
