"""Surveys of two small clouds, for tests that need no cloud: a source with two projects whose
addresses overlap, and an empty target. A stand-in for control flow and rules only."""

from __future__ import annotations

from yunzhang.clouds.observed import (
    ObservedAttachment,
    ObservedFlavor,
    ObservedImage,
    ObservedKeypair,
    ObservedNetwork,
    ObservedNic,
    ObservedPool,
    ObservedProject,
    ObservedRouter,
    ObservedRule,
    ObservedSecurityGroup,
    ObservedServer,
    ObservedSubnet,
    ObservedVolume,
    Survey,
)
from yunzhang.clouds.specs import AllocationPoolSpec, QuotaSpec, RouteSpec
from yunzhang.plans.snapshot import Policy, Registered, Snapshot

PROJECTS = ("hrss", "mib")
ROLES = ("web", "app", "db")
QUOTA = QuotaSpec(
    compute={"instances": 10, "cores": 20, "ram": 20480},
    volume={"volumes": 20, "gigabytes": 100},
    network={"network": 10, "subnet": 10, "port": 100, "router": 5, "security_group": 20},
)


def _network(project: str) -> ObservedNetwork:
    subnet = ObservedSubnet(
        id=f"{project}-subnet",
        name=f"{project}-net",
        network_id=f"{project}-net-id",
        cidr="192.168.10.0/24",
        gateway_ip="192.168.10.1",
        allocation_pools=(AllocationPoolSpec(start="192.168.10.50", end="192.168.10.200"),),
        dns_nameservers=("192.168.10.53",),
        host_routes=(RouteSpec(destination="10.45.0.0/16", nexthop="192.168.10.254"),),
    )
    return ObservedNetwork(
        id=f"{project}-net-id", name=f"{project}-net", project_id=project, subnets=(subnet,)
    )


def _group(project: str) -> ObservedSecurityGroup:
    rules = (
        ObservedRule(direction="ingress", ethertype="IPv4", remote_prefix="0.0.0.0/0"),
        ObservedRule(
            direction="ingress",
            ethertype="IPv4",
            protocol="tcp",
            port_min=22,
            port_max=22,
            remote_prefix="192.168.10.50/32",
        ),
        ObservedRule(direction="ingress", ethertype="IPv4", remote_group_id=f"{project}-group"),
    )
    return ObservedSecurityGroup(id=f"{project}-group", name="app", project_id=project, rules=rules)


def _server(project: str, role: str, number: int) -> ObservedServer:
    name = f"{project}-{role}"
    nic = ObservedNic(
        port_id=f"{name}-port",
        network_id=f"{project}-net-id",
        mac_address=f"fa:16:3e:00:00:{number:02x}",
        addresses=((f"{project}-subnet", f"192.168.10.{11 + ROLES.index(role)}"),),
        security_groups=(f"{project}-group",),
    )
    attachments = []
    if role == "db":
        attachments.append(ObservedAttachment(volume_id=f"{name}-root", device="/dev/vda"))
    if role != "web":
        attachments.append(ObservedAttachment(volume_id=f"{name}-data", device="/dev/vdb"))
    return ObservedServer(
        id=f"{name}-id",
        name=name,
        project_id=project,
        user_id=f"{project}-user",
        status="ACTIVE",
        flavor="d1.tiny",
        vcpus=1,
        ram_mib=192,
        disk_gib=1,
        image_id=None if role == "db" else "guest",
        key_name=f"{project}-key",
        nics=(nic,),
        attachments=tuple(attachments),
    )


def source_survey() -> Survey:
    """The source cloud: two projects of three servers each, all on 192.168.10.0/24."""
    numbered = [(p, r, n) for n, (p, r) in enumerate((p, r) for p in PROJECTS for r in ROLES)]
    volumes = [f"{p}-db-root" for p in PROJECTS]
    volumes += [f"{p}-{r}-data" for p in PROJECTS for r in ROLES[1:]]
    return Survey(
        cloud="legacy",
        projects=tuple(
            ObservedProject(id=p, name=p, quota=QUOTA, members=((p, "member"),)) for p in PROJECTS
        ),
        flavors=(ObservedFlavor(id="d1", name="d1.tiny", vcpus=1, ram_mib=192, disk_gib=1),),
        keypairs=tuple(
            ObservedKeypair(
                id=f"{p}-user/{p}-key",
                name=f"{p}-key",
                user_id=f"{p}-user",
                user=p,
                public_key="ssh-ed25519 AAAA",
                fingerprint="00",
            )
            for p in PROJECTS
        ),
        images=(
            ObservedImage(
                id="guest",
                name="guest",
                project_id="admin",
                visibility="public",
                status="active",
                disk_format="qcow2",
            ),
            ObservedImage(
                id="golden",
                name="golden",
                project_id="hrss",
                visibility="private",
                status="active",
                disk_format="qcow2",
                container_format="bare",
                size_bytes=1000,
            ),
        ),
        networks=tuple(_network(p) for p in PROJECTS),
        routers=tuple(
            ObservedRouter(
                id=f"{p}-router-id",
                name=f"{p}-router",
                project_id=p,
                external_network_id="ext",
                external_network="public",
                subnets=(f"{p}-subnet",),
            )
            for p in PROJECTS
        ),
        security_groups=tuple(_group(p) for p in PROJECTS),
        volumes=tuple(
            ObservedVolume(
                id=v,
                name=v,
                project_id=v.split("-")[0],
                size_gib=1,
                status="in-use",
                bootable=v.endswith("root"),
            )
            for v in volumes
        ),
        servers=tuple(_server(p, r, n) for p, r, n in numbered),
    )


def target_survey(*, vcpus: int = 64, projects: tuple[ObservedProject, ...] = ()) -> Survey:
    """The target cloud: empty, with one flavor and room."""
    return Survey(
        cloud="gov",
        projects=projects,
        flavors=(ObservedFlavor(id="g1", name="g1.tiny", vcpus=1, ram_mib=256, disk_gib=1),),
        pools=tuple(
            ObservedPool(id=name, name=name, resource_class=name, total=total)
            for name, total in (("VCPU", vcpus), ("MEMORY_MB", 65536), ("VOLUME_GB", 1000))
        ),
    )


def snapshot(target: Survey | None = None, *, wave_limit: int = 20) -> Snapshot:
    """A snapshot of both with the register's part."""
    keys = [f"{p}-{r}" for p in PROJECTS for r in ROLES]
    return Snapshot(
        name="demo",
        workloads=tuple(
            Registered(
                key=key,
                unit=f"U-{key.split('-')[0]}",
                unit_name=key.split("-")[0],
                system="S",
                project=key.split("-")[0],
                name=key,
                domain=key.split("-")[0],
            )
            for key in keys
        ),
        hard=tuple(
            (f"{p}-{a}", f"{p}-{b}") for p in PROJECTS for a, b in (("web", "app"), ("app", "db"))
        ),
        soft=(("mib-app", "hrss-app"),),
        prefixes=tuple((p, "192.168.10.0/24") for p in PROJECTS),
        source=source_survey(),
        source_run=1,
        target=target or target_survey(),
        target_run=2,
        ledger={},
        policy=Policy(pools=("10.200.0.0/16",), wave_limit=wave_limit),
    )
