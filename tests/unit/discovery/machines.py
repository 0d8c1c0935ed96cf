"""Machines of both sides for tests of the pure core, in one line each."""

from __future__ import annotations

from typing import Any

from yunzhang.discovery.keys import Keys, clean_macs, declared_names, identifiers, observed_names
from yunzhang.discovery.machines import Declared, Seen


def declared(
    ref: str,
    *,
    name: str | None = None,
    platform: str = "P",
    project: str = "",
    uuid: str = "",
    macs: tuple[str, ...] = (),
    ips: tuple[str, ...] = (),
    unit: str = "U",
    **values: Any,
) -> Declared:
    """A workload; its name is its reference unless said."""
    called = name or ref
    said = {"name": called, "macs": sorted(macs), "addresses": sorted(ips), **values}
    if uuid:
        said["platform_uuid"] = uuid
    return Declared(
        ref=ref,
        name=called,
        platform=platform,
        project=project,
        domain="D",
        unit=unit,
        state="verified",
        keys=Keys(
            identifiers(uuid=uuid),
            clean_macs(macs),
            declared_names(platform, project, called),
            tuple(("D", ip) for ip in ips),
        ),
        values=said,
    )


def seen(
    name: str,
    *,
    ref: str | None = None,
    source: str = "cloud",
    kind: str = "openstack",
    platforms: tuple[str, ...] = ("P",),
    project: str | None = None,
    uuid: str = "",
    macs: tuple[str, ...] = (),
    ips: tuple[str, ...] = (),
    **values: Any,
) -> Seen:
    """A machine of a source; its reference is its name unless said."""
    own = f"{source}/{ref or name}"
    said = {"name": name, "macs": sorted(macs), "addresses": sorted(ips), **values}
    if uuid:
        said["platform_uuid"] = uuid
    return Seen(
        ref=own,
        source=source,
        kind=kind,
        name=name,
        platforms=frozenset(platforms),
        project=project,
        keys=Keys(
            identifiers(uuid=uuid),
            clean_macs(macs),
            tuple(key for p in platforms for key in observed_names(p, project, name)),
            tuple(("D", ip) for ip in ips),
        ),
        values=said,
        items=(own,),
    )
