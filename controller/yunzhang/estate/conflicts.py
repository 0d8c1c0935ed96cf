"""The merge forecast: what would collide if all private networks became one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from yunzhang.estate import overlaps
from yunzhang.estate.addresses import is_private
from yunzhang.estate.overlaps import Owned, Pair
from yunzhang.estate.repository import OwnedPrefix
from yunzhang.estate.schemas import ConflictRead, ConflictReport, ConflictSide, NetworkConflicts


def forecast(
    prefixes: Sequence[OwnedPrefix], *, own: frozenset[str] | None, limit: int, offset: int
) -> ConflictReport:
    """Count all overlaps between address domains; `own` narrows to these domains' share."""
    blocks = [Owned(prefix.block, prefix.domain_code) for prefix in prefixes]
    found = overlaps.sweep(blocks)
    equal, contains = found.equal, found.contains
    mine = [prefix for prefix in prefixes if own is None or prefix.domain_code in own]
    if own is not None:
        # pairs with at least one end here are all pairs less those among the others
        others = overlaps.sweep([block for block in blocks if block.owner not in own])
        equal, contains = equal - others.equal, contains - others.contains
    public = [prefix for prefix in mine if not is_private(prefix.block)]
    return ConflictReport(
        prefixes=len(mine),
        domains=len({prefix.domain_code for prefix in mine}),
        total=equal + contains,
        equal=equal,
        contains=contains,
        networks=_by_network(mine, found.owners),
        public_total=len(public),
        public=[_side(prefix) for prefix in public[:limit]],
        pairs=[
            _told(prefixes, pair, own) for pair in overlaps.page(blocks, found, offset, limit, own)
        ],
        limit=limit,
        offset=offset,
    )


def _by_network(prefixes: Sequence[OwnedPrefix], owners: dict[str, int]) -> list[NetworkConflicts]:
    sizes = Counter(prefix.network_code for prefix in prefixes)
    domains = {prefix.domain_code: prefix for prefix in prefixes}
    conflicts: Counter[str] = Counter()
    for code, prefix in domains.items():
        conflicts[prefix.network_code] += owners[code]
    networks = {prefix.network_code: prefix for prefix in domains.values()}
    rows = [
        NetworkConflicts(
            network_code=code,
            network_name=prefix.network_name,
            unit_code=prefix.unit_code,
            unit_name=prefix.unit_name,
            prefixes=sizes[code],
            conflicts=conflicts[code],
        )
        for code, prefix in networks.items()
    ]
    return sorted(rows, key=lambda row: (-row.conflicts, row.network_code))


def _side(prefix: OwnedPrefix) -> ConflictSide:
    return ConflictSide(
        cidr=prefix.cidr,
        domain_code=prefix.domain_code,
        network_code=prefix.network_code,
        network_name=prefix.network_name,
        unit_code=prefix.unit_code,
        unit_name=prefix.unit_name,
    )


def _told(prefixes: Sequence[OwnedPrefix], pair: Pair, own: frozenset[str] | None) -> ConflictRead:
    outer, inner = prefixes[pair.first], prefixes[pair.second]
    if own is not None and outer.domain_code not in own:
        relation = "equal" if pair.relation == "equal" else "contained"
        return ConflictRead(relation=relation, first=_side(inner), second=_side(outer))
    relation = "equal" if pair.relation == "equal" else "contains"
    return ConflictRead(relation=relation, first=_side(outer), second=_side(inner))
