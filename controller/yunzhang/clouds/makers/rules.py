"""Security-group rules as plain values, so that two sets can be compared. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_network
from typing import Any

Rule = dict[str, Any]

FIELDS = (
    "direction",
    "ethertype",
    "protocol",
    "port_min",
    "port_max",
    "remote_prefix",
    "remote_group_id",
)
# Neutron's names for what people also write otherwise.
PROTOCOLS = {"icmpv6": "ipv6-icmp", "icmp6": "ipv6-icmp", "any": None, "-1": None}
EVERYWHERE = frozenset({"0.0.0.0/0", "::/0"})


def identity(rule: Mapping[str, Any]) -> tuple[Any, ...]:
    """What makes a rule itself: everything but its description, in one spelling.

    "From anywhere" is written as a prefix or left out; both are the same rule.
    """
    protocol = rule.get("protocol")
    if protocol is not None:
        protocol = PROTOCOLS.get(str(protocol).lower(), str(protocol).lower())
    prefix = rule.get("remote_prefix")
    if prefix is not None:
        prefix = str(ip_network(prefix, strict=False))
        prefix = None if prefix in EVERYWHERE else prefix
    spelled = {**rule, "protocol": protocol, "remote_prefix": prefix}
    return tuple(spelled.get(name) for name in FIELDS)


def missing(wanted: Iterable[Rule], present: Iterable[Rule]) -> list[Rule]:
    """Wanted rules that are not present, each once."""
    known = {identity(rule) for rule in present}
    found = []
    for rule in wanted:
        if identity(rule) not in known:
            known.add(identity(rule))
            found.append(rule)
    return found


def superfluous(wanted: Iterable[Rule], present: Iterable[Rule]) -> list[Rule]:
    """Present rules that are not wanted."""
    known = {identity(rule) for rule in wanted}
    return [rule for rule in present if identity(rule) not in known]


def is_made_by_neutron(rule: Rule) -> bool:
    """Whether it is one of the two rules a new group is born with: everything out."""
    return (
        rule["direction"] == "egress"
        and identity(rule)[2:] == (None,) * 5
        and not rule.get("description")
    )


def as_call(group_id: str, rule: Rule) -> dict[str, Any]:
    """Arguments of Neutron's call that makes the rule."""
    return {
        "security_group_id": group_id,
        "direction": rule["direction"],
        "ether_type": rule["ethertype"],
        "protocol": rule.get("protocol"),
        "port_range_min": rule.get("port_min"),
        "port_range_max": rule.get("port_max"),
        "remote_ip_prefix": rule.get("remote_prefix"),
        "remote_group_id": rule.get("remote_group_id"),
        "description": rule.get("description") or "",
    }
