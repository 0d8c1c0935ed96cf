"""From Neutron's JSON to what a survey keeps. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from yunzhang.clouds.observed import (
    ObservedNetwork,
    ObservedRouter,
    ObservedRule,
    ObservedSecurityGroup,
    ObservedSubnet,
)
from yunzhang.clouds.reading import Json
from yunzhang.clouds.specs import AllocationPoolSpec, RouteSpec

ROUTER_INTERFACES = frozenset(
    {
        "network:router_interface",
        "network:router_interface_distributed",
        "network:ha_router_replicated_interface",
    }
)


def map_networks(networks: Iterable[Json], subnets: Iterable[Json]) -> tuple[ObservedNetwork, ...]:
    """Networks, each with its subnets by name and identifier."""
    inside: dict[str, list[ObservedSubnet]] = {}
    for subnet in sorted(subnets, key=lambda subnet: (subnet["name"], subnet["id"])):
        inside.setdefault(subnet["network_id"], []).append(_map_subnet(subnet))
    return tuple(
        ObservedNetwork(
            id=network["id"],
            name=network["name"],
            project_id=network["project_id"],
            description=network.get("description") or "",
            mtu=network.get("mtu"),
            external=network.get("router:external", False),
            shared=network.get("shared", False),
            port_security_enabled=network.get("port_security_enabled", True),
            subnets=tuple(inside.get(network["id"], ())),
        )
        for network in networks
    )


def _map_subnet(subnet: Json) -> ObservedSubnet:
    pools = sorted(subnet["allocation_pools"], key=lambda pool: str(pool["start"]))
    return ObservedSubnet(
        id=subnet["id"],
        name=subnet["name"],
        network_id=subnet["network_id"],
        cidr=subnet["cidr"],
        ip_version=subnet["ip_version"],
        gateway_ip=subnet["gateway_ip"],
        enable_dhcp=subnet["enable_dhcp"],
        allocation_pools=tuple(
            AllocationPoolSpec(start=pool["start"], end=pool["end"]) for pool in pools
        ),
        dns_nameservers=tuple(subnet["dns_nameservers"]),
        host_routes=_map_routes(subnet["host_routes"]),
    )


def _map_routes(routes: Iterable[Json]) -> tuple[RouteSpec, ...]:
    ordered = sorted(routes, key=lambda route: (route["destination"], route["nexthop"]))
    return tuple(RouteSpec(destination=r["destination"], nexthop=r["nexthop"]) for r in ordered)


def map_routers(
    routers: Iterable[Json], networks: Iterable[Json], ports: Iterable[Json]
) -> tuple[ObservedRouter, ...]:
    """Routers, with their gateway network's name and the subnets their interfaces are in."""
    names = {network["id"]: network["name"] for network in networks}
    subnets: dict[str, set[str]] = {}
    for port in ports:
        if port["device_owner"] in ROUTER_INTERFACES:
            inside = subnets.setdefault(port["device_id"], set())
            inside.update(fixed["subnet_id"] for fixed in port["fixed_ips"])
    mapped = []
    for router in routers:
        gateway = router.get("external_gateway_info") or {}
        network_id = gateway.get("network_id")
        mapped.append(
            ObservedRouter(
                id=router["id"],
                name=router["name"],
                project_id=router["project_id"],
                description=router.get("description") or "",
                external_network_id=network_id,
                external_network=names.get(network_id) if network_id else None,
                enable_snat=gateway.get("enable_snat"),
                subnets=tuple(sorted(subnets.get(router["id"], ()))),
                routes=_map_routes(router.get("routes") or ()),
            )
        )
    return tuple(mapped)


def map_groups(
    groups: Iterable[Json], address_groups: Mapping[str, Sequence[str]]
) -> tuple[ObservedSecurityGroup, ...]:
    """Security groups; a rule for an address group is given as one rule for each of its prefixes.

    `address_groups` are prefixes by identifier.
    """
    return tuple(
        ObservedSecurityGroup(
            id=group["id"],
            name=group["name"],
            project_id=group["project_id"],
            description=group.get("description") or "",
            rules=tuple(
                sorted(
                    (
                        mapped
                        for rule in group["security_group_rules"]
                        for mapped in _map_rule(rule, address_groups)
                    ),
                    key=lambda rule: rule.model_dump_json(),
                )
            ),
        )
        for group in groups
    )


def _map_rule(rule: Json, address_groups: Mapping[str, Sequence[str]]) -> list[ObservedRule]:
    named = rule.get("remote_address_group_id")
    prefixes = address_groups[named] if named else [rule["remote_ip_prefix"]]
    return [
        ObservedRule(
            direction=rule["direction"],
            ethertype=rule["ethertype"],
            protocol=rule["protocol"],
            port_min=rule["port_range_min"],
            port_max=rule["port_range_max"],
            remote_prefix=prefix,
            remote_group_id=rule["remote_group_id"],
            description=rule.get("description") or "",
        )
        for prefix in prefixes
    ]
