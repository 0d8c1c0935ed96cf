"""Servers, booted from the volumes the disks were copied to."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from openstack import exceptions

from yunzhang import texts
from yunzhang.clouds import marks
from yunzhang.clouds.intents import Intent
from yunzhang.clouds.makers.flavors import FlavorMaker
from yunzhang.clouds.makers.keypairs import lent, take_back
from yunzhang.clouds.makers.maker import Creator, Undone
from yunzhang.clouds.makers.ports import PlacedNic, PortMaker, set_admin_state
from yunzhang.clouds.makers.report import thing
from yunzhang.clouds.makers.site import Site
from yunzhang.clouds.makers.sources import source_server, unproven
from yunzhang.clouds.makers.volumes import PlacedDisk, VolumeMaker
from yunzhang.clouds.makers.waiting import seconds_for, wait_for
from yunzhang.clouds.specs import ServerSpec
from yunzhang.errors import Conflict, NotFound, Outside

# Tags at creation (2.52) and the description (2.19).
MICROVERSION = "2.52"
TAG_LENGTH = 60


def by_key(items: Sequence[Any], kind: str, key: str) -> Any:
    """The specification with that key. Raises NotFound `clouds_make.no_key`."""
    for item in items:
        if item.key == key:
            return item
    raise NotFound("clouds_make.no_key", thing=thing(kind, key))


def device_mapping(server: ServerSpec, volumes: Sequence[str]) -> list[dict[str, Any]]:
    """The disks in the order of the source's devices; never deleted with the server."""
    return [
        {
            "uuid": volume,
            "source_type": "volume",
            "destination_type": "volume",
            "boot_index": disk.boot_index,
            "delete_on_termination": False,
        }
        for disk, volume in zip(server.disks, volumes, strict=True)
    ]


def needs_config_drive(server: ServerSpec, site: Site) -> bool:
    """Whether no subnet of its cards has DHCP: the guest then learns its address from a drive."""
    wanted = {subnet for nic in server.nics for subnet, _ in nic.addresses}
    subnets = [s for n in site.spec.networks for s in n.subnets if s.key in wanted]
    return bool(subnets) and not any(subnet.enable_dhcp for subnet in subnets)


def _servers(site: Site, project_id: str | None) -> list[Any]:
    """The servers that stood in a project when the step began."""
    return site.keep(
        ("servers", project_id),
        lambda: list(site.target.compute.servers(all_projects=True, project_id=project_id)),
    )


