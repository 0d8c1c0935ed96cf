"""From the APIs' JSON to what a survey keeps: all but networking (`mapping_network`). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from yunzhang.clouds.observed import (
    ObservedAttachment,
    ObservedFlavor,
    ObservedImage,
    ObservedKeypair,
    ObservedNic,
    ObservedServer,
    ObservedVolume,
)
from yunzhang.clouds.reading import Json
from yunzhang.clouds.specs import AllowedPairSpec

# What Glance itself says of an image; everything else is a property.
IMAGE_FIELDS = frozenset(
    {
        "id",
        "name",
        "status",
        "visibility",
        "protected",
        "checksum",
        "os_hash_algo",
        "os_hash_value",
        "os_hidden",
        "owner",
        "size",
        "virtual_size",
        "min_disk",
        "min_ram",
        "disk_format",
        "container_format",
        "created_at",
        "updated_at",
        "tags",
        "self",
        "file",
        "schema",
        "locations",
        "direct_url",
        "stores",
    }
)
VOLUME_OWNER = "os-vol-tenant-attr:tenant_id"
ATTACHED = "os-extended-volumes:volumes_attached"


def owner_of(thing: Json) -> str | None:
    """The identifier of the project a thing of any service belongs to."""
    for field in ("project_id", "tenant_id", VOLUME_OWNER, "owner"):
        if field in thing:
            owner: str | None = thing[field]
            return owner
    return None


def map_flavor(flavor: Json, projects: Iterable[str]) -> ObservedFlavor:
    """A flavor; `projects` are those that see it when it is private."""
    return ObservedFlavor(
        id=flavor["id"],
        name=flavor["name"],
        vcpus=flavor["vcpus"],
        ram_mib=flavor["ram"],
        disk_gib=flavor["disk"],
        ephemeral_gib=flavor.get("OS-FLV-EXT-DATA:ephemeral", 0),
        swap_mib=flavor.get("swap") or 0,  # "" below 2.75
        public=flavor["os-flavor-access:is_public"],
        extra_specs=flavor.get("extra_specs", {}),
        projects=tuple(sorted(projects)),
    )


def map_keypair(keypair: Json, user_id: str, user: str) -> ObservedKeypair:
    """A keypair of a user."""
    return ObservedKeypair(
        id=f"{user_id}/{keypair['name']}",
        name=keypair["name"],
        user_id=user_id,
        user=user,
        type=keypair.get("type", "ssh"),
        public_key=keypair["public_key"],
        fingerprint=keypair["fingerprint"],
    )


def map_image(image: Json) -> ObservedImage:
    """An image; its properties are what is not a field of every image."""
    known_hash = image.get("os_hash_algo") == "sha512"
    return ObservedImage(
        id=image["id"],
        name=image["name"] or "",
        project_id=image.get("owner") or "",
        visibility=image["visibility"],
        status=image["status"],
        disk_format=image.get("disk_format"),
        container_format=image.get("container_format"),
        size_bytes=image.get("size") or 0,
        virtual_bytes=image.get("virtual_size"),
        min_disk_gib=image.get("min_disk") or 0,
        min_ram_mib=image.get("min_ram") or 0,
        sha512=image.get("os_hash_value") if known_hash else None,
        properties={
            name: str(value)
            for name, value in sorted(image.items())
            if name not in IMAGE_FIELDS and value is not None
        },
    )


def map_volume(volume: Json) -> ObservedVolume:
    """A volume."""
    return ObservedVolume(
        id=volume["id"],
        name=volume["name"] or "",
        project_id=volume[VOLUME_OWNER],
        description=volume["description"] or "",
        size_gib=volume["size"],
        status=volume["status"],
        volume_type=volume.get("volume_type"),
        bootable=volume["bootable"] == "true",
        encrypted=volume.get("encrypted", False),
        multiattach=volume.get("multiattach", False),
        metadata=volume.get("metadata") or {},
        image_metadata=volume.get("volume_image_metadata") or {},
    )


def map_servers(
    servers: Iterable[Json], ports: Iterable[Json], devices: Mapping[tuple[str, str], str]
) -> tuple[ObservedServer, ...]:
    """Servers with their cards and disks. `devices` are names by (server, volume)."""
    by_server: dict[str, list[Json]] = {}
    for port in ports:
        if port["device_owner"].startswith("compute:"):
            by_server.setdefault(port["device_id"], []).append(port)
    return tuple(_map_server(s, by_server.get(s["id"], []), devices) for s in servers)


def _map_server(
    server: Json, ports: list[Json], devices: Mapping[tuple[str, str], str]
) -> ObservedServer:
    flavor = server["flavor"]
    return ObservedServer(
        id=server["id"],
        name=server["name"],
        project_id=server["tenant_id"],
        user_id=server["user_id"],
        status=server["status"],
        locked=server["locked"],
        description=server.get("description") or "",
        flavor=flavor["original_name"],
        vcpus=flavor["vcpus"],
        ram_mib=flavor["ram"],
        disk_gib=flavor["disk"],
        image_id=server["image"]["id"] if server["image"] else None,  # "": from a volume
        root_device=server.get("OS-EXT-SRV-ATTR:root_device_name") or "/dev/vda",
        key_name=server.get("key_name"),
        host=server.get("OS-EXT-SRV-ATTR:host"),
        availability_zone=server.get("OS-EXT-AZ:availability_zone") or None,
        metadata=server["metadata"],
        nics=tuple(_map_nic(port) for port in order_ports(server, ports)),
        attachments=_map_attachments(server, devices),
    )


def order_ports(server: Json, ports: Iterable[Json]) -> list[Json]:
    """The server's ports as its cards stand in the machine.

    Only Nova knows that order, and shows it in `addresses`: networks by their first card, and the
    cards of one network in their order. (Cards of one network with another network's between them
    cannot be told apart from that; they come together.) Ports without an address come last, oldest
    first.
    """
    places: dict[str, int] = {}
    for addresses in server["addresses"].values():
        for address in addresses:
            places.setdefault(address["OS-EXT-IPS-MAC:mac_addr"], len(places))
    last = len(places)
    return sorted(
        ports,
        key=lambda port: (
            places.get(port["mac_address"], last),
            port.get("created_at") or "",
            port["id"],
        ),
    )


def _map_nic(port: Json) -> ObservedNic:
    pairs = [
        AllowedPairSpec(
            ip_address=pair["ip_address"],
            # Neutron fills in the port's own, which is what None means
            mac_address=None if pair["mac_address"] == port["mac_address"] else pair["mac_address"],
        )
        for pair in port.get("allowed_address_pairs") or ()
    ]
    return ObservedNic(
        port_id=port["id"],
        name=port["name"],
        description=port.get("description") or "",
        network_id=port["network_id"],
        mac_address=port["mac_address"],
        addresses=tuple((fixed["subnet_id"], fixed["ip_address"]) for fixed in port["fixed_ips"]),
        security_groups=tuple(sorted(port["security_groups"])),
        port_security_enabled=port.get("port_security_enabled", True),
        allowed_pairs=tuple(sorted(pairs, key=lambda pair: pair.model_dump_json())),
    )


def device_order(device: str) -> tuple[int, str]:
    """The order of disks in a machine: /dev/vdz comes before /dev/vdaa."""
    return len(device), device


def _map_attachments(
    server: Json, devices: Mapping[tuple[str, str], str]
) -> tuple[ObservedAttachment, ...]:
    attached = [
        ObservedAttachment(
            volume_id=volume["id"],
            device=devices[server["id"], volume["id"]],
            delete_on_termination=volume.get("delete_on_termination", False),
        )
        for volume in server[ATTACHED]
    ]
    return tuple(sorted(attached, key=lambda disk: device_order(disk.device)))


def map_members(
    assignments: Iterable[Json],
    projects: Mapping[str, Json],
    groups: Mapping[str, Sequence[str]],
) -> dict[str, tuple[tuple[str, str], ...]]:
    """Who has which role in each project: (user name, role name), by the project's identifier.

    `assignments` with names; `groups` are user names by group. A role given to a group is given
    to its users, an inherited one to all projects below. Implied roles are not spelled out.
    """
    members: dict[str, set[tuple[str, str]]] = {project: set() for project in projects}
    for assignment in assignments:
        role = assignment["role"]["name"]
        if "user" in assignment:
            users: Sequence[str] = [assignment["user"]["name"]]
        else:
            users = groups.get(assignment["group"]["id"], ())
        for project in _scope_of(assignment["scope"], projects):
            members[project].update((user, role) for user in users)
    return {project: tuple(sorted(found)) for project, found in members.items()}


def _scope_of(scope: Json, projects: Mapping[str, Json]) -> list[str]:
    """The projects an assignment's scope reaches."""
    inherited = "OS-INHERIT:inherited_to" in scope
    if "project" in scope:
        top = scope["project"]["id"]
        if not inherited:
            return [top] if top in projects else []
        return [p for p in projects if p != top and top in _ancestors(p, projects)]
    if "domain" in scope and inherited:
        return [p for p in projects if projects[p]["domain_id"] == scope["domain"]["id"]]
    return []


def _ancestors(project: str, projects: Mapping[str, Json]) -> set[str]:
    found: set[str] = set()
    parent = projects[project].get("parent_id")
    while parent and parent not in found:
        found.add(parent)
        parent = projects[parent].get("parent_id") if parent in projects else None
    return found
