"""Proof of the address book: a bijection, without overlap, host parts kept, nothing reserved used.

Works on integers from the standard library's `ipaddress`, not on the planner's code.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from itertools import pairwise
from typing import Any

from yunzhang.plancheck.faults import Fault

Network = IPv4Network | IPv6Network
Document = dict[str, Any]
Prefixes = dict[tuple[str, str], tuple[Network, Network]]


def check_addresses(document: Document) -> Iterator[Fault]:
    """All faults of the address book."""
    prefixes: Prefixes = {}
    for number, entry in enumerate(document["address_book"]["prefixes"]):
        place = f"address_book.prefixes[{number}]"
        key = (entry["domain"], entry["old"])
        if key in prefixes:
            yield Fault("plancheck.prefix_twice", place, {"domain": key[0], "old": key[1]})
        old, new = ip_network(entry["old"]), ip_network(entry["new"])
        if old.version != new.version or old.prefixlen != new.prefixlen:
            yield Fault("plancheck.prefix_size", place, {"old": str(old), "new": str(new)})
        prefixes[key] = (old, new)
    yield from _overlaps(prefixes)
    yield from _entries(document, prefixes)


def _overlaps(prefixes: Prefixes) -> Iterator[Fault]:
    spaces: dict[str, list[Network]] = {"": [new for _, new in prefixes.values()]}
    for (domain, _), (old, _) in prefixes.items():
        spaces.setdefault(f"={domain}", []).append(old)
    for networks in spaces.values():
        ordered = sorted(networks, key=lambda n: (n.version, int(n.network_address), n.prefixlen))
        for left, right in pairwise(ordered):
            if left.version == right.version and int(right.network_address) <= int(
                left.broadcast_address
            ):
                yield Fault(
                    "plancheck.prefix_overlap",
                    "address_book.prefixes",
                    {"left": str(left), "right": str(right)},
                )


def _entries(document: Document, prefixes: Prefixes) -> Iterator[Fault]:
    olds: set[tuple[str, str]] = set()
    news: set[str] = set()
    for number, entry in enumerate(document["address_book"]["addresses"]):
        place = f"address_book.addresses[{number}]"
        domain, old, new = entry["domain"], entry["old"], entry["new"]
        if (domain, old) in olds or new in news:
            yield Fault("plancheck.address_twice", place, {"old": old, "new": new})
        olds.add((domain, old))
        news.add(new)
        home = next(
            (
                pair
                for (d, _), pair in prefixes.items()
                if d == domain and ip_address(old) in pair[0]
            ),
            None,
        )
        if home is None:
            yield Fault("plancheck.address_homeless", place, {"domain": domain, "old": old})
            continue
        before, after = home
        offset = int(ip_address(old)) - int(before.network_address)
        if int(ip_address(new)) - int(after.network_address) != offset:
            yield Fault("plancheck.address_offset", place, {"old": old, "new": new})
        if (
            after.version == 4
            and after.prefixlen < 31
            and new
            in (
                str(after.network_address),
                str(after.broadcast_address),
            )
        ):
            yield Fault("plancheck.address_reserved", place, {"new": new})
