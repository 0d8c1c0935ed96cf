"""What a cloud can hold: Placement's inventories and Cinder's pools."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from yunzhang.clouds.observed import ObservedPool
from yunzhang.clouds.reading import Json, Reader

COMPUTE_CLASSES = ("VCPU", "MEMORY_MB", "DISK_GB")
VOLUME_CLASS = "VOLUME_GB"
# For backends that do not say how large they are, or say "infinite", as Cinder itself reads it.
BOUNDLESS_GIB = 1_000_000_000


def read_pools(cloud: str, reader: Reader) -> tuple[ObservedPool, ...]:
    """One pool for each class of compute resource, and one for each of Cinder's pools (GiB)."""
    # hosts that are switched off take no servers
    providers = reader.items(
        "placement",
        "/resource_providers",
        "resource_providers",
        {"required": "!COMPUTE_STATUS_DISABLED"},
    )

    def read_provider(provider: Json) -> tuple[Json, Json]:
        path = f"/resource_providers/{provider['uuid']}"
        inventories = reader.get("placement", f"{path}/inventories")["inventories"]
        return inventories, reader.get("placement", f"{path}/usages")["usages"]

    stock = reader.each(read_provider, providers)
    volumes = reader.items(
        "block_storage", "/scheduler-stats/get_pools", "pools", {"detail": "true"}
    )
    compute = [pool for name in COMPUTE_CLASSES if (pool := sum_inventories(cloud, name, stock))]
    return (*compute, *(map_volume_pool(pool) for pool in volumes))


def sum_inventories(
    cloud: str, resource_class: str, stock: Iterable[tuple[Json, Json]]
) -> ObservedPool | None:
    """The cloud's pool of one class; `stock` is (inventories, usages) of each provider.

    The ratio is the mean of the providers', weighted by what each can promise.
    """
    held = [
        (inventories[resource_class], usages.get(resource_class, 0))
        for inventories, usages in stock
        if resource_class in inventories
    ]
    if not held:
        return None
    total = sum(inventory["total"] for inventory, _ in held)
    reserved = sum(inventory["reserved"] for inventory, _ in held)
    promised = sum((i["total"] - i["reserved"]) * i["allocation_ratio"] for i, _ in held)
    return ObservedPool(
        id=f"{cloud}/{resource_class}",
        name=cloud,
        resource_class=resource_class,
        total=total,
        reserved=reserved,
        ratio=promised / (total - reserved) if total > reserved else 1.0,
        used=sum(used for _, used in held),
    )


def map_volume_pool(pool: Json) -> ObservedPool:
    """One of Cinder's pools: thin ones by what is provisioned, thick ones by what is taken."""
    can = pool["capabilities"]
    total, free = _gib(can.get("total_capacity_gb")), _gib(can.get("free_capacity_gb"))
    thin = bool(can.get("thin_provisioning_support")) and not (
        can.get("thick_provisioning_support") and not can.get("provisioned_capacity_gb")
    )
    provisioned = max(
        float(can.get("provisioned_capacity_gb") or 0), float(can.get("allocated_capacity_gb") or 0)
    )
    return ObservedPool(
        id=pool["name"],
        name=pool["name"],
        resource_class=VOLUME_CLASS,
        total=total,
        reserved=total * int(can.get("reserved_percentage") or 0) // 100,
        ratio=_ratio(can.get("max_over_subscription_ratio")) if thin else 1.0,
        used=round(provisioned) if thin or total == BOUNDLESS_GIB else max(total - free, 0),
    )


def _gib(value: Any) -> int:
    return BOUNDLESS_GIB if value in (None, "infinite", "unknown") else int(float(value))


def _ratio(value: Any) -> float:
    try:
        return max(float(value), 1.0)
    except (TypeError, ValueError):  # "auto": Cinder works it out itself; promise nothing more
        return 1.0
