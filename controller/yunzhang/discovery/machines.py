"""Machines of either side in plain words, as matching and comparing need them. Pure.

What differs between kinds of sources ends here: a server of OpenStack, a domain of libvirt and a
host that told its facts all become a `Seen`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from sys import intern
from typing import Any, NamedTuple

from yunzhang.discovery.keys import (
    Keys,
    clean_mac,
    clean_macs,
    identifiers,
    inventory_name,
    observed_names,
)

Values = Mapping[str, Any]

# Kinds of sources, the one whose word counts first before the others. `machines` is the kind of
# items that are machines there; only a source that lists stopped ones proves that one is missing.
MACHINE_KINDS: Mapping[str, str] = {"openstack": "servers", "libvirt": "domains", "facts": "hosts"}
RANK = {kind: rank for rank, kind in enumerate(MACHINE_KINDS)}


@dataclass(frozen=True, slots=True)
class Declared:
    """A workload as the register has it. `values` by field name; None: not said."""

    ref: str
    name: str
    platform: str
    project: str
    domain: str | None
    unit: str
    state: str
    keys: Keys
    values: Values


@dataclass(frozen=True, slots=True)
class Seen:
    """A machine as its sources saw it. `items`: identifiers of its rows, the foremost first."""

    ref: str
    source: str
    kind: str
    name: str
    platforms: frozenset[str]
    project: str | None
    keys: Keys
    values: Values
    items: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """What the register says of a source: its platforms, and the domain of (platform, project).

    `domains` has only those that are one and no other; an address means nothing without.
    """

    name: str
    kind: str
    platforms: frozenset[str] = frozenset()
    domains: Mapping[tuple[str, str | None], str] = field(default_factory=dict)
    _known: dict[str | None, str | None] = field(default_factory=dict, compare=False, repr=False)

    def domain_of(self, project: str | None) -> str | None:
        """The one address domain of a project here; None when there is none or it is not one."""
        if project not in self._known:  # a large cloud has many machines and few projects
            found = {self.domains.get((platform, project)) for platform in self.platforms} - {None}
            self._known[project] = found.pop() if len(found) == 1 else None
        return self._known[project]


@dataclass(frozen=True, slots=True)
class Lookup:
    """What a server's payload only names: projects by identifier, volumes' sizes in GiB."""

    projects: Mapping[str, str] = field(default_factory=dict)
    volumes: Mapping[str, int] = field(default_factory=dict)


def see(source: Source, external_id: str, payload: Values, lookup: Lookup) -> Seen:
    """A machine's payload in plain words."""
    told = _READERS[source.kind](payload, lookup)
    name, project = told.pop("name"), told.pop("project", None)
    ids, macs = told.pop("ids"), clean_macs(told["macs"])
    told["macs"] = list(macs)
    told["addresses"] = sorted(set(told["addresses"]))
    domain = source.domain_of(project)
    called = (inventory_name(external_id),) if source.kind == "facts" else ()
    ref = f"{source.name}/{external_id}"
    return Seen(
        ref=ref,
        source=source.name,
        kind=source.kind,
        name=name,
        platforms=source.platforms,
        project=project,
        keys=Keys(
            ids=ids,
            macs=macs,
            names=observed_names(source.name, project, name) + called,
            places=tuple((domain, ip) for ip in told["addresses"]) if domain else (),
        ),
        values={"name": name, **told},
        items=(ref,),
    )


def power_of(kind: str, status: str | None, power: str | None) -> str | None:
    """on, off or None for what a payload says: OpenStack in `status`, the others in `power`."""
    if kind == "openstack":
        return _POWER.get(status or "")
    return "on" if kind == "facts" else _LIBVIRT_POWER.get(power or "")


_LIBVIRT_POWER = {"running": "on", "paused": "on", "off": "off"}
_POWER = {"ACTIVE": "on", "SHUTOFF": "off", "SHELVED": "off", "SHELVED_OFFLOADED": "off"}


def _read_server(server: Values, lookup: Lookup) -> dict[str, Any]:
    root, data = _server_disks(server, lookup)
    return {
        "name": server["name"],
        "project": intern(lookup.projects.get(server["project_id"], server["project_id"])),
        "ids": identifiers(uuid=server["id"]),
        "platform_uuid": server["id"],
        "vcpu": server["vcpus"],
        "ram_mib": server["ram_mib"],
        "disk_gib": root,
        "data_gib": data,
        "macs": [nic["mac_address"] for nic in server["nics"]],
        "addresses": [ip for nic in server["nics"] for _, ip in nic["addresses"]],
        "power": _POWER.get(server["status"]),
    }


