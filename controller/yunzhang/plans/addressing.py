"""The address book of a plan: every old address that gets a new one, with its use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netaddr import IPNetwork

from yunzhang.clouds.specs import CloudSpec
from yunzhang.planning.addresses import Source
from yunzhang.plans.networks import fixed_addresses


def book_addresses(
    spec: CloudSpec, domain_of: Mapping[str, str], prefixes: Mapping[Source, str]
) -> list[dict[str, str]]:
    """The address book's entries: every address of a server, then what subnets need.

    `domain_of` maps subnet keys to address domains, `prefixes` old prefixes to new ones.
    """
    entries: dict[tuple[str, str], dict[str, str]] = {}
    for server in spec.servers:
        for nic in server.nics:
            for old, (subnet, new) in zip(nic.old_addresses, nic.addresses, strict=True):
                domain = domain_of[subnet]
                entries[domain, old] = _entry(domain, old, new, "server", nic.key)
    back = {new: old for old, new in prefixes.items()}
    for plan in (subnet for network in spec.networks for subnet in network.subnets):
        domain, old_cidr = back[plan.cidr]
        offset = IPNetwork(old_cidr).first - IPNetwork(plan.cidr).first
        for new, use in fixed_addresses(plan):
            old = str(_shifted(new, offset))
            entries.setdefault((domain, old), _entry(domain, old, new, use, plan.key))
    return [entries[key] for key in sorted(entries)]


def _entry(domain: str, old: str, new: str, use: str, of: str) -> dict[str, str]:
    return {"domain": domain, "old": old, "new": new, "use": use, "of": of}


def _shifted(address: str, offset: int) -> Any:
    parsed = IPNetwork(address).ip
    return type(parsed)(int(parsed) + offset, parsed.version)
