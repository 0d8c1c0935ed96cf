"""Rows of address domains for tests, written without a workbook."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert

from yunzhang.db import Session
from yunzhang.estate.addresses.blocks import parse_block, to_hex
from yunzhang.estate.models import (
    AddressDomain,
    CloudPlatform,
    InfoSystem,
    Prefix,
    PrivateNetwork,
    Workload,
)
from yunzhang.units.models import Division, Unit

AT = datetime(2026, 1, 1, tzinfo=UTC)
STAMP = {"created_at": AT, "updated_at": AT}


def add_owners(session: Session, count: int, **network: Any) -> list[str]:
    """`count` units, each with a network and an address domain; the codes of the domains."""
    session.execute(insert(Division), [{"code": "450100", "name": "南宁市", "level": "city"}])
    names = [f"{number:03}" for number in range(count)]
    units = [
        STAMP | {"code": f"u{n}", "name": f"单位{n}", "division_code": "450100", "level": "city"}
        for n in names
    ]
    facts = {"reach": "city", "ministry_run": False, "zone": "private"} | network
    networks = [
        STAMP | facts | {"code": f"n{n}", "name": f"专网{n}", "unit_code": f"u{n}"} for n in names
    ]
    domains = [STAMP | {"code": f"d{n}", "name": n, "network_code": f"n{n}"} for n in names]
    for model, rows in ((Unit, units), (PrivateNetwork, networks), (AddressDomain, domains)):
        session.execute(insert(model), rows)
    return [f"d{n}" for n in names]


def prefix_row(domain: str, cidr: str, role: str = "leaf", **values: Any) -> dict[str, Any]:
    """A row of the table of prefixes."""
    block = parse_block(cidr)
    ends = {"family": block.family, "lo": to_hex(block.lo), "hi": to_hex(block.hi)}
    return STAMP | ends | {"domain_code": domain, "cidr": cidr, "role": role} | values


def add_prefixes(session: Session, rows: Iterable[tuple[str, str, str]]) -> None:
    """Prefixes given as (domain, CIDR, role)."""
    session.execute(insert(Prefix), [prefix_row(*row) for row in rows])


def add_systems(session: Session) -> None:
    """A platform `p` and a system `s` of the first unit, for workloads."""
    owned = STAMP | {"unit_code": "u000", "name": "x"}
    platform = {"code": "p", "kind": "virtualisation", "technology": "kvm"}
    session.execute(insert(CloudPlatform), [owned | platform])
    system = {"code": "s", "mlps_level": 0, "zone": "private"}
    session.execute(insert(InfoSystem), [owned | system])


def add_workloads(session: Session, rows: Iterable[dict[str, Any]]) -> None:
    """Workloads of system `s`; rows give at least `code`."""
    fixed = {"system_code": "s", "unit_code": "u000", "platform_code": "p", "name": "x"}
    sizes = {"vcpu": 1, "ram_mib": 1024, "disk_gib": 10, "domain_code": None}
    lists: dict[str, Any] = {"networks": [], "addresses": []}
    values = [STAMP | fixed | sizes | lists | row for row in rows]
    session.execute(insert(Workload), values)
