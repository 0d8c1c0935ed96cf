"""New addresses for old ones: whole prefixes are moved, host parts are kept.

A source prefix gets a free block of its own size in a target pool; every address in it moves by
the same offset. So the map is a bijection by construction, and gateways, reserved addresses and
ranges keep their places. (`plancheck` proves it again without this module.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from netaddr import IPAddress, IPNetwork, IPSet

Source = tuple[str, str]  # (address domain, CIDR)


@dataclass(frozen=True, slots=True)
class NoRoom:
    """A source prefix for which no pool has a free block."""

    domain: str
    cidr: str


def renumber(
    sources: Iterable[Source], pools: Sequence[str], taken: Iterable[str]
) -> tuple[dict[Source, str], list[NoRoom]]:
    """Give every source prefix a block: largest first, the lowest free one that fits.

    `taken` are blocks in use on the target side. Returns the map and what found no room.
    """
    used = IPSet(IPNetwork(cidr) for cidr in taken)
    free = IPSet(IPNetwork(pool) for pool in pools) - used
    chosen: dict[Source, str] = {}
    lacking: list[NoRoom] = []
    for domain, cidr in sorted(set(sources), key=lambda s: (IPNetwork(s[1]).prefixlen, s)):
        network = IPNetwork(cidr)
        block = _first_fit(free, network.version, network.prefixlen)
        if block is None:
            lacking.append(NoRoom(domain, cidr))
            continue
        free.remove(block)
        chosen[domain, cidr] = str(block)
    return chosen, lacking


def _first_fit(free: IPSet, version: int, length: int) -> IPNetwork | None:
    for gap in free.iter_cidrs():
        if gap.version == version and gap.prefixlen <= length:
            return next(iter(gap.subnet(length)))
    return None


class AddressMap:
    """Translates addresses and prefixes of each domain through a prefix map."""

    def __init__(self, prefixes: Mapping[Source, str]) -> None:
        self._moves: dict[str, list[tuple[IPNetwork, IPNetwork]]] = {}
        for (domain, old), new in sorted(prefixes.items()):
            self._moves.setdefault(domain, []).append((IPNetwork(old), IPNetwork(new)))

    def address(self, domain: str, address: str) -> str | None:
        """The new address, or None when no moved prefix of the domain holds it."""
        old = IPAddress(address)
        for source, target in self._moves.get(domain, []):
            if old in source:
                return str(IPAddress(target.first + int(old) - source.first, target.version))
        return None

    def prefix(self, domain: str, cidr: str) -> list[str] | None:
        """The new prefixes that stand for `cidr`, or None when it touches no moved prefix.

        A prefix inside a moved one is moved with it. A prefix around moved ones stays, and what
        they became is added.
        """
        wanted = IPNetwork(cidr)
        around = []
        for source, target in self._moves.get(domain, []):
            if wanted.version != source.version:
                continue
            if wanted in source:
                first = target.first + wanted.first - source.first
                moved = IPNetwork((first, wanted.prefixlen), version=target.version)
                return [str(moved.cidr)]
            if source in wanted:
                around.append(str(target))
        return [cidr, *around] if around and wanted.prefixlen > 0 else None
