"""Overlaps of a file's prefixes with other networks, told while the file is checked.

They are no faults: networks that were built apart do overlap, and the merge forecast plans for it.
Per network of the file one note says how many of its prefixes meet others', and where the worst
one stands; of the other side only the unit is named. Summaries (汇总段) are left out on both
sides, they occupy nothing. The sweep is that of the forecast: O(n log n), and no pair is ever made
but that of the worst.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from yunzhang.estate.addresses import overlaps
from yunzhang.estate.addresses.blocks import Block, merge_spans, parse_block
from yunzhang.estate.addresses.overlaps import Ranked
from yunzhang.estate.addresses.spans import Ints, Mask, Packed, Spans, Words, from_blocks, unpack
from yunzhang.estate.importing.known import Known
from yunzhang.estate.workbooks.parsing import Parsed, Row

# Networks a note is written for, those with most overlaps first; the last note counts the rest.
MAX_NOTES = 50
# Stretches of addresses in which the register is searched; of more, the nearest become one.
MAX_STRETCHES = 32


class _Worst(NamedTuple):
    """The worst prefix of a network: its place, how it meets which other network."""

    place: int
    relation: str
    other: int


def stretches(blocks: Iterable[Block]) -> list[Block]:
    """Few stretches of addresses that hold all of `blocks`."""
    by_family: dict[int, list[tuple[int, int]]] = {}
    for block in blocks:
        by_family.setdefault(block.family, []).append((block.lo, block.hi))
    found = []
    for family, spans in by_family.items():
        merged = merge_spans(spans)
        gaps = [(merged[at][0] - merged[at - 1][1], at) for at in range(1, len(merged))]
        widest = sorted(gaps, reverse=True)[: MAX_STRETCHES - 1]
        cuts = [0, *sorted(at for _, at in widest), len(merged)]
        found += [
            Block(family, merged[first][0], merged[last - 1][1]) for first, last in pairwise(cuts)
        ]
    return found


def note_overlaps(parsed: Parsed, known: Known) -> None:
    """Add a note for each network of the file whose good prefixes meet another network's."""
    networks, units = _owners(parsed, known)
    own = [
        row
        for row in parsed.rows("prefixes")
        if row.good and row.key and row.values["role"] != "container" and row.key[0] in networks
    ]
    if not own:
        return
    names = sorted(set(networks.values()))
    numbers = {name: number for number, name in enumerate(names)}
    spans = _joined(
        from_blocks(
            [parse_block(row.values["cidr"]) for row in own],
            (numbers[networks[row.values["domain_code"]]] for row in own),
        ),
        unpack([
            Packed(family, numbers[networks[domain]], 0, text)
            for domain, family, text in known.spans
            if domain in networks
        ]),
    )  # fmt: skip
    ranked = _once(overlaps.rank(spans))
    met = overlaps.meetings(ranked)
    mine = ranked.order < len(own)
    pairs = np.bincount(ranked.domain[mine], met[mine], len(names)).astype(np.int64)
    many = np.bincount(ranked.domain[mine & (met > 0)], minlength=len(names))
    chosen = [int(number) for number in np.argsort(-pairs, kind="stable") if pairs[number]]
    for number in chosen[:MAX_NOTES]:
        worst = _worst(ranked, met, mine & (ranked.domain == number))
        row = own[int(ranked.order[worst.place])]
        _note(parsed, row, f"overlap_{worst.relation}", network=names[number],
              count=int(many[number]), pairs=int(pairs[number]), value=row.values["cidr"],
              unit=units.get(names[worst.other], "-"))  # fmt: skip
    if rest := chosen[MAX_NOTES:]:
        row = next(row for row in own if numbers[networks[row.values["domain_code"]]] == rest[0])
        _note(parsed, row, "overlap_more", count=len(rest), pairs=int(pairs[rest].sum()))


def _note(parsed: Parsed, row: Row, code: str, **values: object) -> None:
    parsed.inform(parsed.sheets["prefixes"].sheet, row, "cidr", code, **values)


def _owners(parsed: Parsed, known: Known) -> tuple[dict[str, str], dict[str, str]]:
    """Address domain → network, and network → unit, stored or in the file."""
    networks = {domain: network for domain, (network, _) in known.domain_owners.items()}
    units = dict(known.domain_owners.values())
    for row in parsed.rows("domains"):
        if row.key and (network := row.values.get("network_code")):
            networks[row.key[0]] = network
    for row in parsed.rows("networks"):
        if row.key and (unit := row.values.get("unit_code")):
            units[row.key[0]] = unit
    return networks, units


def _joined(one: Spans, other: Spans) -> Spans:
    def both(name: str) -> Ints:
        return np.concatenate([getattr(one, name), getattr(other, name)])

    def ends(first: tuple[Words, Words], second: tuple[Words, Words]) -> tuple[Words, Words]:
        return np.concatenate([first[0], second[0]]), np.concatenate([first[1], second[1]])

    return Spans(
        both("family"), ends(one.lo, other.lo), ends(one.hi, other.hi), both("domain"),
        both("role"),
    )  # fmt: skip


def _once(ranked: Ranked) -> Ranked:
    """Each span of a network once; of one stored and in the file, which comes first, the file's."""
    fresh = np.ones(len(ranked), np.bool_)
    fresh[1:] = (
        (np.diff(ranked.start) != 0) | (np.diff(ranked.end) != 0) | (np.diff(ranked.domain) != 0)
    )
    return ranked.take(fresh)


def _worst(ranked: Ranked, met: Ints, of: Mask) -> _Worst:
    """Of the spans `of` one network that which meets most others; equal ones weigh more."""
    places = np.flatnonzero(of)
    place = int(places[np.argmax(met[places])])
    meets = (ranked.start < ranked.stop[place]) & (ranked.stop > ranked.start[place])
    meets &= ranked.domain != ranked.domain[place]
    others = np.flatnonzero(meets)
    wider = (ranked.start[others] <= ranked.start[place]) & (
        ranked.end[others] >= ranked.end[place]
    )
    inside = (ranked.start[others] >= ranked.start[place]) & (
        ranked.end[others] <= ranked.end[place]
    )
    for relation, found in (("equal", wider & inside), ("inside", wider), ("around", inside)):
        if found.any():
            return _Worst(place, relation, int(ranked.domain[others[np.argmax(found)]]))
    return _Worst(place, "crosses", int(ranked.domain[others[0]]))
