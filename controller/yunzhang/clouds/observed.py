"""What a cloud was seen to hold, in plain words: the result of a survey.

Everything is keyed by the cloud's own identifiers; names are for people. Sizes carry their unit in
the name. Unlike the raw dump (`clouds.dump`), a survey keeps only what planning needs.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from yunzhang.clouds.specs import AllocationPoolSpec, AllowedPairSpec, QuotaSpec, RouteSpec
from yunzhang.kit.canonical import content_hash


class Observed(BaseModel):
    """Base: immutable, nothing unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    name: str


class ObservedProject(Observed):
    """A project, its limits, and who has which role in it: (user name, role name)."""

    description: str = ""
    quota: QuotaSpec = QuotaSpec()
    members: tuple[tuple[str, str], ...] = ()


class ObservedFlavor(Observed):
    """A flavor; `projects` are those a private one is shown to."""

    vcpus: int
    ram_mib: int
    disk_gib: int
    ephemeral_gib: int = 0
    swap_mib: int = 0
    public: bool = True
    extra_specs: dict[str, str] = Field(default_factory=dict)
    projects: tuple[str, ...] = ()


class ObservedKeypair(Observed):
    """A keypair (`id` is `user id/name`)."""

    user_id: str
    user: str
    type: str = "ssh"
    public_key: str
    fingerprint: str


class ObservedImage(Observed):
    """An image or server snapshot."""

    project_id: str
    visibility: str
    status: str
    disk_format: str | None = None
    container_format: str | None = None
    size_bytes: int = 0
    virtual_bytes: int | None = None
    min_disk_gib: int = 0
    min_ram_mib: int = 0
    sha512: str | None = None
    properties: dict[str, str] = Field(default_factory=dict)


class ObservedSubnet(Observed):
    """A subnet."""

    network_id: str
    cidr: str
    ip_version: int = 4
    gateway_ip: str | None = None
    enable_dhcp: bool = True
    allocation_pools: tuple[AllocationPoolSpec, ...] = ()
    dns_nameservers: tuple[str, ...] = ()
    host_routes: tuple[RouteSpec, ...] = ()


class ObservedNetwork(Observed):
    """A network with its subnets."""

    project_id: str
    description: str = ""
    mtu: int | None = None
    external: bool = False
    shared: bool = False
    port_security_enabled: bool = True
    subnets: tuple[ObservedSubnet, ...] = ()


class ObservedRouter(Observed):
    """A router; `subnets` are the identifiers of those it has an interface in."""

    project_id: str
    description: str = ""
    external_network_id: str | None = None
    external_network: str | None = None
    enable_snat: bool | None = None
    subnets: tuple[str, ...] = ()
    routes: tuple[RouteSpec, ...] = ()


class ObservedRule(BaseModel):
    """A security-group rule."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    direction: str
    ethertype: str
    protocol: str | None = None
    port_min: int | None = None
    port_max: int | None = None
    remote_prefix: str | None = None
    remote_group_id: str | None = None
    description: str = ""


class ObservedSecurityGroup(Observed):
    """A security group with its rules."""

    project_id: str
    description: str = ""
    rules: tuple[ObservedRule, ...] = ()


class ObservedVolume(Observed):
    """A volume."""

    project_id: str
    description: str = ""
    size_gib: int
    status: str
    volume_type: str | None = None
    bootable: bool = False
    encrypted: bool = False
    multiattach: bool = False
    metadata: dict[str, str] = Field(default_factory=dict)
    image_metadata: dict[str, str] = Field(default_factory=dict)


class ObservedNic(BaseModel):
    """A server's port, in the order of the server's interfaces."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    port_id: str
    name: str = ""
    description: str = ""
    network_id: str
    mac_address: str
    addresses: tuple[tuple[str, str], ...]  # (subnet id, address)
    security_groups: tuple[str, ...] = ()
    port_security_enabled: bool = True
    allowed_pairs: tuple[AllowedPairSpec, ...] = ()


class ObservedAttachment(BaseModel):
    """A volume on a server, in the order of devices."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    volume_id: str
    device: str
    delete_on_termination: bool = False


class ObservedServer(Observed):
    """A server with its cards and disks."""

    project_id: str
    user_id: str
    status: str
    locked: bool = False
    description: str = ""
    flavor: str  # name of the flavor, as embedded in the server
    vcpus: int
    ram_mib: int
    disk_gib: int
    image_id: str | None = None  # None: booted from a volume
    root_device: str = "/dev/vda"
    key_name: str | None = None
    host: str | None = None
    availability_zone: str | None = None
    metadata: dict[str, str] = Field(default_factory=dict)
    nics: tuple[ObservedNic, ...] = ()
    attachments: tuple[ObservedAttachment, ...] = ()


class ObservedPool(Observed):
    """What a cloud can hold in one class of resource, before it is promised to anybody."""

    resource_class: str  # VCPU, MEMORY_MB, DISK_GB
    total: int
    reserved: int = 0
    ratio: float = 1.0
    used: int = 0


class Survey(BaseModel):
    """All that a survey of one cloud saw, complete or not at all."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cloud: str
    projects: tuple[ObservedProject, ...] = ()
    flavors: tuple[ObservedFlavor, ...] = ()
    keypairs: tuple[ObservedKeypair, ...] = ()
    images: tuple[ObservedImage, ...] = ()
    networks: tuple[ObservedNetwork, ...] = ()
    routers: tuple[ObservedRouter, ...] = ()
    security_groups: tuple[ObservedSecurityGroup, ...] = ()
    volumes: tuple[ObservedVolume, ...] = ()
    servers: tuple[ObservedServer, ...] = ()
    pools: tuple[ObservedPool, ...] = ()


def server_fingerprint(server: ObservedServer, survey: Survey) -> str:
    """A hash of what a plan relied on in a server: size, disks, cards; no identifiers, no power.

    Two surveys give the same fingerprint unless the server was really changed between them, so
    preflight can refuse a workload whose source is no longer what was planned.
    """
    volumes = {volume.id: volume for volume in survey.volumes}
    networks = {network.id: network.name for network in survey.networks}
    groups = {group.id: group.name for group in survey.security_groups}
    return content_hash(
        {
            "name": server.name,
            "size": [server.vcpus, server.ram_mib, server.disk_gib],
            "from_image": server.image_id is not None,
            "disks": [
                [a.device, volumes[a.volume_id].size_gib, volumes[a.volume_id].bootable]
                for a in server.attachments
            ],
            "nics": [
                [
                    networks[nic.network_id],
                    [address for _, address in nic.addresses],
                    sorted(groups[g] for g in nic.security_groups),
                ]
                for nic in server.nics
            ],
        }
    )
