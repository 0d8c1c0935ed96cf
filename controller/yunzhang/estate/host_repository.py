"""The register's workloads as hosts, from the database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import select

from yunzhang.db import Session
from yunzhang.estate.hosts import Hosts, Row, build_hosts
from yunzhang.estate.models import CloudPlatform, InfoSystem, Site, Workload
from yunzhang.units.models import Unit

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
    return build_hosts({noun: list(_load(session, noun)) for noun in _SELECTED})


def _load(session: Session, noun: str) -> Iterator[Row]:
    columns = _SELECTED[noun]
    query = select(*columns).order_by(columns[0])
    if noun == "workloads":
        query = query.where(Workload.state.not_in(_LEFT))
    names = [column.key for column in columns]
    for row in session.execute(query):
        yield dict(zip(names, row, strict=True))
