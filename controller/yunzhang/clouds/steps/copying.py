"""Copying disks and proving the copies."""

from __future__ import annotations

from yunzhang import texts
from yunzhang.clouds import transfer, transfer_attachments
from yunzhang.clouds.document import Validation
from yunzhang.clouds.intents import Intent, Made
from yunzhang.clouds.makers.calls import about
from yunzhang.clouds.makers.servers import prove_off
from yunzhang.clouds.makers.site import Site
from yunzhang.clouds.makers.temporaries import TemporaryMaker
from yunzhang.clouds.makers.volumes import PlacedDisk, VolumeMaker, placed_disks
from yunzhang.clouds.steps.step import examine
from yunzhang.errors import Conflict

# Each copy passes through the controller; more would only share the same line.
COPIES = 2


class CopyDisks:
    """Copies every disk of the wave onto its volume."""

    name = "copy_disks"
    changes = True

    def intend(self, site: Site) -> list[Intent]:
        """Snapshots of image-booted sources; the bytes themselves go with the volumes."""
        return examine(site, [TemporaryMaker()])[0]

    def perform(self, site: Site, validation: Validation) -> list[Made]:
        """Copy, `COPIES` at a time; a complete copy that is still proven is used again."""
        for server in site.spec.servers:
            with about("server", server.name, site.spec.source_cloud):
                prove_off(site, server)

        def copy(item: PlacedDisk) -> Made:
            return self._copy(site, item)

        return site.each(placed_disks(site), copy, COPIES)

    def _copy(self, site: Site, item: PlacedDisk) -> Made:
        name = VolumeMaker().name(item)
        with about("copy", name, site.spec.target_cloud):
            volume = VolumeMaker().needed(site, item)
            digest = transfer.copy_disk(
                site.spec,
                item.server,
                item.disk,
                target_volume=volume,
                report=site.report.tell,
            )
        made = Made(
            cloud=site.spec.target_cloud,
            kind="copy",
            key=item.disk.key,
            id=volume,
            created=not digest.reused,
            details=digest.model_dump(),
        )
        site.report.add(made, name)
        return made


class VerifyDisks:
    """Reads every volume back and compares it with its copy, size, type and place."""

    name = "verify_disks"
    changes = True  # it attaches the volumes while it reads

    def intend(self, site: Site) -> list[Intent]:
        """Nothing: the attachment for reading is gone when the step ends."""
        return []

    def perform(self, site: Site, validation: Validation) -> list[Made]:
        """Raises Conflict `clouds_make.not_copied`, `clouds_make.volume_differs`,
        `clouds_make.digest_differs`.
        """

        def verify(item: PlacedDisk) -> Made:
            return self._verify(site, item)

        return site.each(placed_disks(site), verify, COPIES)

    def _verify(self, site: Site, item: PlacedDisk) -> Made:
        name = VolumeMaker().name(item)
        with about("copy", name, site.spec.target_cloud):
            identifier = VolumeMaker().needed(site, item)
            volume = site.target.block_storage.get_volume(identifier)
            note = transfer_attachments.read_note(volume)
            if not note.get("complete"):
                raise Conflict("clouds_make.not_copied", name=name)
            disk = item.disk
            pairs = {
                "size": (volume.size, disk.size_gib),
                "type": (volume.volume_type, disk.volume_type or volume.volume_type),
                "bootable": (bool(volume.is_bootable), disk.bootable),
            }
            wrong = [
                f"{what}: {has} ≠ {wanted}"
                for what, (has, wanted) in pairs.items()
                if has != wanted
            ]
            if wrong:
                raise Conflict("clouds_make.volume_differs", name=name, wrong=texts.listed(wrong))
            digest = transfer.read_back(
                site.spec, item.server, disk, target_volume=identifier, length_bytes=note["bytes"]
            )
        if digest.sha256 != note["sha256"]:
            raise Conflict("clouds_make.digest_differs", name=name)
        made = Made(
            cloud=site.spec.target_cloud,
            kind="copy",
            key=disk.key,
            id=identifier,
            created=False,
            details=digest.model_dump(),
        )
        site.report.made.append(made)
        site.report.say("said_verified", name=name, sha256=digest.sha256[:12])
        return made
