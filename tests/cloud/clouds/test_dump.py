"""A dump sees every change of every kind, and nothing when nothing changed."""

from __future__ import annotations

import time

import pytest

from tests.cloud.clouds.conftest import differences
from tests.cloud.clouds.plants import CLOUD, Plants
from yunzhang.clouds.comparison import IGNORED, compare_dumps, render_differences
from yunzhang.clouds.dump import Dump, dump_cloud
from yunzhang.clouds.kinds import LISTINGS

APPEAR = {
    "address_scope",
    "aggregate",
    "compute_quota",
    "credential",
    "flavor",
    "flavor_access",
    "floating_ip",
    "group",
    "group_member",
    "image",
    "image_member",
    "keypair",
    "network",
    "network_quota",
    "port",
    "project",
    "provider_allocation",
    "region",
    "role",
    "role_assignment",
    "router",
    "security_group",
    "security_group_rule",
    "server",
    "server_group",
    "server_interface",
    "server_volume",
    "snapshot",
    "subnet",
    "subnet_pool",
    "user",
    "volume",
    "volume_attachment",
    "volume_qos",
    "volume_quota",
    "volume_type",
    "volume_type_access",
}

ALTER = {
    ("project", "description"),
    ("user", "enabled"),
    ("compute_quota", "cores"),
    ("network_quota", "port"),
    ("network_quota_row", ""),
    ("volume_quota", "gigabytes"),
    ("network", "description"),
    ("subnet", "description"),
    ("port", "description"),
    ("port", "admin_state_up"),
    ("router", "description"),
    ("router", "routes"),
    ("security_group", "description"),
    ("floating_ip", "description"),
    ("image", "hw_disk_bus"),
    ("volume", "metadata"),
    ("snapshot", "metadata"),
    ("flavor", "extra_specs"),
    ("server", "metadata"),
    ("server", "locked"),
    ("volume_type", "extra_specs"),
}


@pytest.mark.parametrize("cloud", ["legacy", "gov"])
def test_a_dump_has_every_kind_and_is_quick(cloud: str, clouds_ready: object) -> None:
    taken = []
    for _ in range(2):
        started = time.monotonic()
        dump = dump_cloud(cloud)
        taken.append(time.monotonic() - started)
        if taken[-1] < 8:
            break
    assert min(taken) < 8
    assert set(dump) == {listing.kind for listing in LISTINGS}
    for kind in ("project", "user", "role_assignment", "network", "volume_type", "provider"):
        assert dump[kind], kind


def test_every_ignored_field_exists_in_some_dump(empty: Dump, plants: Plants) -> None:
    dump = dump_cloud(CLOUD)
    for kind, fields in IGNORED.items():
        seen = {field for thing in dump[kind].values() for field in thing}
        if seen:
            assert fields <= seen, kind


def test_planted_things_appear(empty: Dump, plants: Plants) -> None:
    found = differences(empty, dump_cloud(CLOUD), plants)
    assert {d.kind for d in found if d.change == "appeared"} >= APPEAR
    assert not [d for d in found if d.change == "vanished"]
    assert plants.word in render_differences(found)


def test_router_interface_is_seen_as_port(plants: Plants) -> None:
    ports = dump_cloud(CLOUD)["port"].values()
    owners = {p["device_owner"] for p in ports if p["device_id"] == plants.ids["router"]}
    assert owners == {"network:router_interface", "network:router_gateway"}


def test_changes_are_seen_and_gone_when_undone(plants: Plants) -> None:
    before = dump_cloud(CLOUD)
    undo = plants.alter()
    try:
        found = differences(before, dump_cloud(CLOUD), plants)
        assert {(d.kind, d.field) for d in found} >= ALTER
        # nothing but what was changed, or shows it too
        shows = {"server_interface", "group_member"}
        assert {d.kind for d in found} <= {kind for kind, _ in ALTER} | shows
    finally:
        undo()
    assert render_differences(differences(before, dump_cloud(CLOUD), plants)) == ""


def test_stopped_server_is_seen_and_started_again_it_is_as_before(plants: Plants) -> None:
    before = dump_cloud(CLOUD)
    plants.stop()
    stopped = differences(before, dump_cloud(CLOUD), plants)
    assert {"status", "OS-EXT-STS:power_state"} <= {d.field for d in stopped}
    plants.start()
    assert render_differences(differences(before, dump_cloud(CLOUD), plants)) == ""


def test_nothing_differs_when_nothing_happened(plants: Plants) -> None:
    first = dump_cloud(CLOUD)
    assert render_differences(differences(first, dump_cloud(CLOUD), plants)) == ""
    assert compare_dumps(first, first) == []


def test_removed_plants_leave_nothing(empty: Dump, plants: Plants) -> None:
    plants.close()
    assert render_differences(differences(empty, dump_cloud(CLOUD), plants)) == ""
