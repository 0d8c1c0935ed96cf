"""Volumes and servers of one project."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

Say = Callable[[str], None]


@dataclass
class Placed:
    """A server of the seed, with the connection of its project and its data volumes."""

    own: Any
    id: str
    name: str
    is_new: bool
    volumes: dict[str, str] = field(default_factory=dict)


def make(
    own: Any,
    project: dict[str, Any],
    image_id: str,
    groups: dict[str, str],
    subnets: dict[str, tuple[str, str]],
    say: Say,
) -> list[Placed]:
    """Make a project's servers, all at once; return them when they are ACTIVE."""
    have = {server.name: server.id for server in own.compute.servers(details=False)}
    volumes = _make_volumes(own, project["servers"], image_id)
    placed = []
    for item in project["servers"]:
        data = {volume["name"]: volumes[volume["name"]] for volume in item.get("volumes", [])}
        if item["name"] in have:
            placed.append(Placed(own, have[item["name"]], item["name"], False, data))
            continue
        ports = [
            {"port": _make_port(own, item, name, groups, subnets)} for name in item["addresses"]
        ]
        server = own.compute.create_server(
            name=item["name"],
            flavor_id=own.compute.find_flavor(item["flavor"], ignore_missing=False).id,
            key_name=project["keypair"],
            metadata=item["metadata"],
            networks=ports,
            **_disks(item, volumes, image_id),
        )
        placed.append(Placed(own, server.id, item["name"], True, data))
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda one: _settle(one, say), [one for one in placed if one.is_new]))
    return placed


def _make_volumes(own: Any, items: list[dict[str, Any]], image_id: str) -> dict[str, str]:
    have = {volume.name: volume.id for volume in own.block_storage.volumes(details=False)}
    for item in items:
        for volume in item.get("volumes", []):
            if volume["name"] not in have:
                have[volume["name"]] = own.block_storage.create_volume(
                    name=volume["name"], size=volume["size"]
                ).id
        root = item.get("root")
        if root and root["name"] not in have:
            made = own.block_storage.create_volume(
                name=root["name"], size=root["size"], image_id=image_id
            )
            have[root["name"]] = made.id
    for identifier in have.values():
        _wait_volume(own, identifier)
    return have


def _wait_volume(own: Any, identifier: str, seconds: float = 120) -> None:
    limit = time.monotonic() + seconds
    while (status := own.block_storage.get_volume(identifier).status) not in (
        "available",
        "in-use",
    ):
        if status.startswith("error") or time.monotonic() > limit:
            raise SystemExit(f"volume {identifier} is {status}")
        time.sleep(0.5)


def _make_port(
    own: Any,
    item: dict[str, Any],
    network: str,
    groups: dict[str, str],
    subnets: dict[str, tuple[str, str]],
) -> str:
    name = f"{item['name']}-{network}"
    network_id, subnet_id = subnets[network]
    port = next(iter(own.network.ports(name=name, network_id=network_id)), None)
    if port is None:
        port = own.network.create_port(
            name=name,
            network_id=network_id,
            fixed_ips=[{"subnet_id": subnet_id, "ip_address": item["addresses"][network]}],
            security_group_ids=[groups[item["group"]]],
        )
    return str(port.id)


def _disks(item: dict[str, Any], volumes: dict[str, str], image_id: str) -> dict[str, Any]:
    mapping: list[dict[str, Any]] = []
    if "root" in item:
        root = volumes[item["root"]["name"]]
        mapping.append(
            {"boot_index": 0, "uuid": root, "source_type": "volume", "destination_type": "volume"}
        )
    elif item.get("volumes"):
        mapping.append(
            {"boot_index": 0, "uuid": image_id, "source_type": "image", "destination_type": "local"}
        )
    for volume in item.get("volumes", []):
        identifier = volumes[volume["name"]]
        mapping.append(
            {
                "boot_index": -1,
                "uuid": identifier,
                "source_type": "volume",
                "destination_type": "volume",
            }
        )
    for entry in mapping:
        # Nova deletes a local disk with its server whatever it is told; a volume stays.
        entry["delete_on_termination"] = entry["destination_type"] == "local"
    arguments: dict[str, Any] = {"block_device_mapping": mapping} if mapping else {}
    if "root" not in item:
        arguments["image_id"] = image_id
    return arguments


def _settle(one: Placed, say: Say, seconds: float = 240) -> None:
    limit = time.monotonic() + seconds
    while (status := one.own.compute.get_server(one.id).status) != "ACTIVE":
        if status == "ERROR" or time.monotonic() > limit:
            fault = one.own.compute.get_server(one.id).to_dict().get("fault")
            raise SystemExit(f"server {one.name} is {status}: {fault}")
        time.sleep(1)
    say(f"{one.name} is ACTIVE")


def wait_ready(cloud: Any, placed: list[Placed], say: Say, seconds: float = 240) -> None:
    """Wait until every guest that runs says READY on its console."""
    limit = time.monotonic() + seconds
    waiting = list(placed)
    while waiting:
        for one in list(waiting):
            console = cloud.compute.get_server_console_output(one.id, length=100).get("output", "")
            if (
                "DEVCLOUD-GUEST READY" in console
                or one.own.compute.get_server(one.id).status != "ACTIVE"
            ):
                waiting.remove(one)
                say(f"{one.name} is READY")
        if time.monotonic() > limit:
            raise SystemExit(f"no READY from {', '.join(one.name for one in waiting)}")
        time.sleep(1)
