"""Random bytes on the data volumes, so that digests mean something."""

from __future__ import annotations

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from os_brick.initiator import connector

from devcloud.inside import console
from devcloud.inside.seeding.servers import Placed, Say

MIB = 1 << 20
BYTES = 4 * MIB


def write_in_guests(placed: list[Placed], say: Say) -> None:
    """Let each guest write random files to its root disk and to its data volumes."""
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda one: _write_in_guest(one, say), placed))


def _write_in_guest(one: Placed, say: Say) -> None:
    commands = ["head -c 1048576 /dev/urandom > /data/records.bin && sync"]
    commands += [_file_system(name, identifier) for name, identifier in one.volumes.items()]
    code, output = console.run(one.id, " && ".join(commands), 120)
    if code:
        raise SystemExit(f"{one.name}: its volumes could not be written: {output}")
    say(f"{one.name}: written {output.replace(chr(10), ' ')}")


def _file_system(name: str, identifier: str) -> str:
    folder = f"/volumes/{name}"
    # A disk's serial is the beginning of its volume's id.
    find = f"dev=/dev/$(basename $(dirname $(grep -l {identifier[:20]} /sys/block/vd*/serial)))"
    write = (
        f"head -c {BYTES} /dev/urandom > records.bin && sha256sum records.bin | tee records.sha256"
    )
    return (
        f"{find} && mke2fs $dev > /dev/null 2>&1 && mkdir -p {folder} && "
        f"mount -t ext4 $dev {folder} && cd {folder} && {write} && cd / && sync && umount {folder}"
    )


def write_by_attaching(cloud: Any, placed: list[Placed], say: Say) -> None:
    """Write to the volumes' files: nothing runs, so nobody else writes."""
    for one in placed:
        for name, identifier in one.volumes.items():
            _write(cloud, identifier)
            say(f"{one.name}: {name} written")


def _write(cloud: Any, identifier: str) -> None:
    # The volume is attached to a server already; as nothing runs in this profile, the
    # share can be mounted beside it, by what Cinder tells about the attachment.
    attached = list(cloud.block_storage.attachments(volume_id=identifier, all_tenants=True))
    full = cloud.block_storage.get_attachment(attached[0].id)
    info = full.connection_info
    root = Path("/run/devcloud/data/spool/mnt")
    root.mkdir(parents=True, exist_ok=True)
    nfs = connector.InitiatorConnector.factory("nfs", "", nfs_mount_point_base=str(root))
    device = nfs.connect_volume(info)
    try:
        with Path(device["path"]).open("r+b") as stream:
            stream.write(os.urandom(BYTES))
            os.fsync(stream.fileno())
    finally:
        nfs.disconnect_volume(info, None)
        for folder in root.iterdir():
            subprocess.run(["umount", str(folder)], check=False, capture_output=True)
