"""Rules that look at one row alone."""

from __future__ import annotations

from collections.abc import Callable

from yunzhang.estate.addresses.blocks import is_private, parse_address, parse_block
from yunzhang.estate.importing.known import Known
from yunzhang.estate.workbooks.parsing import Parsed, Row
from yunzhang.estate.workbooks.sheets import Sheet

# From this protection level on a filing number is expected.
FILED_LEVEL = 3
# Bandwidths beyond these (Mbps) were probably meant in another unit.
DOUBTFUL_MBPS = (2, 100_000)
# Zones that have no business with public addresses.
INNER_ZONES = frozenset({"private", "egov_dedicated"})

Rule = Callable[[Parsed, Sheet, Row, Known], None]


def check_item(parsed: Parsed, sheet: Sheet, row: Row, known: Known) -> None:
    """Apply all rules of the row's sheet."""
    for rule in RULES.get(sheet.key, ()):
        rule(parsed, sheet, row, known)


def _parent(parsed: Parsed, sheet: Sheet, row: Row, _: Known) -> None:
    values = row.values
    if values.get("kind") == "sub_cloud" and values.get("parent_code", "") is None:
        parsed.add(sheet, row, "parent_code", "parent_missing")


def _itself(parsed: Parsed, sheet: Sheet, row: Row, _: Known) -> None:
    if row.key and row.key[0] == row.key[1]:
        parsed.add(sheet, row, "target_code", "depends_on_itself", value=row.key[0])


def _racks(parsed: Parsed, sheet: Sheet, row: Row, _: Known) -> None:
    used, total = row.values.get("racks_used"), row.values.get("racks_total")
    if used is not None and total is not None and used > total:
        parsed.warn(sheet, row, "racks_used", "racks_over", used=used, total=total)


def _filing(parsed: Parsed, sheet: Sheet, row: Row, _: Known) -> None:
    values = row.values
    if (values.get("mlps_level") or 0) >= FILED_LEVEL and values.get("filing_no") == "":
        parsed.warn(sheet, row, "filing_no", "filing_missing", level=values["mlps_level"])


def _retired(parsed: Parsed, sheet: Sheet, row: Row, _: Known) -> None:
    built, retired = row.values.get("built_year"), row.values.get("retire_year")
    if built is not None and retired is not None and retired < built:
        parsed.add(sheet, row, "retire_year", "retired_before_built", built=built, retired=retired)


def _merged_into_itself(parsed: Parsed, sheet: Sheet, row: Row, _: Known) -> None:
    target = row.values.get("target_code")
    if target is not None and row.key == (target,):
        parsed.add(sheet, row, "target_code", "target_itself", value=target)


def _bandwidth(parsed: Parsed, sheet: Sheet, row: Row, _: Known) -> None:
    mbps = row.values.get("bandwidth_mbps")
    if mbps is not None and not DOUBTFUL_MBPS[0] <= mbps <= DOUBTFUL_MBPS[1]:
        parsed.warn(sheet, row, "bandwidth_mbps", "bandwidth_doubtful", value=mbps)


def _egress_private(parsed: Parsed, sheet: Sheet, row: Row, _: Known) -> None:
    inner = [c for c in row.values.get("public_prefixes") or () if is_private(parse_block(c))]
    if inner:
        parsed.warn(sheet, row, "public_prefixes", "egress_private", value=inner[0])


def _public_inside(parsed: Parsed, sheet: Sheet, row: Row, known: Known) -> None:
    cidr, domain = row.values.get("cidr"), row.values.get("domain_code")
    if cidr is None or known.zones.get(domain or "") not in INNER_ZONES:
        return
    if not is_private(parse_block(cidr)):
        parsed.warn(sheet, row, "cidr", "public_inside", value=cidr)


def _range_ends(parsed: Parsed, sheet: Sheet, row: Row, _: Known) -> None:
    first, last = row.values.get("first"), row.values.get("last")
    if first is None or last is None:
        return
    (family, lo), (other, hi) = parse_address(first), parse_address(last)
    if family != other or lo > hi:
        parsed.add(sheet, row, "last", "range_reversed", first=first, last=last)


def _term(parsed: Parsed, sheet: Sheet, row: Row, _: Known) -> None:
    start, end = row.values.get("valid_from"), row.values.get("valid_to")
    if start is not None and end is not None and end < start:
        parsed.add(sheet, row, "valid_to", "dates_reversed", start=start, end=end)


RULES: dict[str, tuple[Rule, ...]] = {
    "units": (_term,),
    "sites": (_racks, _retired, _term),
    "networks": (_filing, _retired, _term),
    "domains": (_merged_into_itself,),
    "prefixes": (_public_inside,),
    "ranges": (_range_ends,),
    "circuits": (_bandwidth, _term),
    "egresses": (_bandwidth, _egress_private, _filing, _merged_into_itself, _term),
    "platforms": (_parent, _filing, _merged_into_itself, _term),
    "systems": (_filing, _term),
    "dependencies": (_itself,),
    "responsibilities": (_term,),
}
