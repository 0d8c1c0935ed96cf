"""A survey: all that planning must know of a cloud, read through its lists, whole or not at all.

What a cloud may have by the ten thousand (servers, ports, volumes, images) passes through page by
page: memory holds one page and the names of disks' devices, whatever the cloud's size.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import IO, Any

from yunzhang.clouds import mapping
from yunzhang.clouds.mapping import owner_of
from yunzhang.clouds.mapping_network import (
    ROUTER_INTERFACES,
    map_groups,
    map_networks,
    map_routers,
)
from yunzhang.clouds.observed import (
    Observed,
    ObservedFlavor,
    ObservedKeypair,
    ObservedProject,
    ObservedServer,
    Survey,
)
from yunzhang.clouds.pools import read_pools
from yunzhang.clouds.reading import PAGE, Json, Params, Reader, reading
from yunzhang.clouds.specs import QuotaSpec
from yunzhang.errors import Outside

Progress = Callable[[str, int], None]
# Takes each thing as it is read: its kind and the thing.
Sink = Callable[[str, Observed], None]

# The project the services' own accounts live in; what it holds serves the cloud, not a unit.
SERVICE_PROJECT = "service"
ALL: Params = {"all_tenants": 1, "limit": PAGE}
# Servers whose ports are asked for at a time: Neutron refuses addresses longer than 8 KiB.
BATCH = 100


def survey_cloud(cloud: str, progress: Progress | None = None) -> Survey:
    """Everything in all projects of `cloud` but the services' own.

    `progress` is told of each kind as it is done: its name and how many were seen. Raises as
    `connection.connect` and `connection.translated`, and Outside `clouds.incomplete` when a part
    of the cloud did not answer.
    """
    found: dict[str, Any] = {kind: [] for kind in Survey.model_fields if kind != "cloud"}
    stream_cloud(cloud, lambda kind, thing: found[kind].append(thing), progress)
    return Survey(cloud=cloud, **{kind: tuple(things) for kind, things in found.items()})


def stream_cloud(cloud: str, sink: Sink, progress: Progress | None = None) -> None:
    """Like `survey_cloud`, but hands each thing to `sink` and keeps none.

    What `sink` got before an error is not a survey.
    """
    with reading(cloud) as reader, tempfile.TemporaryFile("w+", encoding="utf-8") as spool:
        Surveyor(cloud, reader, sink, progress or (lambda _kind, _count: None)).survey(spool)


class Surveyor:
    """One survey; each method reads one kind."""

    def __init__(self, cloud: str, reader: Reader, sink: Sink, progress: Progress) -> None:
        self._cloud = cloud
        self._reader = reader
        self._sink = sink
        self._progress = progress

    def survey(self, spool: IO[str]) -> None:
        """Read everything; `spool` holds the servers until what they use is known."""
        self._give("projects", self._survey_projects())
        # servers before what they use: a card or disk added between the two is then known
        for server in self._kept(self._read_servers(ALL)):
            spool.write(json.dumps(server) + "\n")
        self._survey_network()
        devices = self._survey_volumes()
        spool.seek(0)
        self._give("servers", self.complete_servers(map(json.loads, spool), devices))
        self._give("flavors", self._survey_flavors())
        self._give("keypairs", self._survey_keypairs())
        self._give("images", self._survey_images())
        self._give("pools", read_pools(self._cloud, self._reader))

    def _give(self, kind: str, things: Iterable[Observed]) -> None:
        count = 0
        for thing in things:
            self._sink(kind, thing)
            count += 1
        self._progress(kind, count)

    def _kept(self, things: Iterable[Json]) -> Iterator[Json]:
        return (thing for thing in things if owner_of(thing) not in self._hidden)

    def read_hidden(self) -> None:
        """Learn which projects are the cloud's own, where projects themselves are not asked for."""
        found = self._reader.items("identity", "/projects", "projects")
        self._hidden = _hidden(found)

    # identity

    def _survey_projects(self) -> tuple[ObservedProject, ...]:
        read = self._reader
        found, assignments, self._users = read.together(
            lambda: read.items("identity", "/projects", "projects"),
            lambda: read.items(
                "identity", "/role_assignments", "role_assignments", {"include_names": "true"}
            ),
            self._read_users,
        )
        self._hidden = _hidden(found)
        every = {project["id"]: project for project in found}
        shown = [project for project in found if project["id"] not in self._hidden]
        quotas = read.each(lambda project: read_quota(read, project["id"]), shown)
        members = mapping.map_members(assignments, every, self._read_members(assignments))
        return tuple(
            ObservedProject(
                id=project["id"],
                name=project["name"],
                description=project["description"] or "",
                quota=quota,
                members=members[project["id"]],
            )
            for project, quota in zip(shown, quotas, strict=True)
        )

    def _read_users(self) -> list[Json]:
        # by domain, since a domain with its own directory is not in the general list
        domains = self._reader.items("identity", "/domains", "domains")
        return [
            user
            for domain in domains
            for user in self._reader.items(
                "identity", "/users", "users", {"domain_id": domain["id"]}
            )
        ]

    def _read_members(self, assignments: list[Json]) -> dict[str, list[str]]:
        """User names of the groups that have a role somewhere."""
        groups = sorted({a["group"]["id"] for a in assignments if "group" in a})
        users = self._reader.each(
            lambda group: self._reader.items("identity", f"/groups/{group}/users", "users"), groups
        )
        return {
            group: [user["name"] for user in members]
            for group, members in zip(groups, users, strict=True)
        }

    # network

    def _survey_network(self) -> None:
        owners: Params = {"device_owner": sorted(ROUTER_INTERFACES), "limit": PAGE}
        networks, subnets, ports, routers, groups, addresses = self._reader.together(
            lambda: self._list("/networks", "networks"),
            lambda: self._list("/subnets", "subnets"),
            lambda: self._reader.items("network", "/ports", "ports", owners),
            lambda: self._list("/routers", "routers"),
            lambda: self._list("/security-groups", "security_groups"),
            self._read_address_groups,
        )
        self._give("networks", map_networks(self._kept(networks), subnets))
        self._give("routers", map_routers(self._kept(routers), networks, ports))
        self._give("security_groups", map_groups(self._kept(groups), addresses))

    def _list(self, path: str, key: str) -> list[Json]:
        return self._reader.items("network", path, key, {"limit": PAGE})

    def _read_address_groups(self) -> dict[str, list[str]]:
        found = self._reader.find("network", "/address-groups")  # an extension
        groups = found["address_groups"] if found else []
        return {group["id"]: group["addresses"] for group in groups}

    # compute and volumes

    def _read_servers(self, params: Params) -> Iterator[Json]:
        for server in self._reader.pages("compute", "/servers/detail", "servers", params):
            if "flavor" not in server:  # so Nova shows servers of a cell it cannot reach
                raise Outside("clouds.incomplete", cloud=self._cloud, kind="servers")
            yield server

    def read_changed(self, since: str) -> Iterator[Json]:
        """Servers that changed since a moment (ISO 8601), with those deleted since."""
        return self._kept(self._read_servers({**ALL, "changes-since": since}))

    def _survey_volumes(self) -> dict[tuple[str, str], str]:
        """Hand on the volumes; the names of devices by (server, volume), as Cinder knows them."""
        devices: dict[tuple[str, str], str] = {}

        def kept() -> Iterator[Observed]:
            for volume in self._reader.pages("block_storage", "/volumes/detail", "volumes", ALL):
                for attachment in volume["attachments"]:
                    if attachment["server_id"] and attachment["device"]:
                        devices[attachment["server_id"], volume["id"]] = attachment["device"]
                if owner_of(volume) not in self._hidden:
                    yield mapping.map_volume(volume)

        self._give("volumes", kept())
        return devices

    def complete_servers(
        self, servers: Iterator[Json], devices: dict[tuple[str, str], str]
    ) -> Iterator[ObservedServer]:
        """Servers with their cards and disks, a batch at a time."""
        while batch := list(islice(servers, BATCH)):
            owned: Params = {"device_id": [server["id"] for server in batch], "limit": PAGE}
            ports = self._reader.items("network", "/ports", "ports", owned)
            self._complete_devices(batch, devices)
            yield from mapping.map_servers(batch, ports, devices)

    def _complete_devices(
        self, servers: Sequence[Json], devices: dict[tuple[str, str], str]
    ) -> None:
        """Ask Nova for the devices that Cinder does not name."""
        unknown = [
            server
            for server in servers
            if any((server["id"], disk["id"]) not in devices for disk in server[mapping.ATTACHED])
        ]
        answers = self._reader.each(
            lambda server: self._reader.items(
                "compute", f"/servers/{server['id']}/os-volume_attachments", "volumeAttachments"
            ),
            unknown,
        )
        for server, attachments in zip(unknown, answers, strict=True):
            for attachment in attachments:
                devices[server["id"], attachment["volumeId"]] = attachment["device"] or ""
            if any((server["id"], disk["id"]) not in devices for disk in server[mapping.ATTACHED]):
                raise Outside("clouds.incomplete", cloud=self._cloud, kind="attachments")

    def _survey_flavors(self) -> tuple[ObservedFlavor, ...]:
        params: Params = {"is_public": "None", "limit": PAGE}
        flavors = self._reader.items("compute", "/flavors/detail", "flavors", params)

        def read_access(flavor: Json) -> list[str]:
            if flavor["os-flavor-access:is_public"]:
                return []
            path = f"/flavors/{flavor['id']}/os-flavor-access"
            return [
                entry["tenant_id"] for entry in self._reader.items("compute", path, "flavor_access")
            ]

        access = self._reader.each(read_access, flavors)
        return tuple(mapping.map_flavor(f, a) for f, a in zip(flavors, access, strict=True))

    def _survey_keypairs(self) -> tuple[ObservedKeypair, ...]:
        def read_keypairs(user: Json) -> list[ObservedKeypair]:
            params: Params = {"user_id": user["id"], "limit": PAGE}
            return [
                mapping.map_keypair(entry["keypair"], user["id"], user["name"])
                for entry in self._reader.items("compute", "/os-keypairs", "keypairs", params)
            ]

        # Nova lists keypairs of one user only
        found = self._reader.each(read_keypairs, self._users)
        return tuple(keypair for keypairs in found for keypair in keypairs)

    def _survey_images(self) -> Iterator[Observed]:
        for hidden in ("false", "true"):
            params: Params = {"visibility": "all", "os_hidden": hidden, "limit": PAGE}
            for image in self._kept(self._reader.pages("image", "/images", "images", params)):
                yield mapping.map_image(image)


def read_quota(reader: Reader, project: str) -> QuotaSpec:
    """The limits of a project in the three services, as they name them."""
    answers = {
        "compute": reader.get("compute", f"/os-quota-sets/{project}")["quota_set"],
        "network": reader.get("network", f"/quotas/{project}")["quota"],
        "volume": reader.get("block_storage", f"/os-quota-sets/{project}")["quota_set"],
    }
    return QuotaSpec(
        **{
            service: {name: limit for name, limit in quota.items() if isinstance(limit, int)}
            for service, quota in answers.items()
        }
    )


def _hidden(projects: Iterable[Json]) -> set[str]:
    """Owners that are no unit's; networks that a router made for itself belong to nobody ("")."""
    return {"", *(project["id"] for project in projects if _is_service(project))}


def _is_service(project: Json) -> bool:
    return bool(project["name"] == SERVICE_PROJECT and project["domain_id"] == "default")
