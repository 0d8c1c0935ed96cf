"""What a plan needs, and whether quotas, capacity and the ledger have room for it."""

from __future__ import annotations

from collections.abc import Mapping

from yunzhang.clouds.observed import Survey
from yunzhang.clouds.specs import CloudSpec, FlavorSpec, ProjectSpec, QuotaSpec, ServerSpec
from yunzhang.planning.fit import Misfit, find_misfits
from yunzhang.plans.snapshot import Snapshot

Amounts = dict[str, int]


def amounts_of(server: ServerSpec, flavors: Mapping[str, FlavorSpec]) -> Amounts:
    """What a server takes from a pool: cores, MiB of memory, GiB of volumes."""
    flavor = flavors[server.flavor]
    return {
        "VCPU": flavor.vcpus,
        "MEMORY_MB": flavor.ram_mib,
        "VOLUME_GB": sum(disk.size_gib for disk in server.disks),
    }


def total(amounts: list[Amounts]) -> Amounts:
    """The sum of amounts, class by class."""
    summed: Amounts = {}
    for one in amounts:
        for name, amount in one.items():
            summed[name] = summed.get(name, 0) + amount
    return summed


def project_need(spec: CloudSpec, project: ProjectSpec) -> QuotaSpec:
    """What the plan puts into a project, in the words of the services' quotas."""
    flavors = {flavor.key: flavor for flavor in spec.flavors}
    servers = [s for s in spec.servers if s.project == project.key]
    networks = [n for n in spec.networks if n.project == project.key]
    routers = [r for r in spec.routers if r.project == project.key]
    groups = [g for g in spec.security_groups if g.project == project.key]
    subnets = sum(len(n.subnets) for n in networks)
    sizes = [amounts_of(server, flavors) for server in servers]
    disks = [disk for server in servers for disk in server.disks]
    return QuotaSpec(
        compute={
            "instances": len(servers),
            "cores": sum(size["VCPU"] for size in sizes),
            "ram": sum(size["MEMORY_MB"] for size in sizes),
        },
        volume={"volumes": len(disks), "gigabytes": sum(disk.size_gib for disk in disks)},
        network={
            "network": len(networks),
            "subnet": subnets,
            "router": len(routers),
            "security_group": len(groups),
            # each interface of a router and each subnet's DHCP is a port too
            "port": sum(len(s.nics) for s in servers)
            + sum(len(r.subnets) for r in routers)
            + subnets,
        },
    )


def _project_used(target: Survey, project_id: str) -> QuotaSpec:
    servers = [s for s in target.servers if s.project_id == project_id]
    volumes = [v for v in target.volumes if v.project_id == project_id]
    networks = [n for n in target.networks if n.project_id == project_id]
    return QuotaSpec(
        compute={
            "instances": len(servers),
            "cores": sum(s.vcpus for s in servers),
            "ram": sum(s.ram_mib for s in servers),
        },
        volume={"volumes": len(volumes), "gigabytes": sum(v.size_gib for v in volumes)},
        network={
            "network": len(networks),
            "subnet": sum(len(n.subnets) for n in networks),
            "router": sum(1 for r in target.routers if r.project_id == project_id),
            "security_group": sum(1 for g in target.security_groups if g.project_id == project_id),
            "port": sum(len(s.nics) for s in servers),
        },
    )


def quota_misfits(spec: CloudSpec, target: Survey) -> list[Misfit]:
    """Limits of the projects: of one that stands there already, else of the planned one."""
    standing = {project.name: project for project in target.projects}
    found: list[Misfit] = []
    for project in spec.projects:
        need = project_need(spec, project)
        there = standing.get(project.name)
        limits = there.quota if there else project.quota
        used = _project_used(target, there.id) if there else QuotaSpec()
        for service in ("compute", "volume", "network"):
            found += find_misfits(
                "quota",
                project.name,
                getattr(need, service),
                getattr(limits, service),
                getattr(used, service),
            )
    return found


def capacity_misfits(snapshot: Snapshot, need: Amounts) -> list[Misfit]:
    """Real capacity of the target and what the ledger has not promised to others."""
    limits: Amounts = {}
    used: Amounts = {}
    for pool in snapshot.target.pools:
        room = int((pool.total - pool.reserved) * pool.ratio)
        limits[pool.resource_class] = limits.get(pool.resource_class, 0) + room
        used[pool.resource_class] = used.get(pool.resource_class, 0) + pool.used
    cloud = snapshot.target.cloud
    ledger = snapshot.ledger
    return find_misfits("capacity", cloud, need, limits, used) + find_misfits(
        "ledger",
        cloud,
        need,
        {name: capacity for name, (capacity, _) in ledger.items()},
        {name: promised for name, (_, promised) in ledger.items()},
    )