class ServerMaker(Creator[ServerSpec]):
    """Target servers. None is booted unless its source is proven off, right before the call."""

    kind = "server"
    threads = 8

    def items(self, site: Site) -> Sequence[ServerSpec]:
        """The servers of the wave."""
        return site.spec.servers

    def name(self, item: ServerSpec) -> str:
        """Its name."""
        return item.name

    def key(self, item: ServerSpec) -> str:
        """Its key."""
        return item.key

    def project(self, item: ServerSpec) -> str | None:
        """Its project."""
        return item.project

    def look(self, site: Site, project_id: str | None, key: str) -> Any | None:
        """By metadata and project."""
        servers = _servers(site, project_id)
        return next((server for server in servers if self.is_ours(site, server, key)), None)

    def get(self, site: Site, identifier: str) -> Any | None:
        """By identifier."""
        try:
            return site.target.compute.get_server(identifier)
        except exceptions.NotFoundException:
            return None

    def is_ours(self, site: Site, found: Any, key: str) -> bool:
        """By metadata."""
        return site.metadata(key).items() <= (found.metadata or {}).items()

    def refuse(self, site: Site, item: ServerSpec, project_id: str | None) -> None:
        """A server of that name in the project is foreign; a named zone must be there."""
        zones = site.keep(
            "zones", lambda: {zone.name for zone in site.target.compute.availability_zones()}
        )
        if item.availability_zone and item.availability_zone not in zones:
            raise NotFound("clouds_make.no_zone", name=item.availability_zone)
        for found in _servers(site, project_id) if project_id else ():
            if found.name == item.name:
                raise Conflict(
                    "clouds_make.foreign", thing=thing(self.kind, item.name), id=found.id
                )

    def create(self, site: Site, item: ServerSpec) -> str:
        """Prove the source off, enable the ports, boot."""
        body = self._body(site, item)
        keypair = by_key(site.spec.keypairs, "keypair", item.keypair) if item.keypair else None
        compute = site.in_project(item.project).compute
        with lent(site, keypair) if keypair else nullcontext(None) as key_name:
            if key_name:
                body["key_name"] = key_name
            prove_off(site, item)
            for nic in item.nics:
                set_admin_state(site, PortMaker().needed(site, PlacedNic(item, nic)), up=True)
            response = compute.post("/servers", json={"server": body}, microversion=MICROVERSION)
            exceptions.raise_from_response(response)
        return str(response.json()["server"]["id"])

    def _body(self, site: Site, item: ServerSpec) -> dict[str, Any]:
        flavor = by_key(site.spec.flavors, "flavor", item.flavor)
        volumes = [VolumeMaker().needed(site, PlacedDisk(item, disk)) for disk in item.disks]
        ports = [PortMaker().needed(site, PlacedNic(item, nic)) for nic in item.nics]
        body: dict[str, Any] = {
            "name": item.name,
            "flavorRef": FlavorMaker().needed(site, flavor),
            "networks": [{"port": port} for port in ports] or "none",
            "block_device_mapping_v2": device_mapping(item, volumes),
            "metadata": {**item.metadata, **site.metadata(item.key)},
            "config_drive": needs_config_drive(item, site),
        }
        if len(marks.plan_tag(site.mark)) <= TAG_LENGTH:
            body["tags"] = [marks.plan_tag(site.mark)]
        if item.description:
            body["description"] = item.description
        if item.availability_zone:
            body["availability_zone"] = item.availability_zone
        return body

    def settle(self, site: Site, item: ServerSpec, identifier: str) -> None:
        """Wait until it runs. Raises Outside `clouds_make.boot_failed` with Nova's reason."""
        compute = site.target.compute
        server = wait_for(
            item.name,
            lambda: compute.get_server(identifier),
            lambda s: (
                s.status == "ERROR" or (s.status in {"ACTIVE", "SHUTOFF"} and not s.task_state)
            ),
            seconds=seconds_for(0),
            describe=lambda s: s.status,
        )
        if server.status == "ERROR":
            reason = (server.fault or {}).get("message", "")
            raise Outside("clouds_make.boot_failed", name=item.name, id=identifier, reason=reason)

    def delete(self, site: Site, identifier: str) -> None:
        """Delete it, wait until it is gone, take its ports down. The volumes stay."""
        compute = site.target.compute
        ports = list(site.target.network.ports(device_id=identifier))
        compute.delete_server(identifier, ignore_missing=True)
        wait_for(
            identifier,
            lambda: self.get(site, identifier),
            lambda server: server is None,
            seconds=seconds_for(0),
            describe=lambda server: getattr(server, "status", ""),
        )
        for port in ports:
            if PortMaker().get(site, str(port.id)):
                set_admin_state(site, str(port.id), up=False)

    def undo(self, site: Site, intent: Intent) -> Undone:
        """Also take back a key that a crash left lent."""
        undone = super().undo(site, intent)
        item = next((server for server in site.spec.servers if server.key == intent.key), None)
        if item and item.keypair:
            take_back(site, by_key(site.spec.keypairs, "keypair", item.keypair))
        return undone


def prove_off(site: Site, item: ServerSpec) -> None:
    """Raise Conflict `clouds_make.source_alive` unless the source is off, locked, unplugged."""
    faults = unproven(site, source_server(site, item.source))
    if faults:
        raise Conflict(
            "clouds_make.source_alive", name=item.source.name, faults=texts.listed(faults)
        )
