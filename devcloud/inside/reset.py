"""Removes everything that is not in the base: ``python -m devcloud.inside.reset HOME``."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import openstack
from openstack import exceptions

Base = dict[str, list[str]]


def _new(items: Iterable[Any], base: Base, kind: str) -> list[Any]:
    known = set(base[kind])
    return [item for item in items if item.id not in known]


def _gone(listing: Callable[[], Iterable[Any]], what: str, seconds: float = 120) -> None:
    limit = time.monotonic() + seconds
    while left := list(listing()):
        if time.monotonic() > limit:
            raise SystemExit(f"these {what} stay: {', '.join(str(item.id) for item in left)}")
        time.sleep(0.7)


def remove_servers(cloud: Any, base: Base) -> None:
    """Delete the servers, locked and shelved ones too, and their groups."""

    def listing() -> list[Any]:
        return _new(cloud.compute.servers(all_projects=True, details=False), base, "servers")

    for server in listing():
        cloud.compute.delete_server(server, force=False)
    _gone(listing, "servers")
    for group in _new(cloud.compute.server_groups(all_projects=True), base, "server_groups"):
        cloud.compute.delete_server_group(group)


def remove_volumes(cloud: Any, base: Base) -> None:
    """Delete snapshots, volumes and volume types."""
    volumes = cloud.block_storage

    def snapshots() -> list[Any]:
        return _new(volumes.snapshots(all_projects=True, details=False), base, "snapshots")

    def disks() -> list[Any]:
        return _new(volumes.volumes(all_projects=True, details=False), base, "volumes")

    for transfer in volumes.transfers(all_tenants=True):
        volumes.delete_transfer(transfer)
    for snapshot in snapshots():
        volumes.reset_snapshot_status(snapshot, "available")
        volumes.delete_snapshot(snapshot)
    _gone(snapshots, "snapshots")
    for disk in disks():
        for attachment in volumes.attachments(volume_id=disk.id, all_tenants=True):
            volumes.delete_attachment(attachment)
        volumes.reset_volume_status(disk, status="available", attach_status="detached")
        volumes.delete_volume(disk)
    _gone(disks, "volumes")
    for kind in _new(volumes.types(is_public=None), base, "volume_types"):
        volumes.delete_type(kind)


def remove_images(cloud: Any, base: Base) -> None:
    """Delete images, protected ones too."""
    for image in _new(cloud.image.images(), base, "images"):
        if image.is_protected:
            cloud.image.update_image(image, is_protected=False)
        cloud.image.delete_image(image)


def remove_networks(cloud: Any, base: Base) -> None:
    """Delete floating addresses, routers, ports, networks and security groups."""
    network = cloud.network
    for address in _new(network.ips(), base, "floating_ips"):
        network.delete_ip(address)
    for router in _new(network.routers(), base, "routers"):
        network.update_router(router, routes=[])
        for port in network.ports(device_id=router.id):
            if port.device_owner != "network:router_gateway":
                network.remove_interface_from_router(router, port_id=port.id)
        network.delete_router(router)
    for port in _new(network.ports(), base, "ports"):
        # The networks' own ports (DHCP, metadata) go with them.
        if not port.device_owner.startswith("network:"):
            network.delete_port(port)
    for item in _new(network.networks(), base, "networks"):
        network.delete_network(item)
    for subnet in _new(network.subnets(), base, "subnets"):
        network.delete_subnet(subnet)
    groups = [
        group
        for group in _new(network.security_groups(), base, "security_groups")
        if group.name != "default"
    ]
    for group in groups:
        for rule in network.security_group_rules(remote_group_id=group.id):
            network.delete_security_group_rule(rule)
    for group in groups:
        network.delete_security_group(group)


def remove_accounts(cloud: Any, base: Base) -> None:
    """Delete flavors, quotas, keypairs, users and projects."""
    for flavor in _new(cloud.compute.flavors(is_public=None), base, "flavors"):
        cloud.compute.delete_flavor(flavor)
    for user in cloud.identity.users():
        for pair in cloud.compute.keypairs(user_id=user.id):
            cloud.compute.delete_keypair(pair.name, user_id=user.id)
    for project in cloud.identity.projects():
        for delete in (cloud.delete_compute_quotas, cloud.delete_volume_quotas):
            delete(project.id)
        cloud.network.delete_quota(project.id, ignore_missing=True)
    for user in _new(cloud.identity.users(), base, "users"):
        cloud.identity.delete_user(user)
    for project in _new(cloud.identity.projects(), base, "projects"):
        # Its default security group outlives a project's other groups.
        for group in cloud.network.security_groups(project_id=project.id):
            _ignore(cloud.network.delete_security_group, group)
        cloud.identity.delete_project(project)


def _ignore(action: Callable[[Any], object], item: Any) -> None:
    try:
        action(item)
    except exceptions.HttpException as error:
        print(f"kept: {item.id}: {error}")


def main() -> None:
    """See the module."""
    base: Base = json.loads((Path(sys.argv[1]) / "base.json").read_text())
    cloud = openstack.connect(cloud=os.environ["OS_CLOUD"])
    for step in (remove_servers, remove_volumes, remove_images, remove_networks, remove_accounts):
        began = time.monotonic()
        step(cloud, base)
        print(f"{step.__name__}: {time.monotonic() - began:.1f}s", flush=True)


if __name__ == "__main__":
    main()
