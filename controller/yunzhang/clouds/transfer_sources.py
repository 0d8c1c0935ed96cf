"""Which disk of the source cloud is meant, and the proof that nobody changed it meanwhile.

The proof is the *generation* of a server's disks: a hash over everything Nova and Cinder record
that can change them (starts, rebuilds, resizes, ..., and the attachment of the volume). It is
taken only while the server is off, locked and idle. Equal generations before and after a read,
or now and when a copy was made, mean that the disk had no chance to change in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openstack import exceptions
from pydantic import BaseModel, ConfigDict

from yunzhang.clouds.transfer_attachments import server_attachment
from yunzhang.errors import Conflict, NotFound
from yunzhang.kit.canonical import content_hash

if TYPE_CHECKING:
    from openstack.connection import Connection

    from yunzhang.clouds.specs import DiskSpec, ServerSpec, SourceRef

# what leaves the disks as they are; anything else, known or not, makes a new generation
HARMLESS = frozenset({"lock", "unlock", "createImage", "createBackup"})
SNAPSHOT_TASK = "image_"  # tasks of a snapshot: it may be ours, of another disk of the server


class Origin(BaseModel):
    """A disk of the source: its server, its volume unless it came with an image, its proof."""

    model_config = ConfigDict(frozen=True)

    server: str
    volume: str | None
    generation: str
    connection: dict[str, Any]

    @property
    def id(self) -> str:
        """The volume, or the server whose own disk it is."""
        return self.volume or self.server


def find_project(cloud: Connection, ref: SourceRef) -> str:
    """Identifier of the project of `ref`. Raises NotFound `clouds_copy.no_source`."""
    identity: Any = cloud.identity  # typed as if it might still be version 2
    found = [p.id for p in identity.projects(name=ref.project)]
    if len(found) != 1:
        raise NotFound("clouds_copy.no_source", project=ref.project, name=ref.name)
    return str(found[0])


def find_server(cloud: Connection, server: ServerSpec) -> str:
    """Identifier of the source server. Raises NotFound `clouds_copy.no_source`."""
    if server.source.id:
        return server.source.id
    project = find_project(cloud, server.source)
    listed = cloud.compute.servers(details=False, all_projects=True, project_id=project)
    return _only([s.id for s in listed if s.name == server.source.name], server.source)


def find_volume(cloud: Connection, disk: DiskSpec) -> str:
    """Identifier of the source volume of `disk`. Raises NotFound `clouds_copy.no_source`."""
    ref = disk.source_volume
    if ref is None:
        raise NotFound("clouds_copy.no_source", project="", name=disk.name)
    if ref.id:
        return ref.id
    project = find_project(cloud, ref)
    listed = cloud.block_storage.volumes(
        details=False, all_projects=True, project_id=project, name=ref.name
    )
    return _only([v.id for v in listed if v.name == ref.name], ref)


def _only(found: list[Any], ref: SourceRef) -> str:
    if len(found) != 1:
        raise NotFound("clouds_copy.no_source", project=ref.project, name=ref.name)
    return str(found[0])


def locate(cloud: Connection, server: ServerSpec, disk: DiskSpec) -> Origin:
    """The source disk as it is now. Raises NotFound `clouds_copy.no_source`, Conflict
    `clouds_copy.not_off` and what `server_attachment` raises.
    """
    identifier = find_server(cloud, server)
    parts: dict[str, Any] = {"actions": resting_actions(cloud, identifier)}
    volume, connection = None, {}
    if disk.origin == "volume":
        volume = find_volume(cloud, disk)
        record = server_attachment(cloud, volume, identifier)
        connection = record["connection_info"]
        parts["attachment"] = [record["id"], record.get("attached_at")]
    return Origin(
        server=identifier, volume=volume, generation=content_hash(parts), connection=connection
    )


def resting_actions(cloud: Connection, server: str) -> list[list[str]]:
    """What was ever done to the disks of a server that is off, locked and idle now.

    Raises NotFound `clouds_copy.no_source` or Conflict `clouds_copy.not_off`.
    """
    try:
        found = cloud.compute.get_server(server)
        actions = list(cloud.compute.server_actions(server))
    except exceptions.NotFoundException as error:
        raise NotFound("clouds_copy.no_source", project="", name=server) from error
    task = found.task_state or SNAPSHOT_TASK
    if found.status != "SHUTOFF" or not found.is_locked or not task.startswith(SNAPSHOT_TASK):
        raise Conflict(
            "clouds_copy.not_off",
            server=found.name,
            status=found.task_state or found.status,
            locked=bool(found.is_locked),
        )
    # by request: a finish time may be missing for a while
    return sorted([a.request_id, a.action] for a in actions if a.action not in HARMLESS)


def assert_unchanged(cloud: Connection, server: ServerSpec, disk: DiskSpec, before: Origin) -> None:
    """Raise Conflict `clouds_copy.changed` unless the disk is as it was in `before`."""
    if locate(cloud, server, disk).generation != before.generation:
        raise Conflict("clouds_copy.changed", server=server.name, disk=disk.name)
