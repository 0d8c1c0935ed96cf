"""What is still to be made, against what quotas and the cloud have room for. Arithmetic is pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from yunzhang.clouds.intents import Intent
from yunzhang.clouds.makers.projects import SERVICES
from yunzhang.clouds.makers.site import Site
from yunzhang.clouds.specs import CloudSpec, ProjectSpec
from yunzhang.errors import Shortage, YunzhangError

# What a project needs, by service and by the service's own word for it.
Need = Counter[tuple[str, str]]
COUNTED = {"network": "network", "subnet": "subnet", "router": "router", "interface": "port"}


def needs_of(spec: CloudSpec, project: ProjectSpec, intents: Iterable[Intent]) -> Need:
    """What the intents would take from the quota of a project."""
    made = {(i.kind, i.key) for i in intents if i.act == "create" and i.cloud == spec.target_cloud}
    need: Need = Counter()
    for kind, key in made:
        if kind in COUNTED and _belongs(spec, project, kind, key):
            need["network", COUNTED[kind]] += 1
    for group in spec.security_groups:
        if group.project == project.key and ("security_group", group.key) in made:
            need["network", "security_group"] += 1
            need["network", "security_group_rule"] += len(group.rules)
    flavors = {flavor.key: flavor for flavor in spec.flavors}
    for server in (s for s in spec.servers if s.project == project.key):
        need["network", "port"] += sum(("port", nic.key) in made for nic in server.nics)
        for disk in server.disks:
            if ("volume", disk.key) in made:
                need["volume", "volumes"] += 1
                need["volume", "gigabytes"] += disk.size_gib
        if ("server", server.key) in made and server.flavor in flavors:
            need["compute", "instances"] += 1
            need["compute", "cores"] += flavors[server.flavor].vcpus
            need["compute", "ram"] += flavors[server.flavor].ram_mib
    return need


def _belongs(spec: CloudSpec, project: ProjectSpec, kind: str, key: str) -> bool:
    networks = [n for n in spec.networks if n.project == project.key]
    routers = [r for r in spec.routers if r.project == project.key]
    keys = {
        "network": {n.key for n in networks},
        "subnet": {s.key for n in networks for s in n.subnets},
        "router": {r.key for r in routers},
        "interface": {f"{r.key} {s}" for r in routers for s in r.subnets},
    }
    return key in keys[kind]


def shortages(
    name: str,
    need: Need,
    limits: Mapping[tuple[str, str], int],
    used: Mapping[tuple[str, str], int],
) -> list[YunzhangError]:
    """A Shortage `clouds_make.short_quota` for each limit the need would break; -1: no limit."""
    found: list[YunzhangError] = []
    for what, amount in sorted(need.items()):
        limit = limits.get(what, -1)
        room = limit - used.get(what, 0)
        if amount and limit >= 0 and amount > room:
            found.append(
                Shortage(
                    "clouds_make.short_quota",
                    project=name,
                    what="/".join(what),
                    need=amount,
                    room=max(room, 0),
                )
            )
    return found


def quota_problems(site: Site, intents: list[Intent]) -> list[YunzhangError]:
    """What the quotas of the wave's projects are short of."""
    found: list[YunzhangError] = []
    for project in site.spec.projects:
        need = needs_of(site.spec, project, intents)
        limits, used = _quota_state(site, site.project_id(project.key))
        planned = {
            "compute": project.quota.compute,
            "network": project.quota.network,
            "volume": project.quota.volume,
        }
        for service, values in planned.items():
            limits |= {(service, name): value for name, value in values.items()}
        found += shortages(project.name, need, limits, used)
    return found


def _get(client: Any, path: str, body: str) -> dict[str, Any]:
    from openstack import exceptions

    response = client.get(path)
    exceptions.raise_from_response(response)
    answer: dict[str, Any] = response.json()[body]
    return answer


def _quota_state(
    site: Site, project_id: str | None
) -> tuple[dict[tuple[str, str], int], dict[tuple[str, str], int]]:
    """Limits and use of a project; a project that is not there yet has the cloud's defaults."""
    cloud = site.target
    place = project_id or str(cloud.current_project_id)
    if project_id:
        paths = {
            "compute": f"/os-quota-sets/{place}/detail",
            "network": f"/quotas/{place}/details.json",
            "volume": f"/os-quota-sets/{place}?usage=True",
        }
    else:
        paths = {
            "compute": f"/os-quota-sets/{place}/defaults",
            "network": f"/quotas/{place}/default",
            "volume": f"/os-quota-sets/{place}/defaults",
        }
    clients = {"compute": cloud.compute, "network": cloud.network, "volume": cloud.block_storage}
    limits: dict[tuple[str, str], int] = {}
    used: dict[tuple[str, str], int] = {}
    for service in SERVICES:
        body = "quota" if service == "network" else "quota_set"
        for name, value in _get(clients[service], paths[service], body).items():
            if isinstance(value, dict):
                limits[service, name] = int(value["limit"])
                held = value["in_use"] if "in_use" in value else value["used"]
                used[service, name] = int(held) + int(value.get("reserved", 0))
            elif isinstance(value, int):
                limits[service, name] = value
    return limits, used
