"""Flavors, keypairs, images and projects of the target."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from yunzhang.clouds.marks import PLAN
from yunzhang.clouds.observed import ObservedFlavor, ObservedImage, ObservedProject, ObservedServer
from yunzhang.clouds.specs import (
    FlavorSpec,
    ImageSpec,
    KeypairSpec,
    ProjectSpec,
    QuotaSpec,
    ServerSpec,
    SourceRef,
)
from yunzhang.planning.flavors import Size, choose_flavor
from yunzhang.plans.snapshot import Snapshot

ProjectNames = Mapping[str, str]  # identifier in the source → name
# Limits per volume type name types that the target does not have.
PER_TYPE = ("volumes_", "gigabytes_", "snapshots_")


def plan_flavors(
    snapshot: Snapshot, servers: Collection[ObservedServer], names: ProjectNames
) -> tuple[dict[str, str], tuple[FlavorSpec, ...]]:
    """Source flavor name → key in the target, and the flavors in use there.

    The least public flavor that dominates is taken; where all are wasteful, a private one of the
    exact size is made for the projects that use it.
    """
    offers = [
        Size(f.name, f.vcpus, f.ram_mib, f.disk_gib, f.ephemeral_gib, f.swap_mib, f.extra_specs)
        for f in snapshot.target.flavors
        if f.public
    ]
    known = {flavor.name: flavor for flavor in snapshot.source.flavors}
    chosen: dict[str, str] = {}
    specs: dict[str, FlavorSpec] = {}
    for server in sorted(servers, key=lambda s: s.flavor):
        need = _size_of(server, known.get(server.flavor))
        offer = choose_flavor(need, offers)
        key = offer.name if offer else f"yz.{need.name}"
        chosen[server.flavor] = key
        users = sorted({names[s.project_id] for s in servers if s.flavor == server.flavor})
        specs[key] = _flavor_spec(key, offer or need, () if offer else tuple(users), offer is None)
    return chosen, tuple(specs[key] for key in sorted(specs))


def _size_of(server: ObservedServer, flavor: ObservedFlavor | None) -> Size:
    return Size(
        name=server.flavor,
        vcpus=server.vcpus,
        ram_mib=server.ram_mib,
        disk_gib=server.disk_gib,
        ephemeral_gib=flavor.ephemeral_gib if flavor else 0,
        swap_mib=flavor.swap_mib if flavor else 0,
        extra_specs=flavor.extra_specs if flavor else {},
    )


def _flavor_spec(key: str, size: Size, access: tuple[str, ...], create: bool) -> FlavorSpec:
    return FlavorSpec(
        key=key,
        name=key,
        vcpus=size.vcpus,
        ram_mib=size.ram_mib,
        disk_gib=size.disk_gib,
        ephemeral_gib=size.ephemeral_gib,
        swap_mib=size.swap_mib,
        extra_specs=dict(size.extra_specs),
        create=create,
        access=access,
    )


def plan_keypairs(
    snapshot: Snapshot, servers: Iterable[ObservedServer], names: ProjectNames
) -> tuple[KeypairSpec, ...]:
    """The keypairs servers were made with."""
    pairs = {pair.id: pair for pair in snapshot.source.keypairs}
    found = {}
    for server in servers:
        pair = pairs.get(f"{server.user_id}/{server.key_name}")
        if pair is not None:
            found[pair.id] = KeypairSpec(
                key=f"{pair.user}/{pair.name}",
                project=names[server.project_id],
                user=pair.user,
                name=pair.name,
                type="x509" if pair.type == "x509" else "ssh",
                public_key=pair.public_key,
            )
    return tuple(sorted(found.values(), key=lambda k: (k.user, k.name)))


def plan_images(snapshot: Snapshot, names: ProjectNames) -> tuple[ImageSpec, ...]:
    """The projects' own images. What an earlier migration left behind is not carried."""
    own = [
        image
        for image in snapshot.source.images
        if image.project_id in names
        and image.visibility in ("private", "shared")
        and image.status == "active"
        and PLAN not in image.properties
    ]
    return tuple(sorted((_image_spec(i, names[i.project_id]) for i in own), key=lambda i: i.key))


def _image_spec(image: ObservedImage, project: str) -> ImageSpec:
    return ImageSpec(
        key=f"{project}/{image.name}",
        project=project,
        name=image.name,
        source=SourceRef(project=project, name=image.name, id=image.id),
        disk_format=image.disk_format or "raw",
        container_format=image.container_format or "bare",
        min_disk_gib=image.min_disk_gib,
        min_ram_mib=image.min_ram_mib,
        size_bytes=image.size_bytes,
        sha512=image.sha512,
        properties=image.properties,
    )


def plan_projects(
    projects: Iterable[ObservedProject], servers: Iterable[ServerSpec]
) -> tuple[ProjectSpec, ...]:
    """The projects with their limits and members."""
    moved = list(servers)
    return tuple(
        ProjectSpec(
            key=project.name,
            name=project.name,
            description=project.description,
            source=SourceRef(project=project.name, name=project.name, id=project.id),
            quota=_enlarged(project.quota, [s for s in moved if s.project == project.name]),
            members=tuple(sorted(project.members)),
        )
        for project in sorted(projects, key=lambda p: p.name)
    )


def _enlarged(quota: QuotaSpec, servers: list[ServerSpec]) -> QuotaSpec:
    """The source's limits, with room for the root disks that become volumes in the target."""
    roots = [d for s in servers for d in s.disks if d.origin == "image"]
    volume = {k: v for k, v in quota.volume.items() if not k.startswith(PER_TYPE)}
    for name, extra in (("volumes", len(roots)), ("gigabytes", sum(d.size_gib for d in roots))):
        if volume.get(name, -1) >= 0:
            volume[name] += extra
    return quota.model_copy(update={"volume": volume})
