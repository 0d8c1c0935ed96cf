"""The root disk of a server that was booted from an image: by way of a snapshot in Glance.

Nothing else in the API gives such a disk away. The snapshot is the plan's own (by mark), carries
the generation of the disk it was made of, and is removed by `remove_snapshots`. Its bytes pass
through the controller's spool, where they stay only as long as the copy takes.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openstack import exceptions

from yunzhang import clock
from yunzhang.clouds import marks
from yunzhang.clouds.connection import check_lease
from yunzhang.clouds.specs import BYTES_PER_GIB
from yunzhang.clouds.transfer_hosts import GUARD_SECONDS, Meter, controller_host
from yunzhang.errors import Conflict, Outside
from yunzhang.kit.canonical import content_hash
from yunzhang.texts import text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from openstack.connection import Connection

    from yunzhang.clouds.specs import DiskSpec, ServerSpec
    from yunzhang.clouds.transfer_sources import Origin

GENERATION = "yunzhang_generation"
PIECE = 4 << 20  # bytes per read of a download
ZEROS = bytes(PIECE)
PENDING = frozenset({"queued", "saving", "importing", "uploading"})
FORMATS = frozenset({"raw", "qcow2"})  # what Nova's snapshots on KVM are


def snapshot_key(server: ServerSpec) -> str:
    """The key of a server's temporary snapshot."""
    return f"{server.key}/root-snapshot"


def snapshots(cloud: Connection, mark: str, server: ServerSpec) -> list[dict[str, Any]]:
    """The temporary snapshots of `server`.

    Only those of our own project: anybody may give an image of theirs the same properties.
    """
    owner = cloud.current_project_id
    query = {**marks.metadata(mark, snapshot_key(server)), "owner": owner, "limit": "100"}
    response = cloud.image.get("/images", params=query)
    exceptions.raise_from_response(response)
    return list(response.json()["images"])


def remove_snapshots(cloud: Connection, mark: str, server: ServerSpec) -> list[str]:
    """Delete the temporary snapshots of `server` and its files in the spool; what was deleted."""
    removed = []
    for image in snapshots(cloud, mark, server):
        cloud.image.delete_image(image["id"], ignore_missing=True)
        removed.append(f"image {image['id']}")
    return removed + clear_spool(mark, server)


def ensure_snapshot(
    cloud: Connection, mark: str, server: ServerSpec, origin: Origin
) -> dict[str, Any]:
    """An active snapshot of the present generation: found, or made.

    Raises Outside `clouds_copy.snapshot_failed`.
    """
    usable = None
    for image in snapshots(cloud, mark, server):
        same = image.get(GENERATION) == origin.generation
        if usable is None and same and image["status"] in PENDING | {"active"}:
            usable = image["id"]
        else:
            cloud.image.delete_image(image["id"], ignore_missing=True)
    if usable is None:
        name = f"yunzhang-{server.name}"
        wanted = {**marks.metadata(mark, snapshot_key(server)), GENERATION: origin.generation}
        usable = cloud.compute.create_server_image(origin.server, name, wanted).id
    return _wait_active(cloud, str(usable), origin.server)


def _wait_active(cloud: Connection, image: str, server: str) -> dict[str, Any]:
    """Wait as long as Nova works on it: how long that is depends on the disk alone."""
    while True:
        check_lease()
        idle = not cloud.compute.get_server(server).task_state
        response = cloud.image.get(f"/images/{image}")
        exceptions.raise_from_response(response)
        found: dict[str, Any] = response.json()
        # Nova resets the server a moment after the image is active
        if found["status"] == "active" and idle:
            return found
        if found["status"] != "active" and (idle or found["status"] not in PENDING):
            cloud.image.delete_image(image, ignore_missing=True)
            raise Outside("clouds_copy.snapshot_failed", image=image, status=found["status"])
        clock.pause(1)


def _slug(mark: str, server: ServerSpec) -> str:
    return content_hash([mark, server.key])[:24]


def clear_spool(mark: str, server: ServerSpec) -> list[str]:
    """Remove what a killed run left in the spool; the names of the files."""
    left = list(controller_host().spool.glob(f"{_slug(mark, server)}.*"))
    for path in left:
        path.unlink(missing_ok=True)
    return [f"file {path.name}" for path in left]


