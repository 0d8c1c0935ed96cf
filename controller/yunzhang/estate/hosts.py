"""The register's workloads as hosts and groups, straight from a workbook: no database needed."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from yunzhang.errors import InputError
from yunzhang.estate.files import read_file
from yunzhang.estate.parsing import Parsed, parse_file
from yunzhang.units.divisions import city_of, read_divisions

_UNSAFE = re.compile(r"[^A-Za-z0-9_]")


@dataclass(slots=True)
class Hosts:
    """`facts`: host → variables. `groups`: group → hosts."""

    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


def group_name(kind: str, code: object) -> str:
    """A group's name in letters, digits and underscores."""
    return _UNSAFE.sub("_", f"{kind}_{code}").lower()


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
    hosts = Hosts()
    register = _Register(parsed)
    for row in parsed.rows("workloads"):
        _add_host(hosts, register, row.values)
    return hosts


class _Register:
    def __init__(self, parsed: Parsed) -> None:
        self._rows: dict[str, dict[str, dict[str, Any]]] = {
            key: {row.values["code"]: row.values for row in parsed.rows(key)}
            for key in ("units", "sites", "platforms", "systems")
        }
        self.divisions = {division.code: division.name for division in read_divisions()}

    def find(self, sheet: str, code: str | None) -> dict[str, Any]:
        """A row by its key; empty when the workbook does not have it."""
        return self._rows[sheet].get(code or "", {})


def _add_host(hosts: Hosts, register: _Register, workload: dict[str, Any]) -> None:
    unit = register.find("units", workload["unit_code"])
    system = register.find("systems", workload["system_code"])
    platform = register.find("platforms", workload["platform_code"])
    site = register.find("sites", platform.get("site_code"))
    # a machine is where its cloud's site is; its owner's seat when that is not said
    division = site.get("division_code") or unit.get("division_code")
    city = city_of(division) if division else None
    host = workload["code"]
    hosts.facts[host] = {
        "workload": host,
        "workload_name": workload["name"],
        "unit": workload["unit_code"],
        "unit_name": unit.get("name"),
        "system": workload["system_code"],
        "system_name": system.get("name"),
        "division": division,
        "city": city,
        "city_name": register.divisions.get(city or ""),
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
    places = {
        "unit": workload["unit_code"],
        "city": city,
        "cloud": workload["platform_code"],
        "system": workload["system_code"],
        "zone": system.get("zone"),
        "protection": system.get("mlps_level"),
    }
    for kind, code in places.items():
        if code is not None:
            hosts.groups[group_name(kind, code)].append(host)
