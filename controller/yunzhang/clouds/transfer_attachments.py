"""Cinder's side of attaching volumes to transfer hosts.

A target volume is attached as Glance's Cinder store does it: an attachment record without a
server, made with the host's connector. Volumes are the plan's own (by mark), so every such record
on one is ours, and what a killed run left is recognised by having no server.

A source volume stays attached to its stopped server. A second record would need a multiattach
volume and would change the source, so the disk is reached through the connection of the server's
own attachment, opened for reading only. That works where the connection is not bound to one host:
NFS and other shares, RBD, and any storage that exports to the transfer host too. iSCSI and Fibre
Channel targets masked to the compute host's initiator can be read only if that compute host is
the transfer host; detaching there takes the device away, and Nova connects it anew at the next
start. Nothing here fences the source's own host: that its server is off and locked is asserted
before and after by `transfer_sources`.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from openstack import exceptions

from yunzhang import clock
from yunzhang.clouds import marks
from yunzhang.clouds.connection import check_lease
from yunzhang.clouds.transfer_hosts import TransferHost, call
from yunzhang.errors import Conflict, NotFound, Outside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openstack.connection import Connection

ATTACHMENTS = "3.27"  # first microversion with attachments
COMPLETE = "3.44"
SETTLE_SECONDS = 120
NOTE = "yunzhang_copy"  # metadata of a volume that holds a complete copy


def _volume_api(cloud: Connection, method: str, url: str, version: str, **options: Any) -> Any:
    response = getattr(cloud.block_storage, method)(url, microversion=version, **options)
    exceptions.raise_from_response(response)
    return response.json() if response.content else {}


def attachments(cloud: Connection, volume: str) -> list[dict[str, Any]]:
    """All attachment records of the volume, whoever's project it is in."""
    query = {"volume_id": volume, "all_tenants": "1"}
    answer = _volume_api(cloud, "get", "/attachments/detail", ATTACHMENTS, params=query)
    return list(answer["attachments"])


def server_attachment(cloud: Connection, volume: str, server: str) -> dict[str, Any]:
    """The record that connects `volume` to `server`, with its connection.

    Raises Conflict `clouds_copy.not_attached`, `clouds_copy.no_connection` (a record of an old
    Nova holds none, or we are no administrator) or `clouds_copy.encrypted`.
    """
    found = [a for a in attachments(cloud, volume) if a["instance"] == server]
    if len(found) != 1:
        raise Conflict("clouds_copy.not_attached", volume=volume, server=server)
    record = _volume_api(cloud, "get", f"/attachments/{found[0]['id']}", ATTACHMENTS)["attachment"]
    if not record.get("connection_info", {}).get("driver_volume_type"):
        raise Conflict("clouds_copy.no_connection", volume=volume, server=server)
    _refuse_encrypted(record["connection_info"], volume)
    return dict(record)


def _refuse_encrypted(connection: dict[str, Any], volume: str) -> None:
    # below the encryption only ciphertext is seen, and the target has another key
    if connection.get("encrypted"):
        raise Conflict("clouds_copy.encrypted", volume=volume)


def own_volume(cloud: Connection, volume: str, mark: str) -> Any:
    """The target volume, provided the plan `mark` made it.

    Raises NotFound `clouds_copy.no_volume` or Conflict `clouds_copy.not_ours`.
    """
    try:
        found = cloud.block_storage.get_volume(volume)
    except exceptions.NotFoundException as error:
        raise NotFound("clouds_copy.no_volume", volume=volume) from error
    if (found.metadata or {}).get(marks.PLAN) != mark:
        raise Conflict("clouds_copy.not_ours", volume=volume, mark=mark)
    return found


def settle(cloud: Connection, host: TransferHost, volume: str) -> None:
    """Remove attachments a killed run left and wait until the volume is available.

    Raises Conflict `clouds_copy.in_use` when a server has it, `clouds_copy.unsettled` when it
    does not become available.
    """
    until = clock.monotonic() + SETTLE_SECONDS
    while True:
        check_lease()
        for record in attachments(cloud, volume):
            if record["instance"]:
                raise Conflict("clouds_copy.in_use", volume=volume, server=record["instance"])
            connection = record.get("connection_info") or {}
            if connection.get("driver_volume_type"):
                call(host, "disconnect", {"connection": connection, "lock": volume})
            _delete(cloud, record["id"])
        status = cloud.block_storage.get_volume(volume).status
        if status == "available":
            return
        if clock.monotonic() > until or status.startswith("error"):
            raise Conflict("clouds_copy.unsettled", volume=volume, status=status)
        clock.pause(1)


def _delete(cloud: Connection, attachment: str) -> None:
    try:
        _volume_api(cloud, "delete", f"/attachments/{attachment}", ATTACHMENTS)
    except exceptions.NotFoundException:
        return


@cache
def _connector(host: TransferHost) -> dict[str, Any]:
    return call(host, "connector", {"address": host.address})


@contextmanager
def attached(cloud: Connection, host: TransferHost, volume: str) -> Iterator[dict[str, Any]]:
    """The connection of the target volume to its transfer host, given back at the end.

    The agent that uses it connects and disconnects; here is only the record. Raises what
    `settle` raises, before and after.
    """
    settle(cloud, host, volume)
    connector = {**_connector(host), "mountpoint": "yunzhang", "mode": "rw"}
    body = {"attachment": {"volume_uuid": volume, "connector": connector}}
    try:
        made = _volume_api(cloud, "post", "/attachments", ATTACHMENTS, json=body)["attachment"]
        complete = {"os-complete": made["id"]}
        url = f"/attachments/{made['id']}/action"
        _volume_api(cloud, "post", url, COMPLETE, json=complete)
        shown = _volume_api(cloud, "get", f"/attachments/{made['id']}", ATTACHMENTS)
        connection = shown["attachment"]["connection_info"]
        _refuse_encrypted(connection, volume)
        yield connection
        _delete(cloud, made["id"])  # the agent came to its end and has disconnected
    except exceptions.SDKException as error:
        raise Outside("clouds_copy.attach_failed", volume=volume, reason=str(error)) from error
    finally:
        settle(cloud, host, volume)


def read_note(volume: Any) -> dict[str, Any]:
    """What was noted about the copy on the volume; empty if there is none or it is unreadable."""
    try:
        note = json.loads((volume.metadata or {}).get(NOTE, "{}"))
    except ValueError:
        return {}
    return note if isinstance(note, dict) else {}


def write_note(cloud: Connection, volume: str, note: dict[str, Any]) -> None:
    """Note a complete copy: at most 255 characters, as Cinder allows."""
    value = json.dumps(note, separators=(",", ":"))
    cloud.block_storage.set_volume_metadata(volume, **{NOTE: value})


def clear_note(cloud: Connection, volume: Any) -> None:
    """The volume no longer holds a copy one can rely on."""
    if NOTE in (volume.metadata or {}):
        cloud.block_storage.delete_volume_metadata(volume.id, [NOTE])
