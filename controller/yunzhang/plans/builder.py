"""Builds a plan's content from a snapshot. Pure: the same snapshot gives the same bytes."""

from __future__ import annotations

from typing import Any

from netaddr import IPNetwork

from yunzhang import texts
from yunzhang.clouds.observed import ObservedServer, ObservedSubnet
from yunzhang.clouds.specs import (
    CloudSpec,
    NetworkSpec,
    RouterSpec,
    SecurityGroupSpec,
    ServerSpec,
)
from yunzhang.errors import InputError, Shortage
from yunzhang.planning.addresses import AddressMap, renumber
from yunzhang.planning.groups import Group, form_groups
from yunzhang.planning.waves import order_waves
from yunzhang.plans.addressing import book_addresses
from yunzhang.plans.catalogue import plan_flavors, plan_images, plan_keypairs, plan_projects
from yunzhang.plans.networks import (
    Translator,
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
                "plans.prefix_ambiguous",
                prefixes=texts.listed(f"{d} {c}" for d, c in sorted(twice)),
            )
        taken = [s.cidr for n in self.snapshot.target.networks for s in n.subnets]
        chosen, lacking = renumber(sources, self.snapshot.policy.pools, taken)
        if lacking:
            raise Shortage(
                "plans.addresses_short",
                prefixes=texts.listed(f"{gap.domain} {gap.cidr}" for gap in lacking),
                pools=texts.listed(self.snapshot.policy.pools),
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

    def build_spec(self) -> CloudSpec:
        """The whole of what the target gets."""
        chosen, flavors = plan_flavors(self.snapshot, self.servers.values(), self.project_names)
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
            projects=plan_projects(self.projects, servers),
            flavors=flavors,
            keypairs=plan_keypairs(self.snapshot, self.servers.values(), self.project_names),
            images=plan_images(self.snapshot, self.project_names),
            networks=self.networks(),
            routers=self.routers(),
            security_groups=self.groups(),
            servers=tuple(servers),
        )

    def address_book(self, spec: CloudSpec) -> list[dict[str, str]]:
        """Every address that is moved."""
        domain_of = {self.keys[subnet]: domain for subnet, domain in self.domains.items()}
        return book_addresses(spec, domain_of, self.prefixes)

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
