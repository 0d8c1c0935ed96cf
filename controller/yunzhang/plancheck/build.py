"""Checks of what a plan builds: references, cards, disks, waves, amounts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import Any

from yunzhang import texts
from yunzhang.plancheck.faults import Fault

Document = dict[str, Any]


def check_build(document: Document) -> Iterator[Fault]:
    """All faults of the build, the waves and the holds."""
    yield from _references(document["build"])
    yield from _cards(document)
    yield from _disks(document["build"])
    yield from _waves(document)
    yield from _amounts(document)


def _keys(build: Document, kind: str) -> set[str]:
    return {item["key"] for item in build[kind]}


def _references(build: Document) -> Iterator[Fault]:
    projects, flavors = _keys(build, "projects"), _keys(build, "flavors")
    keypairs, groups = _keys(build, "keypairs"), _keys(build, "security_groups")
    networks = _keys(build, "networks")
    subnets = {s["key"] for n in build["networks"] for s in n["subnets"]}
    wanted: list[tuple[str, str | None, set[str]]] = []
    for kind in ("keypairs", "images", "networks", "routers", "security_groups", "servers"):
        wanted += [(f"{kind}/{i['key']}", i["project"], projects) for i in build[kind]]
    for router in build["routers"]:
        wanted += [(f"routers/{router['key']}", s, subnets) for s in router["subnets"]]
    for group in build["security_groups"]:
        place = f"security_groups/{group['key']}"
        wanted += [(place, rule["remote_group"], groups) for rule in group["rules"]]
    for server in build["servers"]:
        place = f"servers/{server['key']}"
        wanted += [(place, server["flavor"], flavors), (place, server["keypair"], keypairs)]
        for nic in server["nics"]:
            wanted += [(place, nic["network"], networks)]
            wanted += [(place, subnet, subnets) for subnet, _ in nic["addresses"]]
            wanted += [(place, group, groups) for group in nic["security_groups"]]
    for place, reference, known in wanted:
        if reference is not None and reference not in known:
            yield Fault("plancheck.dangling", f"build.{place}", {"reference": reference})
    for kind in ("projects", "flavors", "networks", "routers", "security_groups", "servers"):
        for key, times in Counter(i["key"] for i in build[kind]).items():
            if times > 1:
                yield Fault("plancheck.key_twice", f"build.{kind}", {"key": key})


def _cards(document: Document) -> Iterator[Fault]:
    build = document["build"]
    subnets = {s["key"]: s for n in build["networks"] for s in n["subnets"]}
    booked = {(entry["old"], entry["new"]) for entry in document["address_book"]["addresses"]}
    holders: set[tuple[str, str]] = set()
    macs: set[tuple[str, str]] = set()
    for server in build["servers"]:
        for nic in server["nics"]:
            place = f"build.servers/{server['key']}/{nic['key']}"
            if (nic["network"], nic["mac_address"]) in macs:
                yield Fault("plancheck.mac_twice", place, {"mac": nic["mac_address"]})
            macs.add((nic["network"], nic["mac_address"]))
            for key, address in nic["addresses"]:
                subnet = subnets.get(key)
                if subnet is None:
                    continue
                inside = ip_address(address) in ip_network(subnet["cidr"])
                if not inside or address == subnet["gateway_ip"]:
                    yield Fault("plancheck.address_outside", place, {"address": address})
                if (key, address) in holders:
                    yield Fault("plancheck.address_held_twice", place, {"address": address})
                holders.add((key, address))
            pairs = zip(nic["old_addresses"], nic["addresses"], strict=True)
            for old, (_, new) in pairs:
                if (old, new) not in booked:
                    yield Fault("plancheck.address_unbooked", place, {"old": old, "new": new})


def _disks(build: Document) -> Iterator[Fault]:
    for server in build["servers"]:
        place = f"build.servers/{server['key']}"
        disks = server["disks"]
        order = [disk["device"] for disk in disks]
        roots = [disk for disk in disks if disk["boot_index"] == 0]
        if len(roots) != 1 or not roots[0]["bootable"]:
            yield Fault("plancheck.root_disk", place, {"count": len(roots)})
        if len(set(order)) != len(order) or order != sorted(order, key=lambda d: (len(d), d)):
            yield Fault("plancheck.disk_order", place, {"order": texts.listed(order)})
        if any(disk["size_gib"] < 1 for disk in disks):
            yield Fault("plancheck.disk_size", place, {})


def _waves(document: Document) -> Iterator[Fault]:
    servers = _keys(document["build"], "servers")
    planned = Counter(key for wave in document["waves"] for key in wave["servers"])
    for key in sorted(servers | planned.keys()):
        if planned[key] != 1 or key not in servers:
            yield Fault("plancheck.wave_count", "waves", {"server": key, "count": planned[key]})
    home = {key: wave["number"] for wave in document["waves"] for key in wave["servers"]}
    for left, right in document["dependencies"]["hard"]:
        if home.get(left) != home.get(right):
            yield Fault("plancheck.torn", "waves", {"left": left, "right": right})
    numbers = [wave["number"] for wave in document["waves"]]
    if numbers != list(range(1, len(numbers) + 1)):
        yield Fault("plancheck.wave_numbers", "waves", {"numbers": str(numbers)})


def _amounts(document: Document) -> Iterator[Fault]:
    flavors = {flavor["key"]: flavor for flavor in document["build"]["flavors"]}
    holds = {hold["server"]: hold["amounts"] for hold in document["holds"]}
    for server in document["build"]["servers"]:
        flavor = flavors.get(server["flavor"])
        if flavor is None:
            continue
        need = {
            "VCPU": flavor["vcpus"],
            "MEMORY_MB": flavor["ram_mib"],
            "VOLUME_GB": sum(disk["size_gib"] for disk in server["disks"]),
        }
        if holds.get(server["key"]) != need:
            yield Fault("plancheck.hold_amount", "holds", {"server": server["key"]})
