"""Builds a plan's content from a snapshot. Pure: the same snapshot gives the same bytes."""

from __future__ import annotations

from typing import Any

from netaddr import IPNetwork

from yunzhang.clouds.observed import ObservedServer, ObservedSubnet
from yunzhang.clouds.specs import (
    CloudSpec,
    FlavorSpec,
    ImageSpec,
    KeypairSpec,
    NetworkSpec,
    ProjectSpec,
    QuotaSpec,
    RouterSpec,
    SecurityGroupSpec,
    ServerSpec,
    SourceRef,
)
from yunzhang.errors import InputError, Shortage
from yunzhang.planning.addresses import AddressMap, renumber
from yunzhang.planning.flavors import Size, choose_flavor
from yunzhang.planning.groups import Group, form_groups
from yunzhang.planning.waves import order_waves
from yunzhang.plans.networks import (
    Translator,
    fixed_addresses,
    plan_group,
    plan_network,
    plan_router,
)
from yunzhang.plans.servers import plan_server
from yunzhang.plans.snapshot import Registered, Snapshot

SCHEMA = "yunzhang/plan/1"


class Builder:
    """One building of a plan: each method makes one part, `content` puts them together."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.servers: dict[str, ObservedServer] = snapshot.servers()
        self.declared: dict[str, Registered] = {w.key: w for w in snapshot.workloads}
        chosen = {server.project_id for server in self.servers.values()}
        self.projects = [p for p in snapshot.source.projects if p.id in chosen]
        self.project_names = {p.id: p.name for p in self.projects}
        self.keys: dict[str, str] = {}
        self.domains: dict[str, str] = {}
        self.prefixes = self._renumber()
        self.translator = Translator(AddressMap(self.prefixes), self.domains, self.keys)
        self._name_rest()

    # -- addresses ------------------------------------------------------------------------------

    def _own_networks(self) -> list[Any]:
        return [n for n in self.snapshot.source.networks if n.project_id in self.project_names]

    def _domain_of(self, project_id: str, subnet: ObservedSubnet) -> str:
        """The address domain of a subnet: the register's, found by project and prefix."""
        project = self.project_names[project_id]
        candidates = {w.domain for w in self.snapshot.workloads if w.project == project}
        inside = IPNetwork(subnet.cidr)
        for domain, cidr in sorted(self.snapshot.prefixes):
            if domain in candidates and inside in IPNetwork(cidr):
                return domain
        raise InputError(
            "plans.prefix_unregistered", cidr=subnet.cidr, network=subnet.name, project=project
        )

    def _renumber(self) -> dict[tuple[str, str], str]:
        sources = []
        for network in self._own_networks():
            project = self.project_names[network.project_id]
            self.keys[network.id] = f"{project}/{network.name}"
            for subnet in network.subnets:
                self.keys[subnet.id] = f"{project}/{network.name}/{subnet.name or subnet.cidr}"
                self.domains[subnet.id] = self._domain_of(network.project_id, subnet)
                sources.append((self.domains[subnet.id], subnet.cidr))
        twice = {source for source in sources if sources.count(source) > 1}
        if twice:
            raise InputError(
                "plans.prefix_ambiguous", prefixes="、".join(f"{d} {c}" for d, c in sorted(twice))
            )
        taken = [s.cidr for n in self.snapshot.target.networks for s in n.subnets]
        chosen, lacking = renumber(sources, self.snapshot.policy.pools, taken)
        if lacking:
            raise Shortage(
                "plans.addresses_short",
                prefixes="、".join(f"{gap.domain} {gap.cidr}" for gap in lacking),
                pools="、".join(self.snapshot.policy.pools),
            )
        return chosen

    def _name_rest(self) -> None:
        for group in self.snapshot.source.security_groups:
            if group.project_id in self.project_names:
                self.keys[group.id] = f"{self.project_names[group.project_id]}/{group.name}"
        for pair in self.snapshot.source.keypairs:
            self.keys[pair.id] = f"{pair.user}/{pair.name}"

    # -- what is built --------------------------------------------------------------------------

    def networks(self) -> tuple[NetworkSpec, ...]:
        """Tenant networks, by key."""
        made = []
        for network in self._own_networks():
            project = self.project_names[network.project_id]
            new = {s.id: self.prefixes[self.domains[s.id], s.cidr] for s in network.subnets}
            made.append(plan_network(network, self.keys[network.id], project, new, self.translator))
        return tuple(sorted(made, key=lambda n: n.key))

    def routers(self) -> tuple[RouterSpec, ...]:
        """Routers, by key."""
        external = self.snapshot.policy.external_network
        return tuple(
            sorted(
                (
                    plan_router(
                        router,
                        f"{self.project_names[router.project_id]}/{router.name}",
                        self.project_names[router.project_id],
                        external,
                        self.translator,
                    )
                    for router in self.snapshot.source.routers
                    if router.project_id in self.project_names
                ),
                key=lambda r: r.key,
            )
        )

    def groups(self) -> tuple[SecurityGroupSpec, ...]:
        """Security groups, by key. A project's groups speak of its first domain's addresses."""
        made = []
        for group in self.snapshot.source.security_groups:
            project = self.project_names.get(group.project_id)
            if project is None:
                continue
            domain = min(w.domain for w in self.snapshot.workloads if w.project == project)
            made.append(plan_group(group, self.keys[group.id], project, domain, self.translator))
        return tuple(sorted(made, key=lambda g: g.key))

    def flavors(self) -> tuple[dict[str, str], tuple[FlavorSpec, ...]]:
        """Source flavor name → key in the target, and the flavors in use there."""
        offers = [
            Size(f.name, f.vcpus, f.ram_mib, f.disk_gib, f.ephemeral_gib, f.swap_mib, f.extra_specs)
            for f in self.snapshot.target.flavors
            if f.public
        ]
        known = {f.name: f for f in self.snapshot.source.flavors}
        chosen: dict[str, str] = {}
        specs: dict[str, FlavorSpec] = {}
        for server in sorted(self.servers.values(), key=lambda s: s.flavor):
            need = _size_of(server, known.get(server.flavor))
            offer = choose_flavor(need, offers)
            key = offer.name if offer else f"yz.{need.name}"
            chosen[server.flavor] = key
            given = offer or need
            specs[key] = FlavorSpec(
                key=key,
                name=key,
                vcpus=given.vcpus,
                ram_mib=given.ram_mib,
                disk_gib=given.disk_gib,
                ephemeral_gib=given.ephemeral_gib,
                swap_mib=given.swap_mib,
                extra_specs=dict(given.extra_specs),
                create=offer is None,
                access=() if offer else self._users_of(server.flavor),
            )
        return chosen, tuple(specs[key] for key in sorted(specs))

    def _users_of(self, flavor: str) -> tuple[str, ...]:
        return tuple(
            sorted(
                {
                    self.project_names[s.project_id]
                    for s in self.servers.values()
                    if s.flavor == flavor
                }
            )
        )

    def keypairs(self) -> tuple[KeypairSpec, ...]:
        """The keypairs servers were made with."""
        found = {}
        for server in self.servers.values():
            for pair in self.snapshot.source.keypairs:
                if pair.user_id == server.user_id and pair.name == server.key_name:
                    found[pair.id] = KeypairSpec(
                        key=self.keys[pair.id],
                        project=self.project_names[server.project_id],
                        user=pair.user,
                        name=pair.name,
                        type="x509" if pair.type == "x509" else "ssh",
                        public_key=pair.public_key,
                    )
        return tuple(sorted(found.values(), key=lambda k: (k.user, k.name)))

    def images(self) -> tuple[ImageSpec, ...]:
        """Private images of the projects; server snapshots a migration left are not carried."""
        return tuple(
            sorted(
                (
                    ImageSpec(
                        key=f"{self.project_names[image.project_id]}/{image.name}",
                        project=self.project_names[image.project_id],
                        name=image.name,
                        source=SourceRef(
                            project=self.project_names[image.project_id],
                            name=image.name,
                            id=image.id,
                        ),
                        disk_format=image.disk_format or "raw",
                        container_format=image.container_format or "bare",
                        min_disk_gib=image.min_disk_gib,
                        min_ram_mib=image.min_ram_mib,
                        size_bytes=image.size_bytes,
                        sha512=image.sha512,
                        properties=image.properties,
                    )
                    for image in self.snapshot.source.images
                    if image.project_id in self.project_names
                    and image.visibility in ("private", "shared")
                    and image.status == "active"
                    and "yunzhang_plan" not in image.properties
                ),
                key=lambda i: i.key,
            )
        )

    def build_spec(self) -> CloudSpec:
        """The whole of what the target gets."""
        chosen, flavors = self.flavors()
        keypairs = self.keypairs()
        servers: list[ServerSpec] = [
            plan_server(
                server,
                key,
                self.project_names[server.project_id],
                chosen[server.flavor],
                self.snapshot.source,
                self.translator,
            )
            for key, server in sorted(self.servers.items())
        ]
        return CloudSpec(
            mark=self.snapshot.name,
            source_cloud=self.snapshot.source.cloud,
            target_cloud=self.snapshot.target.cloud,
            projects=self._project_specs(servers),
            flavors=flavors,
            keypairs=keypairs,
            images=self.images(),
            networks=self.networks(),
            routers=self.routers(),
            security_groups=self.groups(),
            servers=tuple(servers),
        )

    def _project_specs(self, servers: list[ServerSpec]) -> tuple[ProjectSpec, ...]:
        made = []
        for project in sorted(self.projects, key=lambda p: p.name):
            mine = [s for s in servers if s.project == project.name]
            made.append(
                ProjectSpec(
                    key=project.name,
                    name=project.name,
                    description=project.description,
                    source=SourceRef(project=project.name, name=project.name, id=project.id),
                    quota=_enlarged(project.quota, mine),
                    members=tuple(sorted(project.members)),
                )
            )
        return tuple(made)

    # -- order ----------------------------------------------------------------------------------

    def move_groups(self) -> list[Group]:
        """Workloads that must move together: hard dependencies, shared networks and disks."""
        shared: dict[tuple[str, str], list[str]] = {}
        for key, server in self.servers.items():
            for nic in server.nics:
                shared.setdefault(("network", self.keys[nic.network_id]), []).append(key)
            for attachment in server.attachments:
                shared.setdefault(("disk", attachment.volume_id), []).append(key)
        return form_groups(self.servers, self.snapshot.hard, shared)

    def waves(self, groups: list[Group]) -> list[dict[str, Any]]:
        """The waves in their order."""
        ordered = order_waves(groups, self.snapshot.soft, self.snapshot.policy.wave_limit)
        return [
            {
                "number": number,
                "name": f"{self.snapshot.name}-{number}",
                "groups": [group.key for group in wave],
                "servers": sorted(member for group in wave for member in group.members),
            }
            for number, wave in enumerate(ordered, start=1)
        ]


