"""What projects of a cloud hold, what they may hold, and what the cloud itself still has free."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from yunzhang.clouds.observed import ObservedPool
from yunzhang.clouds.pools import read_pools
from yunzhang.clouds.reading import Json, Reader, reading
from yunzhang.errors import InputError, NotFound

UNLIMITED = -1


class Amount(BaseModel):
    """One counter of a project: its limit (-1: none), what is in use and what is being taken."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: int = UNLIMITED
    used: int = 0
    reserved: int = 0

    @property
    def free(self) -> int | None:
        """What may still be taken; None when there is no limit."""
        if self.limit < 0:
            return None
        return max(self.limit - self.used - self.reserved, 0)


class ProjectUsage(BaseModel):
    """The main counters of one project. Units in the names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    name: str
    instances: Amount
    vcpus: Amount
    ram_mib: Amount
    volumes: Amount
    volume_gib: Amount
    snapshots: Amount
    networks: Amount
    ports: Amount
    floating_ips: Amount


class Headroom(BaseModel):
    """Every counter of a project by the services' own names, and the cloud's pools.

    Compute's MiB are `ram`, volume's GiB `gigabytes`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    name: str
    compute: dict[str, Amount]
    network: dict[str, Amount]
    volume: dict[str, Amount]
    pools: tuple[ObservedPool, ...]

    def pool_free(self, resource_class: str) -> int:
        """What all pools of a class can still promise (VCPU, MEMORY_MB, DISK_GB, VOLUME_GB)."""
        return sum(pool_free(pool) for pool in self.pools if pool.resource_class == resource_class)


def pool_free(pool: ObservedPool) -> int:
    """What `pool` can still promise, after its reserve and at its ratio."""
    return max(int((pool.total - pool.reserved) * pool.ratio) - pool.used, 0)


def project_usage(cloud: str, project_names: Iterable[str] | None = None) -> list[ProjectUsage]:
    """The usage of the named projects of `cloud`, or of all, by name.

    Raises NotFound `clouds.no_project` for a name the cloud does not have, and as
    `connection.connect` and `connection.translated`.
    """
    with reading(cloud) as reader:
        projects = reader.items("identity", "/projects", "projects")
        if project_names is not None:
            projects = [_choose(cloud, projects, name) for name in dict.fromkeys(project_names)]
        projects.sort(key=lambda project: (project["name"], project["id"]))
        counters = reader.each(lambda project: _read_counters(reader, project["id"]), projects)
        return [_usage(project, *found) for project, found in zip(projects, counters, strict=True)]


def read_headroom(cloud: str, project: str) -> Headroom:
    """What `project` (name or identifier) may still take in `cloud`, and what the cloud has free.

    Raises NotFound `clouds.no_project`, InputError `clouds.many_projects`, and as
    `connection.connect` and `connection.translated`.
    """
    with reading(cloud) as reader:
        chosen = _choose(cloud, reader.items("identity", "/projects", "projects"), project)
        compute, network, volume = _read_counters(reader, chosen["id"])
        return Headroom(
            id=chosen["id"],
            name=chosen["name"],
            compute=compute,
            network=network,
            volume=volume,
            pools=read_pools(cloud, reader),
        )


def _choose(cloud: str, projects: Sequence[Json], wanted: str) -> Json:
    found = [project for project in projects if wanted == project["id"]]
    found = found or [project for project in projects if wanted == project["name"]]
    if not found:
        raise NotFound("clouds.no_project", cloud=cloud, project=wanted)
    if len(found) > 1:
        raise InputError("clouds.many_projects", cloud=cloud, project=wanted)
    return found[0]


Counters = dict[str, Amount]


def _read_counters(reader: Reader, project: str) -> tuple[Counters, Counters, Counters]:
    compute = reader.get("compute", f"/os-quota-sets/{project}/detail")["quota_set"]
    network = reader.get("network", f"/quotas/{project}/details")["quota"]
    volume = reader.get("block_storage", f"/os-quota-sets/{project}", {"usage": "true"})
    return map_counters(compute), map_counters(network), map_counters(volume["quota_set"])


def map_counters(quota: Mapping[str, Any]) -> Counters:
    """A service's quota detail as amounts; what is no counter (the identifier) is left out."""
    return {
        name: Amount(
            limit=int(value["limit"]),
            # the network service says `used`, the others `in_use`
            used=int(value["used"] if "used" in value else value["in_use"]),
            reserved=int(value.get("reserved", 0)),
        )
        for name, value in sorted(quota.items())
        if isinstance(value, dict)
    }


def _usage(project: Json, compute: Counters, network: Counters, volume: Counters) -> ProjectUsage:
    none = Amount()
    return ProjectUsage(
        id=project["id"],
        name=project["name"],
        instances=compute.get("instances", none),
        vcpus=compute.get("cores", none),
        ram_mib=compute.get("ram", none),
        volumes=volume.get("volumes", none),
        volume_gib=volume.get("gigabytes", none),
        snapshots=volume.get("snapshots", none),
        networks=network.get("network", none),
        ports=network.get("port", none),
        floating_ips=network.get("floatingip", none),
    )
