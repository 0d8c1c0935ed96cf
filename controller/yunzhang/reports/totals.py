"""The province's totals: what units declared, and how much of it was moved."""

from __future__ import annotations

from typing import Any

from yunzhang.db import Session
from yunzhang.discovery.findings import accuracy
from yunzhang.reports import repository
from yunzhang.reports.schemas import Totals, TotalsRow
from yunzhang.units.scope import Principal, demand


def _row(values: Any) -> TotalsRow:
    code, name, workloads, vcpus, ram, disk, migrated = values
    return TotalsRow(
        code=code or "",
        name=name or "",
        workloads=workloads,
        vcpus=int(vcpus),
        ram_mib=int(ram),
        disk_gib=int(disk),
        migrated=migrated,
    )


def _sum(session: Session) -> TotalsRow:
    return _row(repository.total(session)).model_copy(update={"code": "", "name": ""})


def totals_by_unit(
    session: Session, principal: Principal, *, limit: int | None = None, offset: int = 0
) -> Totals:
    """Units that have workloads, by code; the sum is the whole register's, not the page's."""
    demand(principal, "read")
    rows = [_row(row) for row in repository.totals_by_unit(session, limit=limit, offset=offset)]
    units = [row.code for row in rows]
    shares = {one.unit: one.share for one in accuracy(session, principal, units)}
    told = [row.model_copy(update={"accuracy": shares.get(row.code)}) for row in rows]
    return Totals(rows=told, total=_sum(session))


def totals_by_city(session: Session, principal: Principal) -> Totals:
    """Cities by code; units of the region itself stand under the region's code."""
    demand(principal, "read")
    rows = repository.totals_by_city(session)
    return Totals(rows=[_row(row) for row in rows], total=_sum(session))


def count_units(session: Session, principal: Principal) -> int:
    """How many units have workloads."""
    demand(principal, "read")
    return repository.count_units(session)
