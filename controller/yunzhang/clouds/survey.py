"""A survey: all that planning must know of a cloud, read through its lists, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from yunzhang.clouds import mapping
from yunzhang.clouds.mapping import owner_of
from yunzhang.clouds.mapping_network import map_groups, map_networks, map_routers
from yunzhang.clouds.observed import (
    ObservedFlavor,
    ObservedImage,
    ObservedKeypair,
    ObservedNetwork,
    ObservedProject,
    ObservedRouter,
    ObservedSecurityGroup,
    ObservedServer,
    ObservedVolume,
    Survey,
)
from yunzhang.clouds.pools import read_pools
from yunzhang.clouds.reading import PAGE, Json, Params, Reader, reading
from yunzhang.clouds.specs import QuotaSpec
from yunzhang.errors import Outside

Thing = TypeVar("Thing")
Progress = Callable[[str, int], None]

# The project the services' own accounts live in; what it holds serves the cloud, not a unit.
SERVICE_PROJECT = "service"
ALL: Params = {"all_tenants": 1, "limit": PAGE}


def survey_cloud(cloud: str, progress: Progress | None = None) -> Survey:
    """Everything in all projects of `cloud` but the services' own.

    `progress` is told of each kind as it is done: its name and how many were seen. Raises as
    `connection.connect` and `connection.translated`, and Outside `clouds.incomplete` when a part
    of the cloud did not answer.
    """
    with reading(cloud) as reader:
        return _Surveyor(cloud, reader, progress or (lambda _kind, _count: None)).survey()


class _Surveyor:
    """One survey; each method reads one kind."""

    def __init__(self, cloud: str, reader: Reader, progress: Progress) -> None:
        self._cloud = cloud
        self._reader = reader
        self._progress = progress

    def survey(self) -> Survey:
        projects = self._done("projects", self._survey_projects())
        # servers before what they use: a card or disk added between the two is then known
        machines = self._read_servers()
        networks, routers, groups, ports = self._survey_network()
        volumes, servers = self._survey_machines(machines, ports)
        return Survey(
            cloud=self._cloud,
            projects=projects,
            flavors=self._done("flavors", self._survey_flavors()),
            keypairs=self._done("keypairs", self._survey_keypairs()),
            images=self._done("images", self._survey_images()),
            networks=networks,
            routers=routers,
            security_groups=groups,
            volumes=volumes,
            servers=servers,
            pools=self._done("pools", read_pools(self._cloud, self._reader)),
        )

    def _done(self, kind: str, things: tuple[Thing, ...]) -> tuple[Thing, ...]:
        self._progress(kind, len(things))
        return things

    def _kept(self, things: Sequence[Json]) -> list[Json]:
        return [thing for thing in things if owner_of(thing) not in self._hidden]

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
        # networks that a router made for itself belong to nobody
        self._hidden = {"", *(p["id"] for p in found if _is_service(p))}
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

    def _survey_network(
        self,
    ) -> tuple[
        tuple[ObservedNetwork, ...],
        tuple[ObservedRouter, ...],
        tuple[ObservedSecurityGroup, ...],
        list[Json],
    ]:
        networks, subnets, ports, routers, groups, addresses = self._reader.together(
            lambda: self._list("/networks", "networks"),
            lambda: self._list("/subnets", "subnets"),
            lambda: self._list("/ports", "ports"),
            lambda: self._list("/routers", "routers"),
            lambda: self._list("/security-groups", "security_groups"),
            self._read_address_groups,
        )
        kept = self._kept
        return (
            self._done("networks", map_networks(kept(networks), subnets)),
            self._done("routers", map_routers(kept(routers), networks, ports)),
            self._done("security_groups", map_groups(kept(groups), addresses)),
            ports,
        )

    def _list(self, path: str, key: str) -> list[Json]:
        return self._reader.items("network", path, key, {"limit": PAGE})

    def _read_address_groups(self) -> dict[str, list[str]]:
        found = self._reader.find("network", "/address-groups")  # an extension
        groups = found["address_groups"] if found else []
        return {group["id"]: group["addresses"] for group in groups}

    # compute and volumes

    def _read_servers(self) -> list[Json]:
        servers = self._reader.items("compute", "/servers/detail", "servers", ALL)
        if any("flavor" not in server for server in servers):
            # so Nova shows servers of a cell it cannot reach
            raise Outside("clouds.incomplete", cloud=self._cloud, kind="servers")
        return self._kept(servers)

    def _survey_machines(
        self, servers: list[Json], ports: list[Json]
    ) -> tuple[tuple[ObservedVolume, ...], tuple[ObservedServer, ...]]:
        volumes = self._reader.items("block_storage", "/volumes/detail", "volumes", ALL)
        devices = self._read_devices(servers, volumes)
        return (
            self._done("volumes", tuple(map(mapping.map_volume, self._kept(volumes)))),
            self._done("servers", mapping.map_servers(servers, ports, devices)),
        )

    def _read_devices(self, servers: list[Json], volumes: list[Json]) -> dict[tuple[str, str], str]:
        """Device names by (server, volume): as Cinder knows them, else as Nova does."""
        devices = {
            (attachment["server_id"], volume["id"]): attachment["device"]
            for volume in volumes
            for attachment in volume["attachments"]
            if attachment["server_id"] and attachment["device"]
        }
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
        return devices

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

    def _survey_images(self) -> tuple[ObservedImage, ...]:
        images: list[Json] = []
        for hidden in ("false", "true"):
            params: Params = {
                "visibility": "all",
                "os_hidden": hidden,
                "limit": PAGE,
            }
            images += self._reader.items("image", "/images", "images", params)
        return tuple(map(mapping.map_image, self._kept(images)))


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


def _is_service(project: Json) -> bool:
    return bool(project["name"] == SERVICE_PROJECT and project["domain_id"] == "default")