def _server_disks(server: Values, lookup: Lookup) -> tuple[int | None, int | None]:
    """GiB of the root disk and of all others; None for what a volume nobody saw hides."""
    sizes = {a["device"]: lookup.volumes.get(a["volume_id"]) for a in server["attachments"]}
    root: int | None = server["disk_gib"]
    if server["image_id"] is None and sizes:  # from a volume: the first is the root
        root = sizes.pop(server["root_device"] if server["root_device"] in sizes else min(sizes))
    known = [size for size in sizes.values() if size is not None]
    return root, sum(known) if len(known) == len(sizes) else None


def _read_domain(domain: Values, _lookup: Lookup) -> dict[str, Any]:
    sizes = [disk["size_bytes"] for disk in domain["disks"] if disk["device"] == "disk"]
    known = bool(sizes) and all(size is not None for size in sizes)
    return {
        "name": domain["name"],
        "ids": identifiers(uuid=domain["uuid"], serial=domain["serial"] or ""),
        "platform_uuid": domain["uuid"],
        "vcpu": domain["vcpus"],
        "ram_mib": domain["ram_mib"],
        "disk_gib": _gib(sizes[0]) if known else None,
        "data_gib": sum(map(_gib, sizes[1:])) if known else None,
        "macs": [nic["mac"] for nic in domain["nics"] if nic["mac"]],
        "addresses": [ip for nic in domain["nics"] for ip in nic["addresses"]],
        "power": _LIBVIRT_POWER.get(domain["power"]),
    }


def _read_host(host: Values, _lookup: Lookup) -> dict[str, Any]:
    return {
        "name": host["hostname"],
        "ids": identifiers(
            uuid=host["product_uuid"], serial=host["serial"], machine=host["machine_id"]
        ),
        # a physical machine has no platform's identifier
        "platform_uuid": host["product_uuid"].lower() or None if host["virtual"] else None,
        "vcpu": host["vcpus"],
        "ram_mib": host["ram_mib"],
        "disk_gib": None,  # partitions and multipaths look different from inside
        "data_gib": None,
        "macs": [nic["mac"] for nic in host["nics"] if nic["mac"]],
        "addresses": [ip for nic in host["nics"] for ip in nic["addresses"]],
        "power": "on",
    }


class Card(NamedTuple):
    """A machine's card in its order: hardware address or None, network's name, addresses."""

    mac: str | None
    network: str
    addresses: tuple[str, ...]


def cards_of(kind: str, payload: Values, networks: Mapping[str, str]) -> list[Card]:
    """The cards of a machine as its source orders them. `networks`: identifier → name."""
    if kind == "openstack":
        return [
            Card(
                clean_mac(nic["mac_address"]),
                networks.get(nic["network_id"], ""),
                tuple(ip for _, ip in nic["addresses"]),
            )
            for nic in payload["nics"]
        ]
    return [
        Card(clean_mac(nic["mac"]), nic["network"] or "", tuple(nic["addresses"]))
        for nic in payload["nics"]
    ]


_READERS: Mapping[str, Callable[[Values, Lookup], dict[str, Any]]] = {
    "openstack": _read_server,
    "libvirt": _read_domain,
    "facts": _read_host,
}


def _gib(size_bytes: int) -> int:
    return -(-size_bytes // 2**30)


def merge(machines: Iterable[Seen]) -> list[Seen]:
    """One `Seen` for what sources of different kinds saw of one machine, by shared identifiers.

    Two of one kind that share an identifier stay two: which of them is meant is for a person.
    """
    ordered = sorted(machines, key=lambda machine: (RANK[machine.kind], machine.ref))
    holders = Counter((machine.kind, key) for machine in ordered for key in machine.keys.ids)
    by_key: dict[str, int] = {}
    merged: list[Seen] = []
    for machine in ordered:
        own = {key for key in machine.keys.ids if holders[machine.kind, key] == 1}
        at = {by_key[key] for key in own if key in by_key}
        if len(at) == 1 and machine.kind != merged[place := at.pop()].kind:
            merged[place] = _joined(merged[place], machine)
        else:
            place = len(merged)
            merged.append(machine)
        for key in own:
            by_key.setdefault(key, place)
    return merged


def _joined(first: Seen, other: Seen) -> Seen:
    """`first` with what only `other` says. A foremost source's word stands."""
    said = {name: value for name, value in first.values.items() if value not in (None, [])}
    return replace(
        first,
        keys=first.keys.joined(other.keys),
        platforms=first.platforms | other.platforms,
        values={**other.values, **first.values, **said},
        items=first.items + other.items,
    )
