"""Servers of the target: cards with planned addresses, disks in the source's order."""

from __future__ import annotations

import string

from yunzhang.clouds.observed import ObservedServer, ObservedVolume, Survey, server_fingerprint
from yunzhang.clouds.specs import DiskSpec, NicSpec, ServerSpec, SourceRef
from yunzhang.plans.networks import Translator

# Image properties that say how a disk is to be driven; they follow it onto the volume.
DISK_PROPERTIES = ("hw_", "os_type", "os_distro", "os_version", "os_require_quiesce")


def plan_server(
    server: ObservedServer,
    key: str,
    project: str,
    flavor: str,
    survey: Survey,
    translator: Translator,
) -> ServerSpec:
    """The server as it is to stand in the target, booted from volumes."""
    project_name = next(p.name for p in survey.projects if p.id == server.project_id)
    return ServerSpec(
        key=key,
        project=project,
        name=server.name,
        source=SourceRef(project=project_name, name=server.name, id=server.id),
        fingerprint=server_fingerprint(server, survey),
        flavor=flavor,
        keypair=translator.keys.get(f"{server.user_id}/{server.key_name}"),
        was_running=server.status == "ACTIVE",
        description=server.description,
        metadata=server.metadata,
        nics=tuple(
            _plan_nic(server, number, key, translator) for number in range(len(server.nics))
        ),
        disks=_plan_disks(server, key, project_name, survey),
    )


def _plan_nic(server: ObservedServer, number: int, key: str, translator: Translator) -> NicSpec:
    nic = server.nics[number]
    moved = []
    for subnet, old in nic.addresses:
        place = f"servers/{key}/nic{number}"
        new = translator.address(place, translator.domain_of_subnet[subnet], old)
        moved.append((translator.keys[subnet], new))
    return NicSpec(
        key=f"{key}/nic{number}",
        network=translator.keys[nic.network_id],
        mac_address=nic.mac_address,
        addresses=tuple(moved),
        old_addresses=tuple(old for _, old in nic.addresses),
        security_groups=tuple(sorted(translator.keys[g] for g in nic.security_groups)),
        port_security_enabled=nic.port_security_enabled,
        allowed_pairs=nic.allowed_pairs,
        name=nic.name,
        description=nic.description,
    )


def _plan_disks(
    server: ObservedServer, key: str, project: str, survey: Survey
) -> tuple[DiskSpec, ...]:
    volumes = {volume.id: volume for volume in survey.volumes}
    disks: list[DiskSpec] = []
    if server.image_id is not None:
        disks.append(_image_disk(server, key, survey))
    for attachment in server.attachments:
        volume = volumes[attachment.volume_id]
        root = server.image_id is None and attachment.device == server.root_device
        disks.append(
            _volume_disk(volume, f"{key}/disk{len(disks)}", attachment.device, root, project)
        )
    return tuple(sorted(disks, key=lambda disk: (len(disk.device), disk.device)))


def _image_disk(server: ObservedServer, key: str, survey: Survey) -> DiskSpec:
    image = next((i for i in survey.images if i.id == server.image_id), None)
    properties = image.properties if image else {}
    return DiskSpec(
        key=f"{key}/disk0",
        name=f"{server.name}-root",
        size_gib=max(server.disk_gib, 1),
        bootable=True,
        boot_index=0,
        device=server.root_device,
        origin="image",
        image_metadata={
            name: value for name, value in properties.items() if name.startswith(DISK_PROPERTIES)
        },
    )


def _volume_disk(
    volume: ObservedVolume, key: str, device: str, root: bool, project: str
) -> DiskSpec:
    return DiskSpec(
        key=key,
        name=volume.name or f"volume-{device.rsplit('/', 1)[-1].strip(string.digits)}",
        size_gib=volume.size_gib,
        bootable=volume.bootable,
        boot_index=0 if root else -1,
        device=device,
        origin="volume",
        source_volume=SourceRef(project=project, name=volume.name, id=volume.id),
        description=volume.description,
        metadata=volume.metadata,
        image_metadata={
            name: value
            for name, value in volume.image_metadata.items()
            if name.startswith(DISK_PROPERTIES)
        },
    )
