"""Names that are alike, as suggestions for a person. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

# Share of common pairs of letters from which two names are called alike.
ALIKE = 0.6
SUGGESTED = 3
# A piece that so many names have says nothing about one of them.
COMMON = 500
_APART = re.compile(r"[\W_]+")


def _pieces(name: str) -> frozenset[str]:
    plain = f"^{_APART.sub('', name.lower())}$"
    return frozenset(plain[i : i + 2] for i in range(len(plain) - 1))


def suggest(
    wanted: Mapping[str, tuple[str, str]], offered: Mapping[str, tuple[frozenset[str], str]]
) -> dict[str, tuple[str, ...]]:
    """For each of `wanted` the most alike of `offered` on its platform, best first.

    `wanted`: reference → (platform, name); `offered`: reference → (platforms, name).
    """
    by_piece: dict[tuple[str, str], list[str]] = {}
    pieces = {ref: _pieces(name) for ref, (_, name) in offered.items()}
    for ref, (platforms, _) in offered.items():
        for platform in platforms:
            for piece in pieces[ref]:
                by_piece.setdefault((platform, piece), []).append(ref)
    found = {}
    for ref, (platform, name) in wanted.items():
        own = _pieces(name)
        best = _best(own, (by_piece.get((platform, piece), []) for piece in own), pieces)
        if best:
            found[ref] = best
    return found


def _best(
    own: frozenset[str], holders: Iterable[list[str]], pieces: Mapping[str, frozenset[str]]
) -> tuple[str, ...]:
    shared: Counter[str] = Counter()
    for refs in holders:
        if len(refs) <= COMMON:
            shared.update(refs)
    alike = {ref: len(own & pieces[ref]) / len(own | pieces[ref]) for ref in shared}
    ranked = sorted((ref for ref in alike if alike[ref] >= ALIKE), key=lambda r: (-alike[r], r))
    return tuple(ranked[:SUGGESTED])
