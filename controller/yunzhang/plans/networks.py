"""Networks, routers and groups of the target: the source's, with the planned addresses in them."""

from __future__ import annotations

from dataclasses import dataclass, field

from netaddr import IPAddress, IPNetwork

from yunzhang.clouds.observed import (
    ObservedNetwork,
    ObservedRouter,
    ObservedRule,
    ObservedSecurityGroup,
    ObservedSubnet,
)
from yunzhang.clouds.specs import (
    AllocationPoolSpec,
    NetworkSpec,
    RouterSpec,
    RouteSpec,
    RuleSpec,
    SecurityGroupSpec,
    SubnetSpec,
)
from yunzhang.planning.addresses import AddressMap


@dataclass(slots=True)
class Translator:
    """Rewrites addresses of one plan and keeps account of every reference it met."""

    book: AddressMap
    domain_of_subnet: dict[str, str]
    keys: dict[str, str]  # identifier in the source cloud → key in the plan
    references: list[dict[str, object]] = field(default_factory=list)

    def _note(self, place: str, domain: str, old: str, new: list[str], state: str) -> None:
        self.references.append(
            {"place": place, "domain": domain, "old": old, "new": new, "state": state}
        )

    def address(self, place: str, domain: str, old: str) -> str:
        """The new address for a reference to `old`; one outside the plan is kept and listed."""
        new = self.book.address(domain, old)
        self._note(place, domain, old, [new or old], "rewritten" if new else "outside")
        return new or old

    def prefix(self, place: str, domain: str, old: str) -> list[str]:
        """The new prefixes for a reference to `old`."""
        if IPNetwork(old).prefixlen == 0:
            return [old]
        new = self.book.prefix(domain, old)
        state = "outside" if new is None else "rewritten" if len(new) == 1 else "widened"
        self._note(place, domain, old, new or [old], state)
        return new or [old]

    def routes(self, place: str, domain: str, routes: tuple[RouteSpec, ...]) -> list[RouteSpec]:
        """Static routes with their next hops moved."""
        return [
            RouteSpec(destination=destination, nexthop=self.address(place, domain, route.nexthop))
            for route in routes
            for destination in self.prefix(place, domain, route.destination)
        ]


def plan_subnet(
    subnet: ObservedSubnet, key: str, new_cidr: str, domain: str, translator: Translator
) -> SubnetSpec:
    """The subnet at its new place: gateway, pools, routes and name servers moved with it."""
    book = translator.book

    def moved(address: str) -> str:
        new = book.address(domain, address)
        if new is None:  # a gateway or pool is always inside its own subnet
            raise ValueError(f"{address} is outside {subnet.cidr}")
        return new

    return SubnetSpec(
        key=key,
        name=subnet.name,
        cidr=new_cidr,
        ip_version=6 if subnet.ip_version == 6 else 4,
        gateway_ip=moved(subnet.gateway_ip) if subnet.gateway_ip else None,
        enable_dhcp=subnet.enable_dhcp,
        allocation_pools=tuple(
            AllocationPoolSpec(start=moved(pool.start), end=moved(pool.end))
            for pool in subnet.allocation_pools
        ),
        dns_nameservers=tuple(
            translator.address(f"subnets/{key}/dns", domain, server)
            for server in subnet.dns_nameservers
        ),
        host_routes=tuple(translator.routes(f"subnets/{key}/routes", domain, subnet.host_routes)),
    )


def plan_network(
    network: ObservedNetwork,
    key: str,
    project: str,
    new_cidrs: dict[str, str],
    translator: Translator,
) -> NetworkSpec:
    """A tenant network; `new_cidrs` maps subnet identifiers to their new prefix."""
    return NetworkSpec(
        key=key,
        project=project,
        name=network.name,
        description=network.description,
        mtu=None,  # the target's own overlay decides
        port_security_enabled=network.port_security_enabled,
        subnets=tuple(
            plan_subnet(
                subnet,
                translator.keys[subnet.id],
                new_cidrs[subnet.id],
                translator.domain_of_subnet[subnet.id],
                translator,
            )
            for subnet in network.subnets
        ),
    )


def plan_router(
    router: ObservedRouter, key: str, project: str, external: str, translator: Translator
) -> RouterSpec:
    """A router with interfaces in the planned subnets; its way out is the target's egress."""
    own = [s for s in router.subnets if s in translator.keys]
    domain = translator.domain_of_subnet[own[0]] if own else ""
    return RouterSpec(
        key=key,
        project=project,
        name=router.name,
        description=router.description,
        external_network=external if router.external_network_id else None,
        enable_snat=router.enable_snat if router.external_network_id else None,
        subnets=tuple(sorted(translator.keys[s] for s in own)),
        routes=tuple(translator.routes(f"routers/{key}/routes", domain, router.routes)),
    )


def plan_group(
    group: ObservedSecurityGroup, key: str, project: str, domain: str, translator: Translator
) -> SecurityGroupSpec:
    """A security group whose address rules follow the address book."""
    rules: list[RuleSpec] = []
    for rule in group.rules:
        if rule.remote_prefix is None:
            rules.append(_rule(rule, None, translator))
            continue
        place = f"security_groups/{key}"
        rules += [
            _rule(rule, prefix, translator)
            for prefix in translator.prefix(place, domain, rule.remote_prefix)
        ]
    return SecurityGroupSpec(
        key=key,
        project=project,
        name=group.name,
        description=group.description,
        rules=tuple(sorted(set(rules), key=lambda r: r.model_dump_json())),
    )


def _rule(rule: ObservedRule, prefix: str | None, translator: Translator) -> RuleSpec:
    return RuleSpec(
        direction="egress" if rule.direction == "egress" else "ingress",
        ethertype="IPv6" if rule.ethertype == "IPv6" else "IPv4",
        protocol=rule.protocol,
        port_min=rule.port_min,
        port_max=rule.port_max,
        remote_prefix=prefix,
        remote_group=translator.keys[rule.remote_group_id] if rule.remote_group_id else None,
        description=rule.description,
    )


def fixed_addresses(subnet: SubnetSpec) -> list[tuple[str, str]]:
    """(address, use) of what the subnet itself needs besides its servers."""
    found = [(subnet.gateway_ip, "gateway")] if subnet.gateway_ip else []
    inside = IPNetwork(subnet.cidr)
    found += [(a, "dns") for a in subnet.dns_nameservers if IPAddress(a) in inside]
    found += [(r.nexthop, "nexthop") for r in subnet.host_routes if IPAddress(r.nexthop) in inside]
    return found
