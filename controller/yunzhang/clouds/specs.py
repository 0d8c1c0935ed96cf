"""What is to be built in a target cloud, in words that no cloud's identifiers enter.

A plan document carries these specifications; the playbooks' modules hand them to the makers in
this package. References are by `key` inside one document; objects in a cloud are found by mark
and project. Every specification is frozen and refuses unknown fields.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

BYTES_PER_GIB = 1024**3


class Spec(BaseModel):
    """Base: immutable, nothing unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SourceRef(Spec):
    """An object of the source cloud: by name in its project and, when known, by identifier.

    Without `id` the name must be the only one of its kind in the project.
    """

    project: str
    name: str
    id: str | None = None


class QuotaSpec(Spec):
    """Limits of a project; -1 means unlimited. Units as the services name them (MiB, GiB)."""

    compute: dict[str, int] = Field(default_factory=dict)
    network: dict[str, int] = Field(default_factory=dict)
    volume: dict[str, int] = Field(default_factory=dict)


class ProjectSpec(Spec):
    """A unit's project in the target cloud, its quota, and the members carried over by name."""

    key: str
    name: str
    description: str = ""
    source: SourceRef | None = None
    quota: QuotaSpec = QuotaSpec()
    members: tuple[tuple[str, str], ...] = ()  # (user name, role name) carried over


class FlavorSpec(Spec):
    """A flavor of the target: an existing one (`create` false) or one made by the plan."""

    key: str
    name: str
    vcpus: int
    ram_mib: int
    disk_gib: int
    ephemeral_gib: int = 0
    swap_mib: int = 0
    extra_specs: dict[str, str] = Field(default_factory=dict)
    create: bool = False
    access: tuple[str, ...] = ()  # project keys of a private flavor; empty: public


class KeypairSpec(Spec):
    """A public key, owned by the user of the same name in the target."""

    key: str
    project: str
    user: str
    name: str
    type: Literal["ssh", "x509"] = "ssh"
    public_key: str


class ImageSpec(Spec):
    """A private image that is carried over with its bytes."""

    key: str
    project: str
    name: str
    source: SourceRef
    disk_format: str
    container_format: str
    min_disk_gib: int = 0
    min_ram_mib: int = 0
    size_bytes: int
    sha512: str | None = None
    properties: dict[str, str] = Field(default_factory=dict)


class AllocationPoolSpec(Spec):
    """First and last address Neutron may give out."""

    start: str
    end: str


class RouteSpec(Spec):
    """A static route."""

    destination: str
    nexthop: str


class SubnetSpec(Spec):
    """A subnet with the planned (new) addresses in it."""

    key: str
    name: str
    cidr: str
    ip_version: Literal[4, 6] = 4
    gateway_ip: str | None = None
    enable_dhcp: bool = True
    allocation_pools: tuple[AllocationPoolSpec, ...] = ()
    dns_nameservers: tuple[str, ...] = ()
    host_routes: tuple[RouteSpec, ...] = ()


class NetworkSpec(Spec):
    """A tenant network and its subnets."""

    key: str
    project: str
    name: str
    description: str = ""
    mtu: int | None = None
    port_security_enabled: bool = True
    subnets: tuple[SubnetSpec, ...] = ()


class RouterSpec(Spec):
    """A router: gateway network by name (an external one of the target), interfaces by key."""

    key: str
    project: str
    name: str
    description: str = ""
    external_network: str | None = None
    enable_snat: bool | None = None
    subnets: tuple[str, ...] = ()  # subnet keys
    routes: tuple[RouteSpec, ...] = ()


class RuleSpec(Spec):
    """A security-group rule. At most one of the two remotes is given."""

    direction: Literal["ingress", "egress"]
    ethertype: Literal["IPv4", "IPv6"] = "IPv4"
    protocol: str | None = None
    port_min: int | None = None
    port_max: int | None = None
    remote_prefix: str | None = None
    remote_group: str | None = None  # group key
    description: str = ""


class SecurityGroupSpec(Spec):
    """A security group with exactly these rules. `default` names the project's own default one."""

    key: str
    project: str
    name: str
    description: str = ""
    rules: tuple[RuleSpec, ...] = ()


class AllowedPairSpec(Spec):
    """An extra address a port may use."""

    ip_address: str
    mac_address: str | None = None


class NicSpec(Spec):
    """A network card: its MAC is kept, its addresses are the planned ones."""

    key: str
    network: str
    mac_address: str
    addresses: tuple[tuple[str, str], ...]  # (subnet key, new address)
    old_addresses: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    port_security_enabled: bool = True
    allowed_pairs: tuple[AllowedPairSpec, ...] = ()
    name: str = ""
    description: str = ""


class DiskSpec(Spec):
    """A disk, in the order of the source's devices. The root disk has `boot_index` 0."""

    key: str
    name: str
    size_gib: int
    bootable: bool
    boot_index: int = -1
    device: str  # e.g. /dev/vda, as the source has it
    volume_type: str | None = None  # of the target; None: its default
    origin: Literal["image", "volume"]
    source_volume: SourceRef | None = None  # for origin `volume`
    image_metadata: dict[str, str] = Field(default_factory=dict)
    description: str = ""
    metadata: dict[str, str] = Field(default_factory=dict)


class ServerSpec(Spec):
    """A workload's server, to be booted from its (first) volume in the target."""

    key: str
    project: str
    name: str
    source: SourceRef
    fingerprint: str  # of the source when the plan was made; preflight refuses another one
    flavor: str
    keypair: str | None = None
    was_running: bool = True
    availability_zone: str | None = None
    description: str = ""
    metadata: dict[str, str] = Field(default_factory=dict)
    nics: tuple[NicSpec, ...] = ()
    disks: tuple[DiskSpec, ...] = ()


class CloudSpec(Spec):
    """Everything a plan builds in the target, and where it comes from."""

    mark: str  # the plan's identifier; tag, metadata and property of all that is made
    source_cloud: str
    target_cloud: str
    projects: tuple[ProjectSpec, ...] = ()
    flavors: tuple[FlavorSpec, ...] = ()
    keypairs: tuple[KeypairSpec, ...] = ()
    images: tuple[ImageSpec, ...] = ()
    networks: tuple[NetworkSpec, ...] = ()
    routers: tuple[RouterSpec, ...] = ()
    security_groups: tuple[SecurityGroupSpec, ...] = ()
    servers: tuple[ServerSpec, ...] = ()

    def for_servers(self, keys: frozenset[str]) -> CloudSpec:
        """The part of this specification that the servers named by `keys` need.

        Projects, networks and groups come whole per project, so that waves of one project share
        them.
        """
        servers = tuple(s for s in self.servers if s.key in keys)
        projects = {s.project for s in servers}
        flavors = {s.flavor for s in servers}
        return self.model_copy(
            update={
                "servers": servers,
                "projects": tuple(p for p in self.projects if p.key in projects),
                "flavors": tuple(f for f in self.flavors if f.key in flavors),
                "keypairs": tuple(k for k in self.keypairs if k.project in projects),
                "images": tuple(i for i in self.images if i.project in projects),
                "networks": tuple(n for n in self.networks if n.project in projects),
                "routers": tuple(r for r in self.routers if r.project in projects),
                "security_groups": tuple(g for g in self.security_groups if g.project in projects),
            }
        )
