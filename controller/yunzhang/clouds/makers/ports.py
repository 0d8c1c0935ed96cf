"""Ports: a workload's place in the target network, reserved long before it boots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from yunzhang.clouds.makers.groups import needed_group
from yunzhang.clouds.makers.networks import network_id, subnet_id
from yunzhang.clouds.makers.report import thing
from yunzhang.clouds.makers.site import Site
from yunzhang.clouds.makers.tagged import TaggedCreator
from yunzhang.clouds.specs import NicSpec, ServerSpec
from yunzhang.errors import Conflict


@dataclass(frozen=True, slots=True)
class PlacedNic:
    """A card with the server it belongs to."""

    server: ServerSpec
    nic: NicSpec


class PortMaker(TaggedCreator[PlacedNic]):
    """Ports with the MAC kept and the planned addresses, administratively down."""

    kind = "port"
    plural = "ports"
    shared = False
    threads = 4

    def items(self, site: Site) -> Sequence[PlacedNic]:
        """All cards of the wave's servers."""
        return [PlacedNic(server, nic) for server in site.spec.servers for nic in server.nics]

    def name(self, item: PlacedNic) -> str:
        """Server, MAC and addresses."""
        addresses = " ".join(address for _, address in item.nic.addresses)
        return f"{item.server.name} {item.nic.mac_address} {addresses}".rstrip()

    def key(self, item: PlacedNic) -> str:
        """The card's key."""
        return item.nic.key

    def project(self, item: PlacedNic) -> str | None:
        """The server's project."""
        return item.server.project

    def described(self, item: PlacedNic) -> str:
        """The card's description."""
        return item.nic.description

    def refuse(self, site: Site, item: PlacedNic, project_id: str | None) -> None:
        """Nobody in the target may hold a planned address, nobody in the network the MAC."""
        network = site.target.network
        for _, address in item.nic.addresses:
            for port in network.ports(fixed_ips=f"ip_address={address}"):
                raise Conflict(
                    "clouds_make.address_taken",
                    address=address,
                    id=port.id,
                    project=port.project_id,
                )
        place = network_id(site, item.nic.network)
        if not place:
            return
        for port in network.ports(network_id=place, mac_address=item.nic.mac_address):
            raise Conflict("clouds_make.mac_taken", mac=item.nic.mac_address, id=port.id)

    def create(self, site: Site, item: PlacedNic) -> str:
        """Create it down."""
        nic = item.nic
        place = network_id(site, nic.network)
        if not place:
            raise Conflict("clouds_make.not_made", thing=thing("network", nic.network))
        options: dict[str, Any] = {}
        if nic.allowed_pairs:
            options["allowed_address_pairs"] = [
                pair.model_dump(exclude_none=True) for pair in nic.allowed_pairs
            ]
        if not nic.port_security_enabled:
            options["is_port_security_enabled"] = False
        return self.create_tagged(
            site,
            nic.key,
            name=nic.name,
            project_id=site.needed_project(item.server.project),
            network_id=place,
            mac_address=nic.mac_address,
            fixed_ips=[
                {"subnet_id": subnet_id(site, subnet), "ip_address": address}
                for subnet, address in nic.addresses
            ],
            security_groups=[needed_group(site, key) for key in nic.security_groups],
            is_admin_state_up=False,
            **options,
        )


def set_admin_state(site: Site, port_id: str, *, up: bool) -> None:
    """Enable or disable a port of the target."""
    site.target.network.update_port(port_id, is_admin_state_up=up)
