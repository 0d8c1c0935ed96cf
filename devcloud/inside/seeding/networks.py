"""Security groups, networks and routers of one project."""

from __future__ import annotations

from typing import Any


def make_groups(own: Any, items: list[dict[str, Any]]) -> dict[str, str]:
    """Make the security groups; return their ids."""
    mine = own.current_project_id
    have = {group.name: group for group in own.network.security_groups(project_id=mine)}
    new = [item for item in items if item["name"] not in have]
    for item in new:
        have[item["name"]] = own.network.create_security_group(name=item["name"])
    for item in new:
        for rule in item["rules"]:
            _make_rule(own, have[item["name"]].id, rule, have)
    return {name: group.id for name, group in have.items()}


def _make_rule(own: Any, group_id: str, rule: dict[str, Any], groups: dict[str, Any]) -> None:
    fields = {
        "security_group_id": group_id,
        "direction": "ingress",
        "ether_type": "IPv4",
        "protocol": rule["protocol"],
    }
    if "port" in rule:
        fields |= {"port_range_min": rule["port"], "port_range_max": rule["port"]}
    if "group" in rule:
        fields["remote_group_id"] = groups[rule["group"]].id
    else:
        fields["remote_ip_prefix"] = rule["cidr"]
    own.network.create_security_group_rule(**fields)


def make_networks(own: Any, items: list[dict[str, Any]]) -> dict[str, tuple[str, str]]:
    """Make networks, subnets and routers; return (network, subnet) by the network's name."""
    mine = own.current_project_id
    have = {network.name: network for network in own.network.networks(project_id=mine)}
    result = {}
    for item in items:
        network = have.get(item["name"]) or own.network.create_network(name=item["name"])
        subnet = next(iter(own.network.subnets(network_id=network.id)), None)
        if subnet is None:
            subnet = own.network.create_subnet(
                network_id=network.id,
                name=f"{item['name']}-v4",
                ip_version=4,
                cidr=item["cidr"],
                gateway_ip=item["gateway"],
                allocation_pools=[{"start": item["pool"][0], "end": item["pool"][1]}],
                dns_nameservers=item.get("dns", []),
                host_routes=item.get("routes", []),
            )
        if "router" in item:
            _make_router(own, item["router"], subnet)
        result[item["name"]] = (network.id, subnet.id)
    return result


def _make_router(own: Any, name: str, subnet: Any) -> None:
    router = next(iter(own.network.routers(name=name, project_id=own.current_project_id)), None)
    if router is None:
        outside = next(iter(own.network.networks(name="public", is_router_external=True)))
        router = own.network.create_router(
            name=name, external_gateway_info={"network_id": outside.id}
        )
    inside = own.network.ports(device_id=router.id, network_id=subnet.network_id)
    if not list(inside):
        own.network.add_interface_to_router(router, subnet_id=subnet.id)
