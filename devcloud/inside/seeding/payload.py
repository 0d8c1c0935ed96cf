"""Random bytes on the data volumes, so that digests mean something."""

from __future__ import annotations

import os
import subprocess
from typing import Any

from os_brick.initiator import connector

from devcloud.inside import console
from devcloud.inside.seeding.servers import Placed, Say

MIB = 1 << 20
BYTES = 8 * MIB


def write_in_guests(placed: list[Placed], say: Say) -> None:
    """Let each guest make a file system with a random file on its data volumes."""
    for one in placed:
        for name, identifier in one.volumes.items():
            # The volume's serial is the beginning of its id.
            command = (
                f'for d in /sys/block/vd*; do [ "$(cat $d/serial)" = {identifier[:20]} ] || continue; '
                "dev=/dev/${d##*/}; mke2fs -q $dev >/dev/null 2>&1 || mke2fs $dev >/dev/null; done; "
                f"mkdir -p /volumes/{name} && mount -t ext2 $dev /volumes/{name} && "
                f"head -c {BYTES} /dev/urandom > /volumes/{name}/records.bin && "
                f"cd /volumes/{name} && sha256sum records.bin | tee records.sha256 && sync && "
                f"cd / && umount /volumes/{name}"
            )
            code, output = console.run(one.id, command, 90)
            if code:
                raise SystemExit(f"{one.name}: {name} could not be written: {output}")
            say(f"{one.name}: {name} {output.split()[0][:12]}…")
    for one in placed:
        console.run(one.id, "head -c 1048576 /dev/urandom > /data/records.bin; sync", 60)


def write_by_attaching(cloud: Any, placed: list[Placed], say: Say) -> None:
    """Write to the volumes' files: nothing runs, so nobody else writes."""
    for one in placed:
        for name, identifier in one.volumes.items():
            _write(cloud, identifier)
            say(f"{one.name}: {name} written")


def _write(cloud: Any, identifier: str) -> None:
    # The volume is attached to a server already; as nothing runs in this profile, the
    # share can be mounted beside it, by what Cinder tells about the attachment.
    attached = [item for item in cloud.block_storage.attachments(volume_id=identifier, all_tenants=True)]
    full = cloud.block_storage.get_attachment(attached[0].id)
    info = full.connection_info
    root = "/run/devcloud/data/spool/mnt"
    os.makedirs(root, exist_ok=True)
    nfs = connector.InitiatorConnector.factory("nfs", "", nfs_mount_point_base=root)
    device = nfs.connect_volume(info)
    try:
        with open(device["path"], "r+b") as stream:
            stream.write(os.urandom(BYTES))
            os.fsync(stream.fileno())
    finally:
        nfs.disconnect_volume(info, None)
        for folder in os.listdir(root):
            subprocess.run(["umount", f"{root}/{folder}"], check=False, capture_output=True)
