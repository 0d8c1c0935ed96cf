"""OpenStack: our own `cloud dump` (kind → identifier → resource), or `openstack server list`."""

from __future__ import annotations

from typing import Any

from yunzhang.estate.foreign.conversion import Assumed, Conversion, Origin, make_code
from yunzhang.estate.foreign.placing import Card, interfaces, place_platform, place_system

Json = dict[str, Any]


def is_dump(content: Any) -> bool:
    """Whether this is what `yunzhang cloud dump` writes."""
    return (
        isinstance(content, dict)
        and isinstance(content.get("server"), dict)
        and all(isinstance(items, dict) for items in content.values())
    )


def is_list(content: Any) -> bool:
    """Whether this is what `openstack server list -f json` prints."""
    return (
        isinstance(content, list)
        and bool(content)
        and all(isinstance(each, dict) and {"ID", "Name"} <= each.keys() for each in content)
    )


def convert_dump(name: str, content: dict[str, dict[str, Json]], assumed: Assumed) -> Conversion:
    """Servers as workloads, subnets as prefixes of the given domain; the rest is told."""
    done = Conversion()
    projects = {
        key: str(value.get("name", "")) for key, value in content.get("project", {}).items()
    }
    networks = {
        key: str(value.get("name", "")) for key, value in content.get("network", {}).items()
    }
    for kind, items in content.items():
        for number, (key, item) in enumerate(items.items(), 1):
            origin = Origin(kind, number, str(item.get("name") or key))
            if kind == "server":
                _server(done, assumed, origin, name, item, projects, content.get("flavor", {}))
            elif kind == "subnet" and assumed.domain:
                network = networks.get(str(item.get("network_id")), "")
                _subnet(done, assumed.domain, origin, item, network)
            else:
                reason = "domain" if kind == "subnet" else "kind"
                done.refuse(origin, reason, kind=kind)
    return done


def _subnet(done: Conversion, domain: str, origin: Origin, item: Json, network: str) -> None:
    row = {"domain_code": domain, "cidr": str(item.get("cidr") or ""), "role": "leaf"}
    done.add("prefixes", origin, row | {"network_name": network})


def _server(
    done: Conversion,
    assumed: Assumed,
    origin: Origin,
    cloud: str,
    item: Json,
    projects: dict[str, str],
    flavors: dict[str, Json],
) -> None:
    project = projects.get(str(item.get("tenant_id") or item.get("project_id")), "")
    flavor: Json = item.get("flavor") or {}
    flavor = flavor if "vcpus" in flavor else flavors.get(str(flavor.get("id")), flavor)
    cards = [
        Card(network, str(address["addr"]), address.get("OS-EXT-IPS:type", "fixed") != "fixed")
        for network, found in (item.get("addresses") or {}).items()
        for address in found
    ]
    _workload(
        done, assumed, origin, cloud, str(item.get("id", "")), project, flavor,
        cards, str(item.get("status", "")),
    )  # fmt: skip


def _workload(
    done: Conversion,
    assumed: Assumed,
    origin: Origin,
    cloud: str,
    uuid: str,
    project: str,
    flavor: Json,
    cards: list[Card],
    status: str,
) -> None:
    unit = assumed.unit_of(project)
    if unit is None:
        done.refuse(origin, "tenant", tenant=project)
        return
    columns, noted = interfaces(done, assumed, origin, cards)
    noted += [status] if status and status != "ACTIVE" else []
    row = {
        "code": make_code("vm", uuid),
        "name": origin.name,
        "system_code": place_system(done, assumed, unit),
        "unit_code": unit,
        "platform_code": place_platform(
            done, assumed, None, cloud, technology="openstack", unit_code=assumed.unit or unit
        ),
        "project": project,
        "vcpu": str(flavor.get("vcpus") or ""),
        "ram_mib": str(flavor.get("ram") or ""),
        "disk_gib": "" if flavor.get("disk") is None else str(flavor["disk"]),
        "platform_uuid": uuid,
        "note": "；".join(noted),
    }
    done.add("workloads", origin, row | columns)


def convert_list(name: str, content: list[Json], assumed: Assumed) -> Conversion:
    """Servers of a list; it names flavors without their sizes unless `--long` tells them."""
    done = Conversion()
    for number, item in enumerate(content, 1):
        flavor = item.get("Flavor")
        _workload(
            done, assumed, Origin("server", number, str(item["Name"])), name, str(item["ID"]),
            str(item.get("Project") or item.get("Project ID") or ""),
            flavor if isinstance(flavor, dict) else {}, _cards(item.get("Networks")),
            str(item.get("Status", "")),
        )  # fmt: skip
    return done


def _cards(told: Any) -> list[Card]:
    """Networks and addresses in order: a mapping, or the older `net=address, address; net=…`.

    A list does not tell floating addresses from the others.
    """
    if isinstance(told, str):
        pairs = [part.split("=", 1) for part in told.split(";") if "=" in part]
        told = {name.strip(): [each.strip() for each in found.split(",")] for name, found in pairs}
    return [Card(name, str(each)) for name, found in (told or {}).items() for each in found]
