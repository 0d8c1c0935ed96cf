"""Volumes: one blank one per disk, of the source's size, to be filled by the copy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from openstack import exceptions

from yunzhang.clouds import transfer_attachments
from yunzhang.clouds.makers.maker import Creator
from yunzhang.clouds.makers.site import Site
from yunzhang.clouds.makers.waiting import seconds_for, wait_for, wait_status
from yunzhang.clouds.specs import BYTES_PER_GIB, DiskSpec, ServerSpec
from yunzhang.clouds.transfer_hosts import transfer_host
from yunzhang.errors import NotFound

FREE = "AVAILABLE"
BAD = {"ERROR", "ERROR_DELETING", "ERROR_RESTORING"}
DELETABLE = {"available", "error", "deleting"}


@dataclass(frozen=True, slots=True)
class PlacedDisk:
    """A disk with the server it belongs to."""

    server: ServerSpec
    disk: DiskSpec


def placed_disks(site: Site) -> list[PlacedDisk]:
    """All disks of the wave's servers."""
    return [PlacedDisk(server, disk) for server in site.spec.servers for disk in server.disks]


class VolumeMaker(Creator[PlacedDisk]):
    """Blank volumes with the mark in their metadata."""

    kind = "volume"
    threads = 4

    def items(self, site: Site) -> Sequence[PlacedDisk]:
        """All disks."""
        return placed_disks(site)

    def name(self, item: PlacedDisk) -> str:
        """Server, disk and device."""
        return f"{item.server.name} {item.disk.name} {item.disk.device}"

    def key(self, item: PlacedDisk) -> str:
        """The disk's key."""
        return item.disk.key

    def project(self, item: PlacedDisk) -> str | None:
        """The server's project."""
        return item.server.project

    def look(self, site: Site, project_id: str | None, key: str) -> Any | None:
        """By metadata and project."""
        volumes = site.keep(
            ("volumes", project_id),
            lambda: list(
                site.target.block_storage.volumes(all_projects=True, project_id=project_id)
            ),
        )
        return next((volume for volume in volumes if self.is_ours(site, volume, key)), None)

    def get(self, site: Site, identifier: str) -> Any | None:
        """By identifier."""
        try:
            return site.target.block_storage.get_volume(identifier)
        except exceptions.NotFoundException:
            return None

    def is_ours(self, site: Site, found: Any, key: str) -> bool:
        """By metadata."""
        return site.metadata(key).items() <= (found.metadata or {}).items()

    def refuse(self, site: Site, item: PlacedDisk, project_id: str | None) -> None:
        """Names of volumes need not be unique; the type must be there."""
        wanted = item.disk.volume_type
        types = site.keep("types", lambda: {t.name for t in site.target.block_storage.types()})
        if wanted and wanted not in types:
            raise NotFound("clouds_make.no_volume_type", name=wanted)

    def create(self, site: Site, item: PlacedDisk) -> str:
        """Create it in its project."""
        disk = item.disk
        made = site.in_project(item.server.project).block_storage.create_volume(
            name=disk.name,
            description=disk.description,
            size=disk.size_gib,
            volume_type=disk.volume_type,
            metadata={**disk.metadata, **site.metadata(disk.key)},
        )
        return str(made.id)

    def settle(self, site: Site, item: PlacedDisk, identifier: str) -> None:
        """Wait until it is there; say what it can boot and on what."""
        storage = site.target.block_storage
        wait_status(
            self.name(item),
            lambda: str(storage.get_volume(identifier).status),
            {FREE, "IN-USE", "ATTACHING", "RESERVED"},
            BAD,
            seconds_for(item.disk.size_gib * BYTES_PER_GIB),
        )
        volume = storage.get_volume(identifier)
        if volume.is_bootable != item.disk.bootable:
            storage.set_volume_bootable_status(identifier, item.disk.bootable)
        present = volume.volume_image_metadata or {}
        lacking = {k: v for k, v in item.disk.image_metadata.items() if present.get(k) != v}
        if lacking:
            storage.set_volume_image_metadata(identifier, **lacking)

    def delete(self, site: Site, identifier: str) -> None:
        """Give back what a killed copy left attached, delete it, wait until it is gone."""
        storage = site.target.block_storage
        if storage.get_volume(identifier).status not in DELETABLE:
            cloud = site.spec.target_cloud
            transfer_attachments.settle(site.target, transfer_host(cloud), identifier)
        storage.delete_volume(identifier, ignore_missing=True)
        wait_for(
            identifier,
            lambda: self.get(site, identifier),
            lambda volume: volume is None,
            is_bad=lambda volume: volume is not None and volume.status == "error_deleting",
            seconds=seconds_for(0),
            describe=lambda volume: getattr(volume, "status", ""),
        )
