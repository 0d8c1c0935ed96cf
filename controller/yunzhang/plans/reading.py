"""Takes the snapshot a plan is made from: register, observed clouds, ledger."""

from __future__ import annotations

from collections.abc import Sequence

from yunzhang.allocation import repository as allocations
from yunzhang.db import Session
from yunzhang.discovery.service import load_survey
from yunzhang.errors import NotFound
from yunzhang.plans import repository
from yunzhang.plans.service import origin_of
from yunzhang.plans.snapshot import Policy, Registered, Snapshot


def read_snapshot(
    session: Session,
    name: str,
    *,
    source: str,
    target: str,
    policy: Policy,
    units: Sequence[str] = (),
    systems: Sequence[str] = (),
) -> Snapshot:
    """Everything a plan `name` from cloud `source` to cloud `target` depends on.

    Raises NotFound `plans.workloads_none` when the register has nothing to move.
    """
    rows = repository.registered_workloads(session, source, units, systems)
    if not rows:
        raise NotFound("plans.workloads_none")
    workloads = tuple(
        Registered(
            key=workload.code,
            unit=unit.code,
            unit_name=unit.name,
            system=workload.system_code,
            project=workload.project,
            name=workload.name,
            domain=workload.domain_code or "",
            revision=workload.revision,
        )
        for workload, unit in rows
    )
    flows = repository.registered_dependencies(session, [w.key for w in workloads])
    domains = sorted({w.domain for w in workloads})
    source_run, source_survey = load_survey(session, source)
    target_run, target_survey = load_survey(session, target)
    return Snapshot(
        name=name,
        workloads=workloads,
        hard=tuple((user, provider) for user, provider, kind in flows if kind == "hard"),
        soft=tuple((user, provider) for user, provider, kind in flows if kind == "soft"),
        prefixes=tuple(repository.registered_prefixes(session, domains)),
        source=source_survey,
        source_run=source_run.id,
        target=target_survey,
        target_run=target_run.id,
        ledger=_ledger(session, name, target),
        policy=policy,
    )


def _ledger(session: Session, name: str, cloud: str) -> dict[str, tuple[int, int]]:
    """Class → (capacity, promised to others): the plan's own holds would be given back first."""
    pool = allocations.find_pool(session, cloud)
    if pool is None:
        return {}
    own: dict[str, int] = {}
    for version in repository.versions_of(session, name):
        for hold in version.content["holds"]:
            held = allocations.find_allocation(session, origin_of(version, hold["server"]))
            if held is not None and held.state == "held":
                for resource, amount in allocations.amounts_of(session, held.id).items():
                    own[resource] = own.get(resource, 0) + amount
    return {
        c.resource_class: (c.capacity, c.held + c.committed - own.get(c.resource_class, 0))
        for c in allocations.list_counters(session, pool.id)
    }