@contextmanager
def raw_file(
    cloud: Connection,
    image: dict[str, Any],
    *,
    mark: str,
    server: ServerSpec,
    disk: DiskSpec,
    report: Callable[[str], None],
) -> Iterator[Path]:
    """The snapshot's disk as a raw file in the controller's spool, gone afterwards.

    Raises Conflict `clouds_copy.image_format`, `clouds_copy.too_large`, Outside
    `clouds_copy.image_digest`, `clouds_copy.no_qemu`, `clouds_copy.qemu_failed`.
    """
    if image["disk_format"] not in FORMATS:
        raise Conflict("clouds_copy.image_format", image=image["id"], form=image["disk_format"])
    spool = controller_host().spool
    spool.mkdir(parents=True, exist_ok=True, mode=0o700)
    clear_spool(mark, server)
    packed = spool / f"{_slug(mark, server)}.image"
    raw = packed
    try:
        download(
            cloud, image, packed, Meter(report, "clouds_copy.fetched", disk.name, image["size"])
        )
        size = packed.stat().st_size
        if image["disk_format"] != "raw":
            size = safe_virtual_size(packed, image)
        if size > disk.size_gib * BYTES_PER_GIB:
            raise Conflict("clouds_copy.too_large", disk=disk.name, bytes=size, gib=disk.size_gib)
        if image["disk_format"] != "raw":
            raw = spool / f"{_slug(mark, server)}.raw"
            report(text("clouds_copy.converting", disk=disk.name))
            qemu_img("convert", "-f", image["disk_format"], "-O", "raw", str(packed), str(raw))
            packed.unlink()
        yield raw
    finally:
        clear_spool(mark, server)


def download(
    cloud: Connection, image: dict[str, Any], path: Path, watch: Callable[[int], None]
) -> None:
    """Fetch an image's bytes, proven against Glance's own digest; `watch` is told the bytes done.

    Raises Outside `clouds_copy.image_digest`.
    """
    algorithm, expected = image.get("os_hash_algo"), image.get("os_hash_value")
    if not (algorithm and expected):
        algorithm, expected = "md5", image.get("checksum")
    sha = hashlib.new(str(algorithm), usedforsecurity=False)
    done, next_look = 0, 0.0
    with cloud.image.get(f"/images/{image['id']}/file", stream=True) as response:
        exceptions.raise_from_response(response)
        with path.open("wb") as file:
            path.chmod(0o600)
            for piece in response.iter_content(PIECE):
                sha.update(piece)
                # zeros become holes: a root disk is mostly empty
                if piece == ZEROS[: len(piece)]:
                    file.seek(len(piece), 1)
                else:
                    file.write(piece)
                done += len(piece)
                watch(done)
                if clock.monotonic() >= next_look:
                    check_lease()
                    next_look = clock.monotonic() + GUARD_SECONDS
            file.truncate(done)
    if done != image["size"] or sha.hexdigest() != expected:
        raise Outside("clouds_copy.image_digest", image=image["id"], bytes=done)


def safe_virtual_size(path: Path, image: dict[str, Any]) -> int:
    """Bytes of the disk in an image file that refers to no other file (an image may lie).

    Raises Conflict `clouds_copy.image_format`.
    """
    info = json.loads(qemu_img("info", "--output=json", "-f", image["disk_format"], str(path)))
    special = info.get("format-specific", {}).get("data", {})
    if info.get("backing-filename") or special.get("data-file"):
        raise Conflict("clouds_copy.image_format", image=image["id"], form="backing file")
    return int(info["virtual-size"])


def qemu_img(*words: str) -> str:
    """Run qemu-img, minding the lease; what it printed.

    Raises Outside `clouds_copy.no_qemu`, `clouds_copy.qemu_failed`.
    """
    program = shutil.which("qemu-img")
    if not program:
        raise Outside("clouds_copy.no_qemu")
    process = subprocess.Popen(
        [program, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        while True:
            check_lease()
            with suppress(subprocess.TimeoutExpired):
                out, err = process.communicate(timeout=GUARD_SECONDS)
                break
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    if process.returncode:
        reason = err.decode("utf-8", "replace").strip()
        raise Outside("clouds_copy.qemu_failed", reason=reason)
    return out.decode()
