"""Copying disks between clouds and proving them equal.

The source is a stopped and locked server's disk; it is read where its cloud's storage can be
attached, pumped through the controller and written where the target's can. A copy counts once
three digests agree: what was read, what was written, and what a later attachment of its own reads
back (`read_back`), before the target's first boot. Everything can be repeated: a run first tidies
up what a killed one left, and a complete copy is used again only while the source is proven to be
what it was.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from yunzhang import clock
from yunzhang.clouds import transfer_pump
from yunzhang.clouds.connection import connect
from yunzhang.clouds.specs import BYTES_PER_GIB
from yunzhang.clouds.transfer_attachments import (
    attached,
    clear_note,
    own_volume,
    read_note,
    settle,
    write_note,
)
from yunzhang.clouds.transfer_hosts import (
    Meter,
    TransferHost,
    call,
    controller_host,
    progress_text,
    transfer_host,
)
from yunzhang.clouds.transfer_snapshots import ensure_snapshot, raw_file, remove_snapshots
from yunzhang.clouds.transfer_sources import Origin, assert_unchanged, locate
from yunzhang.errors import Conflict, Outside
from yunzhang.texts import text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from openstack.connection import Connection

    from yunzhang.clouds.specs import CloudSpec, DiskSpec, ServerSpec

    Report = Callable[[str], None]
    Readable = tuple[TransferHost, dict[str, Any]]


class DiskDigest(BaseModel):
    """SHA-256 (hex) over the first `bytes` bytes of a disk, and the seconds it took.

    `reused`: nothing was copied, because an earlier copy is proven to be still good.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str
    bytes: int
    seconds: float
    reused: bool = False


def copy_disk(
    spec: CloudSpec, server: ServerSpec, disk: DiskSpec, *, target_volume: str, report: Report
) -> DiskDigest:
    """Copy a disk of the stopped and locked source server onto `target_volume` of the plan.

    The volume is `available` again at the end, also after an error. Raises NotFound
    `clouds_copy.no_source`, `clouds_copy.no_volume`, `clouds_copy.no_host`; Conflict
    `clouds_copy.not_off`, `clouds_copy.changed`, `clouds_copy.not_ours`, `clouds_copy.in_use` and
    others of the parts used; Outside `clouds_copy.agent_*`.
    """
    source, target = connect(spec.source_cloud), connect(spec.target_cloud)
    place = transfer_host(spec.target_cloud)
    origin = locate(source, server, disk)
    own_volume(target, target_volume, spec.mark)
    settle(target, place, target_volume)
    volume = own_volume(target, target_volume, spec.mark)
    note = read_note(volume)
    if _holds(note, origin):
        report(text("clouds_copy.reused", disk=disk.name))
        return DiskDigest(sha256=note["sha256"], bytes=note["bytes"], seconds=0, reused=True)
    clear_note(target, volume)
    start = clock.monotonic()
    with (
        _readable(source, spec, server=server, disk=disk, origin=origin, report=report) as readable,
        attached(target, place, target_volume) as connection,
    ):
        report(text("clouds_copy.copying", disk=disk.name))
        meter = Meter(report, "clouds_copy.copied", disk.name, disk.size_gib * BYTES_PER_GIB)
        writable = (place, {"connection": connection, "lock": target_volume})
        result = transfer_pump.copy(readable, writable, meter)
    assert_unchanged(source, server, disk, origin)
    digest = DiskDigest(**_proof(result), seconds=clock.monotonic() - start)
    note = {"source": origin.id, "generation": origin.generation, **_proof(result)}
    write_note(target, target_volume, {**note, "complete": True})
    report(
        progress_text("clouds_copy.copied", disk.name, digest.bytes, digest.bytes, digest.seconds)
    )
    return digest


def _holds(note: dict[str, Any], origin: Origin) -> bool:
    return (
        note.get("complete") is True
        and note.get("source") == origin.id
        and note.get("generation") == origin.generation
    )


def _proof(result: dict[str, Any]) -> dict[str, Any]:
    return {"sha256": result["sha256"], "bytes": result["bytes"]}


@contextmanager
def _readable(
    source: Connection,
    spec: CloudSpec,
    *,
    server: ServerSpec,
    disk: DiskSpec,
    origin: Origin,
    report: Report,
) -> Iterator[Readable]:
    """Where and how an agent can read the source disk."""
    if origin.volume:
        yield transfer_host(spec.source_cloud), {"connection": origin.connection}
        return
    report(text("clouds_copy.snapshot", disk=disk.name))
    image = ensure_snapshot(source, spec.mark, server, origin)
    with raw_file(source, image, mark=spec.mark, server=server, disk=disk, report=report) as path:
        yield (
            controller_host(),
            {"connection": {"driver_volume_type": "file", "path": str(path), "format": "raw"}},
        )


def source_digest(
    spec: CloudSpec, server: ServerSpec, disk: DiskSpec, *, report: Report
) -> DiskDigest:
    """Read the source disk once more, for itself, copying nothing. Raises as `copy_disk`."""
    source = connect(spec.source_cloud)
    origin = locate(source, server, disk)
    start = clock.monotonic()
    with _readable(source, spec, server=server, disk=disk, origin=origin, report=report) as (
        host,
        request,
    ):
        meter = Meter(report, "clouds_copy.hashed", disk.name, disk.size_gib * BYTES_PER_GIB)
        result = call(host, "digest", request, meter)
    assert_unchanged(source, server, disk, origin)
    return DiskDigest(**_proof(result), seconds=clock.monotonic() - start)


def read_back(
    spec: CloudSpec,
    server: ServerSpec,
    disk: DiskSpec,
    *,
    target_volume: str,
    length_bytes: int,
) -> DiskDigest:
    """Read the target volume by an attachment of its own, past the caches, before the first boot.

    The digest covers `length_bytes`; what the volume has beyond must be zeros (Outside
    `clouds_copy.agent_tail`). When it is not what the copy noted, the note goes, so that the next
    copy starts anew. Raises Conflict `clouds_copy.too_large` and as `copy_disk`.
    """
    if length_bytes > disk.size_gib * BYTES_PER_GIB:
        raise Conflict(
            "clouds_copy.too_large", disk=disk.name, bytes=length_bytes, gib=disk.size_gib
        )
    target, place = connect(spec.target_cloud), transfer_host(spec.target_cloud)
    volume = own_volume(target, target_volume, spec.mark)
    start = clock.monotonic()
    try:
        with attached(target, place, target_volume) as connection:
            request = {"connection": connection, "lock": target_volume, "length": length_bytes}
            result = call(place, "digest", request)
    except Outside as error:
        if error.code == "clouds_copy.agent_tail":
            clear_note(target, volume)
        raise
    if result["sha256"] != read_note(volume).get("sha256"):
        clear_note(target, volume)
    return DiskDigest(**_proof(result), seconds=clock.monotonic() - start)


def remove_temporaries(spec: CloudSpec, server: ServerSpec) -> list[str]:
    """Remove what copies of this server's disks left in the source cloud and in the spool.

    Snapshots are the plan's own, by mark. Returns what was removed, for people.
    """
    return remove_snapshots(connect(spec.source_cloud), spec.mark, server)
