"""A small specification to take apart."""

from __future__ import annotations

from typing import Any

from yunzhang.clouds.specs import (
    CloudSpec,
    DiskSpec,
    FlavorSpec,
    NetworkSpec,
    NicSpec,
    ProjectSpec,
    QuotaSpec,
    RouterSpec,
    RuleSpec,
    SecurityGroupSpec,
    ServerSpec,
    SourceRef,
    SubnetSpec,
)


def disk(key: str, **changes: Any) -> DiskSpec:
    """A data disk of 2 GiB."""
    values: dict[str, Any] = {
        "key": key,
        "name": key,
        "size_gib": 2,
        "bootable": False,
        "device": "/dev/vdb",
        "origin": "volume",
    }
    return DiskSpec(**values | changes)


def server(name: str, *, disks: tuple[DiskSpec, ...] = ()) -> ServerSpec:
    """A server with one card."""
    return ServerSpec(
        key=f"p/{name}",
        project="p",
        name=name,
        source=SourceRef(project="p", name=name),
        fingerprint="0" * 64,
        flavor="f",
        nics=(
            NicSpec(
                key=f"p/{name}/nic0",
                network="p/net",
                mac_address="fa:16:3e:00:00:01",
                addresses=(("p/sub", "10.0.0.5"),),
            ),
        ),
        disks=disks,
    )


def spec(*servers: ServerSpec, dhcp: bool = True) -> CloudSpec:
    """One project with a network, a router and a group of two rules."""
    return CloudSpec(
        mark="plan-7",
        source_cloud="legacy",
        target_cloud="gov",
        projects=(ProjectSpec(key="p", name="P", quota=QuotaSpec(compute={"cores": 4})),),
        flavors=(FlavorSpec(key="f", name="F", vcpus=2, ram_mib=512, disk_gib=0),),
        networks=(
            NetworkSpec(
                key="p/net",
                project="p",
                name="net",
                subnets=(
                    SubnetSpec(key="p/sub", name="sub", cidr="10.0.0.0/24", enable_dhcp=dhcp),
                ),
            ),
        ),
        routers=(RouterSpec(key="p/r", project="p", name="r", subnets=("p/sub",)),),
        security_groups=(
            SecurityGroupSpec(
                key="p/web",
                project="p",
                name="web",
                rules=(RuleSpec(direction="egress"), RuleSpec(direction="ingress")),
            ),
        ),
        servers=servers,
    )