def _size_of(server: ObservedServer, flavor: Any) -> Size:
    return Size(
        name=server.flavor,
        vcpus=server.vcpus,
        ram_mib=server.ram_mib,
        disk_gib=server.disk_gib,
        ephemeral_gib=flavor.ephemeral_gib if flavor else 0,
        swap_mib=flavor.swap_mib if flavor else 0,
        extra_specs=flavor.extra_specs if flavor else {},
    )


def _enlarged(quota: QuotaSpec, servers: list[ServerSpec]) -> QuotaSpec:
    """The source's limits, with room for the root disks that become volumes in the target."""
    images = [d for s in servers for d in s.disks if d.origin == "image"]
    volume = dict(quota.volume)
    for name, extra in (("volumes", len(images)), ("gigabytes", sum(d.size_gib for d in images))):
        if volume.get(name, -1) >= 0:
            volume[name] += extra
    return quota.model_copy(update={"volume": volume})


def book_addresses(builder: Builder, spec: CloudSpec) -> list[dict[str, str]]:
    """The address book's entries: every address of a server, then what subnets need."""
    domain_of = {builder.keys[s]: d for s, d in builder.domains.items()}
    entries: dict[tuple[str, str], dict[str, str]] = {}
    for server in spec.servers:
        for nic in server.nics:
            for old, (subnet, new) in zip(nic.old_addresses, nic.addresses, strict=True):
                domain = domain_of[subnet]
                entries[domain, old] = _entry(domain, old, new, "server", nic.key)
    back = {new: old for old, new in builder.prefixes.items()}
    for network in spec.networks:
        for subnet in network.subnets:
            domain, old_cidr = back[subnet.cidr]
            offset = IPNetwork(old_cidr).first - IPNetwork(subnet.cidr).first
            for new, use in fixed_addresses(subnet):
                old = str(_shifted(new, offset))
                entries.setdefault((domain, old), _entry(domain, old, new, use, subnet.key))
    return [entries[key] for key in sorted(entries)]


def _entry(domain: str, old: str, new: str, use: str, of: str) -> dict[str, str]:
    return {"domain": domain, "old": old, "new": new, "use": use, "of": of}


def _shifted(address: str, offset: int) -> Any:
    parsed = IPNetwork(address).ip
    return type(parsed)(int(parsed) + offset, parsed.version)
