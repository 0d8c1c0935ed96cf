"""What exists in a cloud, by kind and id: the difference to the base is what ``reset`` removes."""

from __future__ import annotations

from typing import Any

Inventory = dict[str, list[str]]


def _ids(items: Any) -> list[str]:
    return sorted(str(item.id) for item in items)


def of(cloud: Any) -> Inventory:
    """Return the ids of everything a project or an administrator may have made."""
    network, volumes = cloud.network, cloud.block_storage
    return {
        "users": _ids(cloud.identity.users()),
        "projects": _ids(cloud.identity.projects()),
        "flavors": _ids(cloud.compute.flavors(is_public=None)),
        "servers": _ids(cloud.compute.servers(all_projects=True, details=False)),
        "server_groups": _ids(cloud.compute.server_groups(all_projects=True)),
        "images": _ids(cloud.image.images()),
        "volumes": _ids(volumes.volumes(all_projects=True, details=False)),
        "snapshots": _ids(volumes.snapshots(all_projects=True, details=False)),
        "backups": [],
        "volume_types": _ids(volumes.types()),
        "networks": _ids(network.networks()),
        "subnets": _ids(network.subnets()),
        "ports": _ids(network.ports()),
        "routers": _ids(network.routers()),
        "floating_ips": _ids(network.ips()),
        "security_groups": _ids(network.security_groups()),
        "address_groups": [],
    }
