"""What changed in a cloud since it was read: its servers, with those deleted since.

Nova alone tells of what is gone, and only of servers; so a delta keeps machines up to date between
full readings and stands on what the last full one saw. Whenever a changed server names something
that reading did not know, a full one is due.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from datetime import datetime, timedelta

from yunzhang.clouds import mapping
from yunzhang.clouds.observed import Observed, ObservedServer
from yunzhang.clouds.reading import Json, Reader, reading
from yunzhang.clouds.survey import Sink, Surveyor

# Two clocks are never equal, and a change shows a moment after it was made.
MARGIN = timedelta(minutes=5)
GONE = frozenset({"DELETED", "SOFT_DELETED"})


def stream_changes(
    cloud: str,
    since: datetime,
    known: Mapping[str, Set[str]],
    sink: Sink,
    gone: Callable[[str], None],
) -> bool:
    """Hand changed servers and their volumes to `sink`, identifiers of deleted ones to `gone`.

    `known`: identifiers of the networks, security_groups and projects of the last reading. False
    when a server uses one that is not among them: then read the cloud in full. Raises as
    `survey.survey_cloud`.
    """
    moment = (since - MARGIN).strftime("%Y-%m-%dT%H:%M:%SZ")
    with reading(cloud) as reader:
        surveyor = Surveyor(cloud, reader, sink, lambda _kind, _count: None)
        surveyor.read_hidden()
        alive: list[Json] = []
        for server in surveyor.read_changed(moment):
            if server["status"] in GONE:
                gone(server["id"])
            else:
                alive.append(server)
        for changed in surveyor.complete_servers(iter(alive), {}):
            if not _is_known(changed, known):
                return False
            sink("servers", changed)
            for volume in _volumes(reader, changed):
                sink("volumes", volume)
    return True


def _is_known(server: ObservedServer, known: Mapping[str, Set[str]]) -> bool:
    groups = {group for nic in server.nics for group in nic.security_groups}
    networks = {nic.network_id for nic in server.nics}
    return (
        server.project_id in known["projects"]
        and networks <= known["networks"]
        and groups <= known["security_groups"]
    )


def _volumes(reader: Reader, server: ObservedServer) -> list[Observed]:
    """The server's volumes, which may be new or grown."""
    paths = [f"/volumes/{disk.volume_id}" for disk in server.attachments]
    answers = reader.each(lambda path: reader.get("block_storage", path)["volume"], paths)
    return [mapping.map_volume(volume) for volume in answers]
