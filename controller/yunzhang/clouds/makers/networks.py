"""Networks and subnets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from yunzhang.clouds.makers.report import thing
from yunzhang.clouds.makers.site import Site
from yunzhang.clouds.makers.tagged import TaggedCreator
from yunzhang.clouds.specs import NetworkSpec, SubnetSpec
from yunzhang.errors import NotFound


class NetworkMaker(TaggedCreator[NetworkSpec]):
    """Tenant networks."""

    kind = "network"
    threads = 4
    plural = "networks"

    def items(self, site: Site) -> Sequence[NetworkSpec]:
        """Those of the specification."""
        return site.spec.networks

    def name(self, item: NetworkSpec) -> str:
        """Its name."""
        return item.name

    def key(self, item: NetworkSpec) -> str:
        """Its key."""
        return item.key

    def project(self, item: NetworkSpec) -> str | None:
        """Its project."""
        return item.project

    def refuse(self, site: Site, item: NetworkSpec, project_id: str | None) -> None:
        """A network of that name in the project is foreign."""
        self.refuse_name(site, item.name, project_id)

    def create(self, site: Site, item: NetworkSpec) -> str:
        """Create it for its project."""
        options: dict[str, Any] = {"mtu": item.mtu} if item.mtu else {}
        return self.create_tagged(
            site,
            item.key,
            name=item.name,
            project_id=site.needed_project(item.project),
            is_port_security_enabled=item.port_security_enabled,
            **options,
        )


@dataclass(frozen=True, slots=True)
class PlacedSubnet:
    """A subnet with the network it belongs to."""

    network: NetworkSpec
    subnet: SubnetSpec


def placed_subnets(site: Site) -> list[PlacedSubnet]:
    """All subnets of the specification."""
    return [PlacedSubnet(n, s) for n in site.spec.networks for s in n.subnets]


def network_id(site: Site, key: str) -> str | None:
    """Identifier of the target's network for a key of the plan, None if not made yet."""
    for network in site.spec.networks:
        if network.key == key:
            return NetworkMaker().find(site, network)
    raise NotFound("clouds_make.no_key", thing=thing("network", key))


class SubnetMaker(TaggedCreator[PlacedSubnet]):
    """Subnets with the planned addresses."""

    kind = "subnet"
    threads = 4
    plural = "subnets"

    def items(self, site: Site) -> Sequence[PlacedSubnet]:
        """Those of the specification."""
        return placed_subnets(site)

    def name(self, item: PlacedSubnet) -> str:
        """Its name."""
        return f"{item.subnet.name} {item.subnet.cidr}"

    def key(self, item: PlacedSubnet) -> str:
        """Its key."""
        return item.subnet.key

    def project(self, item: PlacedSubnet) -> str | None:
        """Its network's project."""
        return item.network.project

    def create(self, site: Site, item: PlacedSubnet) -> str:
        """Create it; without a gateway if the plan has none."""
        subnet = item.subnet
        options: dict[str, Any] = {}
        if subnet.allocation_pools:
            options["allocation_pools"] = [pool.model_dump() for pool in subnet.allocation_pools]
        return self.create_tagged(
            site,
            subnet.key,
            name=subnet.name,
            project_id=site.needed_project(item.network.project),
            network_id=NetworkMaker().needed(site, item.network),
            cidr=subnet.cidr,
            ip_version=subnet.ip_version,
            gateway_ip=subnet.gateway_ip,
            is_dhcp_enabled=subnet.enable_dhcp,
            dns_nameservers=list(subnet.dns_nameservers),
            host_routes=[route.model_dump() for route in subnet.host_routes],
            **options,
        )


def subnet_id(site: Site, key: str) -> str | None:
    """Identifier of the target's subnet for a key of the plan, None if not made yet."""
    for placed in placed_subnets(site):
        if placed.subnet.key == key:
            return SubnetMaker().find(site, placed)
    raise NotFound("clouds_make.no_key", thing=thing("subnet", key))
