"""Needs against quotas and room."""

from __future__ import annotations

import math

from tests.unit.clouds_make.specs import disk, server, spec
from yunzhang.clouds.intents import Intent
from yunzhang.clouds.steps.capacity import pool_room, room_of
from yunzhang.clouds.steps.needs import needs_of, shortages


def create(kind: str, key: str) -> Intent:
    """Something still to be made in the target."""
    return Intent(cloud="gov", kind=kind, key=key, act="create", project="P")


def test_only_what_is_still_to_be_made_counts() -> None:
    build = spec(server("a", disks=(disk("a0"), disk("a1", size_gib=5))), server("b"))
    intents = [
        create("network", "p/net"),
        create("interface", "p/r p/sub"),
        create("security_group", "p/web"),
        create("port", "p/a/nic0"),
        create("volume", "a1"),
        create("server", "p/b"),
        create("network", "other/net"),
    ]
    assert needs_of(build, build.projects[0], intents) == {
        ("network", "network"): 1,
        ("network", "port"): 2,
        ("network", "security_group"): 1,
        ("network", "security_group_rule"): 2,
        ("volume", "volumes"): 1,
        ("volume", "gigabytes"): 5,
        ("compute", "instances"): 1,
        ("compute", "cores"): 2,
        ("compute", "ram"): 512,
    }


def test_changes_and_the_source_need_nothing() -> None:
    build = spec(server("a", disks=(disk("a0"),)))
    intents = [
        Intent(cloud="legacy", kind="volume", key="a0", act="create"),
        Intent(cloud="gov", kind="volume", key="a0", act="change"),
    ]
    assert not +needs_of(build, build.projects[0], intents)


def test_limits() -> None:
    build = spec(server("a"))
    need = needs_of(build, build.projects[0], [create("server", "p/a")])
    cores = ("compute", "cores")
    assert not shortages("P", need, {cores: 2}, {})
    assert not shortages("P", need, {cores: -1}, {cores: 10**6})
    (short,) = shortages("P", need, {cores: 3}, {cores: 2})
    assert short.code == "clouds_make.short_quota"
    assert (short.values["need"], short.values["room"]) == (2, 1)
    (over,) = shortages("P", need, {cores: 1}, {cores: 5})
    assert over.values["room"] == 0


def test_room_of_a_provider() -> None:
    inventory = {"total": 10, "reserved": 2, "allocation_ratio": 1.5}
    assert room_of({"VCPU": inventory}, {"VCPU": 5})["VCPU"] == 7
    assert room_of({"VCPU": inventory}, {"VCPU": 50})["VCPU"] == 0


def test_room_of_a_pool() -> None:
    pool = {"free_capacity_gb": 30, "total_capacity_gb": 100}
    assert pool_room(pool) == 30
    thin = pool | {
        "thin_provisioning_support": True,
        "max_over_subscription_ratio": "2.0",
        "provisioned_capacity_gb": 150,
    }
    assert pool_room(thin) == 50
    assert pool_room(pool | {"free_capacity_gb": "unknown"}) == math.inf
