"""A survey: all that planning must know of a cloud, read through its lists, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from yunzhang.clouds import mapping, pools
from yunzhang.clouds.observed import (
    ObservedFlavor,
    ObservedKeypair,
    ObservedProject,
    Survey,
)
from yunzhang.clouds.reading import PAGE, Json, Reader, reading
from yunzhang.clouds.specs import QuotaSpec
from yunzhang.errors import Outside

Progress = Callable[[str, int], None]

# The project the services' own accounts live in; what it holds serves the cloud, not a unit.
SERVICE_PROJECT = "service"
ALL: dict[str, str | int] = {"all_tenants": 1, "limit": PAGE}


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
        read = self._reader
        users, assignments, every_project = read.together(
            self._read_users, self._read_assignments, self._read_projects
        )
        hidden = {
            p["id"]
            for p in every_project
            if p["name"] == SERVICE_PROJECT and p["domain_id"] == "default"
        }
        projects = [p for p in every_project if p["id"] not in hidden]
        volumes, servers, ports, networks, subnets, routers, groups, addresses = read.together(
            lambda: self._read_all("block_storage", "/volumes/detail", "volumes", ALL),
            lambda: self._read_all("compute", "/servers/detail", "servers", ALL),
            lambda: self._read_network("/ports", "ports"),
            lambda: self._read_network("/networks", "networks"),
            lambda: self._read_network("/subnets", "subnets"),
            lambda: self._read_network("/routers", "routers"),
            lambda: self._read_network("/security-groups", "security_groups"),
            self._read_address_groups,
        )
        self._refuse_partial(servers)
        devices = self._find_devices(servers, volumes)

        def kept(things: Sequence[Json]) -> list[Json]:
            return [thing for thing in things if mapping.owner_of(thing) not in hidden]

        survey = Survey(
            cloud=self._cloud,
            projects=self._survey_projects(projects, assignments),
            flavors=self._survey_flavors(),
            keypairs=self._survey_keypairs(users),
            images=tuple(mapping.map_image(image) for image in kept(self._read_images())),
            networks=mapping.map_networks(kept(networks), subnets),
            routers=mapping.map_routers(kept(routers), networks, ports),
            security_groups=mapping.map_groups(kept(groups), addresses),
            volumes=tuple(mapping.map_volume(volume) for volume in kept(volumes)),
            servers=mapping.map_servers(kept(servers), ports, devices),
            pools=pools.read_pools(self._cloud, read),
        )
        for kind in Survey.model_fields:
            if kind != "cloud":
                self._progress(kind, len(getattr(survey, kind)))
        return survey
