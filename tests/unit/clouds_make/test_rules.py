"""Two spellings of one rule are one rule, two rules are two."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yunzhang.clouds.makers.rules import (
    as_call,
    identity,
    is_made_by_neutron,
    missing,
    superfluous,
)


def rule(**changes: Any) -> dict[str, Any]:
    """Everything in, from everywhere."""
    plain = {
        "direction": "ingress",
        "ethertype": "IPv4",
        "protocol": None,
        "port_min": None,
        "port_max": None,
        "remote_prefix": None,
        "remote_group_id": None,
        "description": "",
    }
    return plain | changes


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"protocol": "TCP"}, {"protocol": "tcp"}),
        ({"protocol": "icmpv6"}, {"protocol": "ipv6-icmp"}),
        ({"protocol": "any"}, {"protocol": None}),
        ({"remote_prefix": "0.0.0.0/0"}, {"remote_prefix": None}),
        ({"remote_prefix": "10.1.2.3/8"}, {"remote_prefix": "10.0.0.0/8"}),
        ({"description": "a"}, {"description": "b"}),
    ],
)
def test_spellings(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert identity(rule(**one)) == identity(rule(**other))


@pytest.mark.parametrize(
    "change",
    [
        {"direction": "egress"},
        {"ethertype": "IPv6"},
        {"protocol": "tcp"},
        {"port_min": 1},
        {"remote_prefix": "10.0.0.0/8"},
        {"remote_group_id": "g"},
    ],
)
def test_differences(change: dict[str, Any]) -> None:
    assert identity(rule(**change)) != identity(rule())


RULES = st.lists(
    st.builds(
        rule,
        direction=st.sampled_from(["ingress", "egress"]),
        protocol=st.sampled_from([None, "tcp", "TCP", "udp"]),
        port_min=st.sampled_from([None, 1, 2]),
        remote_prefix=st.sampled_from([None, "0.0.0.0/0", "10.0.0.0/8"]),
    ),
    max_size=6,
)


@given(RULES, RULES)
def test_adding_and_taking_leads_to_what_is_wanted(
    wanted: list[dict[str, Any]], present: list[dict[str, Any]]
) -> None:
    taken = superfluous(wanted, present)
    after = [item for item in present if item not in taken] + missing(wanted, present)
    assert {identity(item) for item in after} == {identity(item) for item in wanted}
    added = [identity(item) for item in missing(wanted, present)]
    assert len(added) == len(set(added))


def test_only_the_rules_a_group_is_born_with() -> None:
    assert is_made_by_neutron(rule(direction="egress", ethertype="IPv6"))
    assert not is_made_by_neutron(rule())
    assert not is_made_by_neutron(rule(direction="egress", protocol="tcp"))
    assert not is_made_by_neutron(rule(direction="egress", description="kept by a person"))


def test_call_carries_every_field() -> None:
    call = as_call("g", rule(protocol="tcp", port_min=1, port_max=2, remote_group_id="h"))
    assert call["security_group_id"] == "g"
    assert (call["port_range_min"], call["port_range_max"]) == (1, 2)
    assert call["remote_group_id"] == "h"
