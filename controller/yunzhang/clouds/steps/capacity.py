"""Room in the target itself: placement's inventories and the storage pools."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from openstack import exceptions

from yunzhang.clouds.intents import Intent
from yunzhang.clouds.makers.site import Site
from yunzhang.errors import Shortage, YunzhangError


def capacity_problems(site: Site, intents: Iterable[Intent]) -> list[YunzhangError]:
    """What the target has no room for, all still to be made taken together."""
    made = {(intent.kind, intent.key) for intent in intents}
    flavors = {flavor.key: flavor for flavor in site.spec.flavors}
    need: Counter[str] = Counter()
    for server in site.spec.servers:
        if ("server", server.key) in made and server.flavor in flavors:
            need["VCPU"] += flavors[server.flavor].vcpus
            need["MEMORY_MB"] += flavors[server.flavor].ram_mib
        need["VOLUME_GB"] += sum(d.size_gib for d in server.disks if ("volume", d.key) in made)
    room = free_compute(site) | {"VOLUME_GB": free_storage(site)}
    return [
        Shortage("clouds_make.short_capacity", what=what, need=amount, room=int(room[what]))
        for what, amount in sorted(need.items())
        if amount > room[what]
    ]


def room_of(
    inventories: Mapping[str, Mapping[str, Any]], usages: Mapping[str, int]
) -> Counter[str]:
    """What one provider can still take, by resource class."""
    room: Counter[str] = Counter()
    for name, inventory in inventories.items():
        total = (inventory["total"] - inventory["reserved"]) * inventory["allocation_ratio"]
        room[name] = max(0, int(total) - usages.get(name, 0))
    return room


def free_compute(site: Site) -> dict[str, float]:
    """Virtual CPUs and MiB of memory that placement can still allocate."""
    placement = site.target.placement
    room: Counter[str] = Counter()
    for provider in _json(placement, "/resource_providers")["resource_providers"]:
        path = f"/resource_providers/{provider['uuid']}"
        inventories = _json(placement, f"{path}/inventories")["inventories"]
        room += room_of(inventories, _json(placement, f"{path}/usages")["usages"])
    return {"VCPU": room["VCPU"], "MEMORY_MB": room["MEMORY_MB"]}


def free_storage(site: Site) -> float:
    """GiB the storage pools can still promise; infinite when one does not say."""
    pools = site.target.block_storage.backend_pools()
    return sum(pool_room(pool.capabilities or {}) for pool in pools)


def pool_room(capabilities: Mapping[str, Any]) -> float:
    """GiB a pool can still promise, thin provisioning counted as its driver says."""
    free, total = capabilities.get("free_capacity_gb"), capabilities.get("total_capacity_gb")
    if not isinstance(free, int | float) or not isinstance(total, int | float):
        return math.inf
    if str(capabilities.get("thin_provisioning_support")).lower() == "true":
        ratio = capabilities.get("max_over_subscription_ratio")
        if str(ratio).replace(".", "", 1).isdigit():
            promised = float(capabilities.get("provisioned_capacity_gb") or 0)
            return max(0.0, total * float(str(ratio)) - promised)
    return max(0.0, float(free))


def _json(client: Any, path: str) -> dict[str, Any]:
    response = client.get(path)
    exceptions.raise_from_response(response)
    answer: dict[str, Any] = response.json()
    return answer
