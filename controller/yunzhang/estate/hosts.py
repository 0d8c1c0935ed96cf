"""The register's workloads as hosts and groups, from a workbook or a snapshot.

Neither needs a database, and nothing of one is imported here: the inventory plugin starts with
every playbook. `host_repository` reads them from the register's.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from yunzhang.errors import InputError
from yunzhang.estate.workbooks.files import read_file
from yunzhang.estate.workbooks.parsing import parse_file
from yunzhang.units.divisions import city_of, read_divisions

_UNSAFE = re.compile(r"[^A-Za-z0-9_]")
# First entry of a snapshot, so that any other JSON is refused.
SNAPSHOT = "yunzhang-inventory-1"

# Kinds of groups → the fact that names the group, and the noun whose codes these are.
_KINDS = {
    "unit": "unit",
    "city": "city",
    "cloud": "platform",
    "system": "system",
    "zone": "zone",
    "protection": "protection_level",
}
_NOUNS = {"unit": "units", "cloud": "platforms", "system": "systems"}

Row = Mapping[str, Any]


@dataclass(slots=True)
class Hosts:
    """`facts`: host → variables. `groups`: group → hosts.

    `alike`: a group's plain name → the names that were given instead, as several codes share it.
    """

    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    alike: dict[str, list[str]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """As a snapshot or a cache keeps it."""
        return {
            "format": SNAPSHOT,
            "facts": self.facts,
            "groups": dict(self.groups),
            "alike": self.alike,
        }

    def name_groups(self, kind: str, codes: Iterable[object]) -> dict[object, str]:
        """The names of a kind's groups by code; those that had to be told apart are kept.

        Codes that differ only in what a name cannot hold (`gx-01`, `GX.01`) would share a group,
        and a playbook would reach the hosts of another unit. Each of them gets the first eight
        digits of its own code's SHA-256 appended: the name is the same in every run and does not
        depend on order or number, only on the code and on whether the register holds another like
        it that the reader may see.
        """
        plain = {code: group_name(kind, code) for code in codes}
        names, shared = dict(plain), set[object]()
        # again, as a code may be written like another one's name with its digits
        while alike := _repeated(names) - shared:
            shared |= alike
            names |= {code: f"{plain[code]}_{_digest(code)}" for code in alike}
        for code in shared:
            self.alike.setdefault(plain[code], []).append(names[code])
            self.alike[plain[code]].sort()
        return names


def _repeated(names: Mapping[object, str]) -> set[object]:
    """Codes whose name is another's too."""
    counts = Counter(names.values())
    return {code for code, name in names.items() if counts[name] > 1}


def group_name(kind: str, code: object) -> str:
    """A group's name in letters, digits and underscores; other codes may give the same."""
    return _UNSAFE.sub("_", f"{kind}_{code}").lower()


def _digest(code: object) -> str:
    return hashlib.sha256(str(code).encode()).hexdigest()[:8]


def read_hosts(path: Path) -> Hosts:
    """Hosts of a workbook. Raises InputError `estate.inventory_faults` when it has errors."""
    parsed = parse_file(read_file(path))
    errors = [fault for fault in parsed.faults if fault.severity == "error"]
    if errors:
        place = f"{errors[0].sheet} {errors[0].row} {errors[0].column}"
        raise InputError(
            "estate.inventory_faults",
            path=str(path), count=len(errors), place=place, message=errors[0].message,
        )  # fmt: skip
    kept = ("units", "sites", "platforms", "systems", "workloads")
    return build_hosts({key: [row.values for row in parsed.rows(key)] for key in kept})


def read_snapshot(path: Path) -> Hosts:
    """Hosts of an exported snapshot. Raises InputError `estate.inventory_snapshot`."""
    try:
        content = json.loads(path.read_text("utf-8"))
        if content.get("format") != SNAPSHOT:
            raise ValueError(content.get("format"))
        return Hosts(content["facts"], content["groups"], content.get("alike", {}))
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise InputError("estate.inventory_snapshot", path=str(path), reason=str(error)) from error


def build_hosts(rows: Mapping[str, list[Row]]) -> Hosts:
    """Hosts of the rows of units, sites, platforms, systems and workloads."""
    hosts, register = Hosts(), _Register(rows)
    members: dict[str, dict[object, list[str]]] = {kind: defaultdict(list) for kind in _KINDS}
    for workload in rows["workloads"]:
        facts = register.facts_of(workload)
        host: str = facts["workload"]
        hosts.facts[host] = facts
        for kind, fact in _KINDS.items():
            if (code := facts[fact]) is not None:
                members[kind][code].append(host)
    for kind, of in members.items():
        # what the register holds counts, not only what has machines today
        names = hosts.name_groups(kind, {*of, *register.codes(kind)})
        hosts.groups.update((names[code], found) for code, found in of.items())
    return hosts


class _Register:
    def __init__(self, rows: Mapping[str, list[Row]]) -> None:
        self._rows: dict[str, dict[str, Row]] = {
            key: {row["code"]: row for row in rows[key]}
            for key in ("units", "sites", "platforms", "systems")
        }
        self._divisions = {division.code: division.name for division in read_divisions()}

    def codes(self, kind: str) -> Iterable[str]:
        """Codes that groups of a kind may be named by."""
        return self._rows.get(_NOUNS.get(kind, ""), {})

    def _find(self, sheet: str, code: str | None) -> Row:
        return self._rows[sheet].get(code or "", {})

    def facts_of(self, workload: Row) -> dict[str, Any]:
        """A host's variables."""
        unit = self._find("units", workload["unit_code"])
        system = self._find("systems", workload["system_code"])
        platform = self._find("platforms", workload["platform_code"])
        site = self._find("sites", platform.get("site_code"))
        # a machine is where its cloud's site is; its owner's seat when that is not said
        division = site.get("division_code") or unit.get("division_code")
        city = city_of(division) if division else None
        return {
            "workload": workload["code"],
            "workload_name": workload["name"],
            "unit": workload["unit_code"],
            "unit_name": unit.get("name"),
            "system": workload["system_code"],
            "system_name": system.get("name"),
            "division": division,
            "city": city,
            "city_name": self._divisions.get(city or ""),
            "platform": workload["platform_code"],
            "platform_name": platform.get("name"),
            "cloud_name": platform.get("cloud_name") or None,
            "project": workload["project"],
            "zone": system.get("zone"),
            "protection_level": system.get("mlps_level"),
            "criticality": system.get("criticality"),
            "vcpu": workload["vcpu"],
            "ram_mib": workload["ram_mib"],
            "disk_gib": workload["disk_gib"],
            "data_gib": workload["data_gib"],
            "address_domain": workload["domain_code"],
            "networks": workload["networks"],
            "addresses": workload["addresses"],
            "address": next(iter(workload["addresses"]), None),
        }
