"""Rules of addresses: leaves of a domain do not overlap, workloads live in declared prefixes."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from typing import Any, NamedTuple

from yunzhang.estate.addresses.blocks import Block, merge_spans, parse_address, parse_block
from yunzhang.estate.importing.known import Known
from yunzhang.estate.workbooks.parsing import Parsed, Row, SheetRows


class _Leaf(NamedTuple):
    block: Block
    cidr: str
    row: Row | None  # None: stored already


def _file_prefixes(rows: list[Row]) -> list[Row]:
    """Rows with a readable key, the first of each key."""
    seen: dict[Any, Row] = {}
    for row in rows:
        if row.key is not None:
            seen.setdefault(row.key, row)
    return list(seen.values())


def check_leaves(parsed: Parsed, rows: SheetRows, known: Known) -> None:
    """Two leaves of one domain must not overlap; the later one is at fault."""
    leaves: dict[str, list[_Leaf]] = defaultdict(list)
    present = _file_prefixes(rows.rows)
    # what a bad row would change stays as it is, and counts as it is
    replaced = {row.key for row in present if row.good}
    standing = set()
    for prefix in known.prefixes:
        key = prefix.domain_code, prefix.cidr
        if prefix.role == "leaf" and key not in replaced:
            standing.add(key)
            leaves[prefix.domain_code].append(_Leaf(prefix.block, prefix.cidr, None))
    for row in present:
        if row.values.get("role") == "leaf" and row.key not in standing:
            cidr = row.values["cidr"]
            leaves[row.values["domain_code"]].append(_Leaf(parse_block(cidr), cidr, row))
    for domain, found in leaves.items():
        _check_domain(parsed, rows, domain, found)


def _check_domain(parsed: Parsed, rows: SheetRows, domain: str, leaves: list[_Leaf]) -> None:
    leaves.sort(key=lambda leaf: (leaf.block.family, leaf.block.lo, -leaf.block.hi))
    stack: list[_Leaf] = []
    told: set[int] = set()  # one finding per row, however many leaves it covers
    for leaf in leaves:
        block = leaf.block
        while stack and (stack[-1].block.hi < block.lo or stack[-1].block.family != block.family):
            stack.pop()
        if stack:
            _overlap(parsed, rows, (domain, told), stack[-1], leaf)
        stack.append(leaf)


def _overlap(
    parsed: Parsed, rows: SheetRows, place: tuple[str, set[int]], outer: _Leaf, inner: _Leaf
) -> None:
    domain, told = place
    later, earlier = inner, outer
    if inner.row is None or (outer.row and outer.row.number > inner.row.number):
        later, earlier = outer, inner
    if later.row is None or later.row.number in told:
        return
    told.add(later.row.number)
    values = {"domain": domain, "value": later.cidr, "other": earlier.cidr}
    if earlier.row:
        parsed.add(rows.sheet, later.row, "cidr", "leaf_overlap", row=earlier.row.number, **values)
    else:
        parsed.add(rows.sheet, later.row, "cidr", "leaf_overlap_stored", **values)


class _Spans:
    """Addresses of one network (or of a whole domain), for fast membership."""

    def __init__(self, blocks: list[Block]) -> None:
        self._ends = {
            family: merge_spans((b.lo, b.hi) for b in blocks if b.family == family)
            for family in (4, 6)
        }
        self._starts = {family: [lo for lo, _ in ends] for family, ends in self._ends.items()}

    def __contains__(self, address: tuple[int, int]) -> bool:
        family, value = address
        place = bisect_right(self._starts[family], value) - 1
        return place >= 0 and value <= self._ends[family][place][1]


class _Networks:
    """Which networks a domain has and which addresses they cover.

    The empty name stands for all of the domain. `shaky` are names that only bad rows declare.
    """

    def __init__(self, parsed: Parsed, known: Known) -> None:
        blocks: dict[tuple[str, str], list[Block]] = defaultdict(list)
        self.shaky: set[tuple[str, str]] = set()
        replaced = set()
        for row in parsed.rows("prefixes"):
            domain = row.values.get("domain_code")
            name = row.values.get("network_name") or ""
            if not row.good or row.key is None:
                self.shaky |= {(domain or "", name), (domain or "", "")}
                continue
            replaced.add(row.key)
            block = parse_block(row.values["cidr"])
            for key in {(row.key[0], name), (row.key[0], "")}:
                blocks[key].append(block)
        for prefix in known.prefixes:
            if (prefix.domain_code, prefix.cidr) not in replaced:
                for key in {(prefix.domain_code, prefix.network_name), (prefix.domain_code, "")}:
                    blocks[key].append(prefix.block)
        self._domains = known.codes.get("domains", set()) | {
            row.key[0] for row in parsed.rows("domains") if row.key
        }
        self._blocks = blocks
        self._spans: dict[tuple[str, str], _Spans] = {}

    def knows(self, domain: str) -> bool:
        """Whether the domain exists at all; if not, that has been said already."""
        return domain in self._domains

    def has(self, domain: str, name: str) -> bool:
        """Whether a good prefix of `domain` carries this network name."""
        return (domain, name) in self._blocks

    def covers(self, domain: str, name: str, address: tuple[int, int]) -> bool:
        """Whether the address lies in a prefix of the network."""
        key = (domain, name)
        if key not in self._spans:
            self._spans[key] = _Spans(self._blocks.get(key, []))
        return address in self._spans[key]


def check_workloads(parsed: Parsed, rows: SheetRows, known: Known) -> None:
    """Networks are declared in the workload's domain, addresses lie in them, once each."""
    networks = _Networks(parsed, known)
    taken: dict[tuple[str, str], Row] = {}
    for row in rows.rows:
        names = row.values.get("networks") or []
        addresses = row.values.get("addresses") or []
        domain = row.values.get("domain_code")
        if not names and not addresses:
            continue
        if domain is None:
            if "domain_code" in row.values:
                parsed.add(rows.sheet, row, "domain_code", "domain_missing")
            continue
        if names and addresses and len(names) != len(addresses):
            counts = {"networks": len(names), "addresses": len(addresses)}
            parsed.add(rows.sheet, row, "addresses", "addresses_unpaired", **counts)
            continue
        if not known.is_hidden("domains", domain):  # else addresses could be tried out
            _check_interfaces(parsed, rows, row, networks)
        for address in addresses:
            other = taken.setdefault((domain, address), row)
            if other is not row:
                values = {"value": address, "row": other.number, "domain": domain}
                parsed.warn(rows.sheet, row, "addresses", "address_twice", **values)


def _check_interfaces(parsed: Parsed, rows: SheetRows, row: Row, networks: _Networks) -> None:
    domain = row.values["domain_code"]
    names: list[str] = row.values.get("networks") or []
    addresses: list[str] = row.values.get("addresses") or []
    for position in range(max(len(names), len(addresses))):
        name = names[position] if names else ""
        if name and not networks.has(domain, name):
            if (domain, name) in networks.shaky:
                row.held = True
            elif networks.has(domain, ""):
                parsed.add(rows.sheet, row, "networks", "network_unknown", value=name,
                           domain=domain)  # fmt: skip
            elif networks.knows(domain):
                parsed.add(rows.sheet, row, "networks", "domain_empty", value=domain)
            continue
        if addresses and not networks.covers(domain, name, parse_address(addresses[position])):
            if (domain, name) in networks.shaky:
                row.held = True
            elif networks.knows(domain):
                values = {"value": addresses[position], "domain": domain, "network": name or "-"}
                parsed.add(rows.sheet, row, "addresses", "address_outside", **values)
