"""Rules that look at many rows together: names, sums, medians. Most of them only warn."""

from __future__ import annotations

import difflib
from collections import Counter, defaultdict
from statistics import median

from yunzhang.estate.importing.known import Known, key_text
from yunzhang.estate.workbooks.parsing import Parsed, Row, SheetRows

# Who is the responsible one for more things than this cannot look after them.
MAX_DUTIES = 20
# A median says something from this many values on; beyond so many times it, a cost is doubtful.
MEDIAN_OF, MEDIAN_TIMES = 5, 10
# Names alike to this degree are probably one body; comparing all pairs is for files of people.
ALIKE, MAX_NAMES = 0.92, 3_000


def check_set(parsed: Parsed, rows: SheetRows, known: Known) -> None:
    """Apply the rules of the sheet."""
    match rows.sheet.key:
        case "units":
            _check_credit_codes(parsed, rows, known)
            _check_names(parsed, rows, known)
        case "networks":
            _check_costs(parsed, rows, "opex_fen")
        case "opex":
            _check_costs(parsed, rows, "actual_fen")
        case "workloads":
            _check_uuids(parsed, rows, known)
            _check_serials(parsed, rows, known)
            _check_loads(parsed, rows, known)
        case "nics":
            _check_macs(parsed, rows, known)
        case "responsibilities":
            _check_duties(parsed, rows, known)


def _check_credit_codes(parsed: Parsed, rows: SheetRows, known: Known) -> None:
    """Two units never have the same credit code."""
    # a bad row changes nothing: whose code it was keeps it
    in_file = {row.key[0] for row in rows.rows if row.key and row.good}
    taken = {unit.uscc: unit.code for unit in known.units if unit.uscc and unit.code not in in_file}
    for row in rows.rows:
        uscc = row.values.get("uscc")
        if uscc and row.key:
            other = taken.setdefault(uscc, row.key[0])
            if other != row.key[0]:
                parsed.add(
                    rows.sheet,
                    row,
                    "uscc",
                    "uscc_twice",
                    value=uscc,
                    other=known.told("units", other),
                )


def _check_names(parsed: Parsed, rows: SheetRows, known: Known) -> None:
    """A new unit whose name is another's alias, or nearly its name, may be that one."""
    fresh = [row for row in rows.rows if row.key and not known.stored("units", row.key)]
    if len(known.units) + len(rows.rows) > MAX_NAMES:
        return
    names: dict[str, str] = {}
    aliases: dict[str, str] = {}
    for unit in known.units:
        names[unit.name] = unit.code
        aliases |= dict.fromkeys(unit.aliases, unit.code)
    for row in rows.rows:
        if row.key:
            aliases |= dict.fromkeys(row.values.get("aliases") or (), row.key[0])
    for row in fresh:
        name, code = row.values.get("name"), row.key and row.key[0]
        other = aliases.get(name or "")
        if other is None and name:
            near = difflib.get_close_matches(name, names, n=1, cutoff=ALIKE)
            other = names[near[0]] if near else None
        if other is not None and other != code:
            parsed.warn(
                rows.sheet,
                row,
                "name",
                "name_similar",
                value=name,
                other=known.told("units", other),
            )


def _check_costs(parsed: Parsed, rows: SheetRows, column: str) -> None:
    costs = [cost for row in rows.rows if (cost := row.values.get(column))]
    limit = MEDIAN_TIMES * median(costs) if len(costs) >= MEDIAN_OF else None
    for row in rows.rows:
        cost = row.values.get(column)
        if cost == 0:
            parsed.warn(rows.sheet, row, column, "cost_zero")
        elif cost is not None and limit is not None and cost > limit:
            parsed.warn(rows.sheet, row, column, "cost_high", times=MEDIAN_TIMES)


def _check_uuids(parsed: Parsed, rows: SheetRows, known: Known) -> None:
    taken = dict(known.uuids)
    for row in rows.rows:
        uuid, platform = row.values.get("platform_uuid"), row.values.get("platform_code")
        if uuid and platform and row.key:
            other = taken.setdefault((platform, uuid), row.key[0])
            if other != row.key[0]:
                parsed.add(
                    rows.sheet,
                    row,
                    "platform_uuid",
                    "uuid_twice",
                    value=uuid,
                    other=known.told("workloads", other),
                )


def _check_loads(parsed: Parsed, rows: SheetRows, known: Known) -> None:
    """More vCPUs on a platform than it may promise: told once, on its first row."""
    promised: Counter[str] = Counter()
    first: dict[str, Row] = {}
    for row in rows.rows:
        platform = row.values.get("platform_code")
        if platform is None or not row.good:
            continue
        first.setdefault(platform, row)
        promised[platform] += row.values["vcpu"]
        before = known.stored("workloads", row.key)
        if before:
            promised[before["platform_code"]] -= before["vcpu"]
    capacities = {code: load[:2] for code, load in known.loads.items()}
    for row in parsed.rows("platforms"):
        if row.good and row.key:
            capacities[row.key[0]] = row.values.get("capacity_vcpu"), row.values.get("vcpu_percent")
    for platform, row in first.items():
        capacity, percent = capacities.get(platform, (None, None))
        total = promised[platform] + known.loads.get(platform, (None, None, 0))[2]
        if known.is_hidden("platforms", platform):
            continue  # what others have there is not told; the office sees it
        if capacity is not None and total * 100 > capacity * (percent or 100):
            room = capacity * (percent or 100) // 100
            parsed.warn(rows.sheet, row, "platform_code", "capacity_over",
                        value=platform, total=total, room=room)  # fmt: skip


def _check_serials(parsed: Parsed, rows: SheetRows, known: Known) -> None:
    """Makers number apart from each other, so that two of one serial number are only unlikely."""
    taken = dict(known.serials)
    for row in rows.rows:
        serial = row.values.get("serial")
        if serial and row.key:
            other = taken.setdefault(serial, row.key[0])
            if other != row.key[0]:
                parsed.warn(
                    rows.sheet,
                    row,
                    "serial",
                    "serial_twice",
                    value=serial,
                    other=known.told("workloads", other),
                )


def _check_macs(parsed: Parsed, rows: SheetRows, known: Known) -> None:
    taken: dict[str, Row] = {}
    for row in rows.rows:
        if mac := row.values.get("mac"):
            other = taken.setdefault(mac, row)
            holder = known.macs.get(mac, row.key)
            if other is not row:
                parsed.warn(rows.sheet, row, "mac", "mac_twice", value=mac, row=other.number)
            elif row.key and holder and holder != row.key:
                hidden = known.is_hidden("workloads", holder[0])
                shown = known.told("workloads", holder[0]) if hidden else key_text(holder)
                parsed.warn(rows.sheet, row, "mac", "mac_stored", value=mac, other=shown)


def _check_duties(parsed: Parsed, rows: SheetRows, known: Known) -> None:
    held: dict[str, int] = defaultdict(int, known.duties)
    last: dict[str, Row] = {}
    for row in rows.rows:
        values = row.values
        if not row.good or values.get("duty") != "responsible" or values.get("valid_to"):
            continue
        last[values["person_code"]] = row
        before = known.stored("responsibilities", row.key)
        if not before or before["valid_to"]:
            held[values["person_code"]] += 1
    for person, row in last.items():
        if held[person] > MAX_DUTIES:
            parsed.warn(rows.sheet, row, "person_code", "duties_many",
                        value=person, count=held[person], maximum=MAX_DUTIES)  # fmt: skip
