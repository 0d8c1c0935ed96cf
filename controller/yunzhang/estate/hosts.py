"""The register's workloads as hosts and groups: from a workbook, the database, or a snapshot.

A workbook or a snapshot needs no database.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select

from yunzhang.db import Session
from yunzhang.errors import InputError
from yunzhang.estate.models import CloudPlatform, InfoSystem, Site, Workload
from yunzhang.estate.workbooks.files import read_file
from yunzhang.estate.workbooks.parsing import parse_file
from yunzhang.units.divisions import city_of, read_divisions
from yunzhang.units.models import Unit

_UNSAFE = re.compile(r"[^A-Za-z0-9_]")
# First entry of a snapshot, so that any other JSON is refused.
SNAPSHOT = "yunzhang-inventory-1"

Row = Mapping[str, Any]


@dataclass(slots=True)
class Hosts:
    """`facts`: host → variables. `groups`: group → hosts."""

    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def as_json(self) -> dict[str, Any]:
        """As a snapshot or a cache keeps it."""
        return {"format": SNAPSHOT, "facts": self.facts, "groups": dict(self.groups)}


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
    kept = ("units", "sites", "platforms", "systems", "workloads")
    return _build({key: [row.values for row in parsed.rows(key)] for key in kept})


_SELECTED: Mapping[str, tuple[Any, ...]] = {
    "units": (Unit.code, Unit.name, Unit.division_code),
    "sites": (Site.code, Site.division_code),
    "platforms": (
        CloudPlatform.code, CloudPlatform.name, CloudPlatform.site_code, CloudPlatform.cloud_name,
    ),
    "systems": (
        InfoSystem.code, InfoSystem.name, InfoSystem.zone, InfoSystem.mlps_level,
        InfoSystem.criticality,
    ),
    "workloads": (
        Workload.code, Workload.name, Workload.unit_code, Workload.system_code,
        Workload.platform_code, Workload.project, Workload.vcpu, Workload.ram_mib,
        Workload.disk_gib, Workload.data_gib, Workload.domain_code, Workload.networks,
        Workload.addresses,
    ),
}  # fmt: skip
# What has left the register's care is nothing to run a playbook on.
_LEFT = ("closed", "archived")


def load_hosts(session: Session) -> Hosts:
    """Hosts of the register's database, in one query for each noun."""
    return _build({noun: list(_load(session, noun)) for noun in _SELECTED})


def _load(session: Session, noun: str) -> Iterator[Row]:
    columns = _SELECTED[noun]
    query = select(*columns).order_by(columns[0])
    if noun == "workloads":
        query = query.where(Workload.state.not_in(_LEFT))
    names = [column.key for column in columns]
    for row in session.execute(query):
        yield dict(zip(names, row, strict=True))


def read_snapshot(path: Path) -> Hosts:
    """Hosts of an exported snapshot. Raises InputError `estate.inventory_snapshot`."""
    try:
        content = json.loads(path.read_text("utf-8"))
        if content.get("format") != SNAPSHOT:
            raise ValueError(content.get("format"))
        return Hosts(content["facts"], content["groups"])
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise InputError("estate.inventory_snapshot", path=str(path), reason=str(error)) from error


def _build(rows: Mapping[str, list[Row]]) -> Hosts:
    hosts, register = Hosts(), _Register(rows)
    for workload in rows["workloads"]:
        _add_host(hosts, register, workload)
    return hosts


class _Register:
    def __init__(self, rows: Mapping[str, list[Row]]) -> None:
        self._rows: dict[str, dict[str, Row]] = {
            key: {row["code"]: row for row in rows[key]}
            for key in ("units", "sites", "platforms", "systems")
        }
        self.divisions = {division.code: division.name for division in read_divisions()}

    def find(self, sheet: str, code: str | None) -> Row:
        """A row by its key; empty when it is not there."""
        return self._rows[sheet].get(code or "", {})


def _add_host(hosts: Hosts, register: _Register, workload: Row) -> None:
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
