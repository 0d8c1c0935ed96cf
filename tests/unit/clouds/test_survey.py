"""What JSON becomes in a survey."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yunzhang.clouds import mapping
from yunzhang.clouds.mapping_network import map_groups, map_networks, map_routers
from yunzhang.clouds.pools import BOUNDLESS_GIB, map_volume_pool, sum_inventories


def port(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"port{number}",
        "name": "",
        "network_id": "net",
        "mac_address": f"fa:16:3e:00:00:0{number}",
        "device_owner": "compute:nova",
        "device_id": "server",
        "fixed_ips": [{"subnet_id": "sub", "ip_address": f"10.0.0.{number}"}],
        "security_groups": ["b", "a"],
        "created_at": f"2026-01-0{number}T00:00:00Z",
        **more,
    }


def address(number: int) -> dict[str, Any]:
    return {"addr": f"10.0.0.{number}", "OS-EXT-IPS-MAC:mac_addr": f"fa:16:3e:00:00:0{number}"}


def server(**more: Any) -> dict[str, Any]:
    return {
        "id": "server",
        "name": "web",
        "tenant_id": "project",
        "user_id": "user",
        "status": "ACTIVE",
        "locked": False,
        "description": None,
        "flavor": {"original_name": "small", "vcpus": 1, "ram": 256, "disk": 1},
        "image": "",
        "metadata": {},
        "addresses": {"one": [address(3)], "two": [address(1), address(2)]},
        mapping.ATTACHED: [],
        **more,
    }


def test_cards_come_in_the_order_of_the_machine() -> None:
    ports = [port(4, fixed_ips=[]), port(1), port(2), port(3)]
    (mapped,) = mapping.map_servers([server()], [*ports, port(5, device_id="other")], {})
    assert [nic.port_id for nic in mapped.nics] == ["port3", "port1", "port2", "port4"]
    assert mapped.nics[0].addresses == (("sub", "10.0.0.3"),)
    assert mapped.nics[0].security_groups == ("a", "b")


def test_disks_come_in_the_order_of_devices() -> None:
    names = ["/dev/vdaa", "/dev/vdb", "/dev/vda", "/dev/vdz"]
    volumes = [{"id": name, "delete_on_termination": name == "/dev/vda"} for name in names]
    devices = {("server", name): name for name in names}
    (mapped,) = mapping.map_servers([server(**{mapping.ATTACHED: volumes})], [], devices)
    assert [disk.device for disk in mapped.attachments] == [
        "/dev/vda",
        "/dev/vdb",
        "/dev/vdz",
        "/dev/vdaa",
    ]
    assert [disk.delete_on_termination for disk in mapped.attachments] == [True] + [False] * 3


@pytest.mark.parametrize(("image", "expected"), [("", None), ({"id": "i", "links": []}, "i")])
def test_server_booted_from_a_volume_has_no_image(image: Any, expected: str | None) -> None:
    (mapped,) = mapping.map_servers([server(image=image)], [], {})
    assert mapped.image_id == expected


def test_extra_addresses_keep_only_a_foreign_mac() -> None:
    own = port(1)["mac_address"]
    pairs = [
        {"ip_address": "10.0.0.9", "mac_address": own},
        {"ip_address": "10.0.0.8", "mac_address": "fa:16:3e:ff:ff:ff"},
    ]
    (mapped,) = mapping.map_servers([server()], [port(1, allowed_address_pairs=pairs)], {})
    seen = {pair.ip_address: pair.mac_address for pair in mapped.nics[0].allowed_pairs}
    assert seen == {"10.0.0.9": None, "10.0.0.8": "fa:16:3e:ff:ff:ff"}


def test_image_properties_are_what_glance_does_not_define() -> None:
    image = {
        "id": "i",
        "name": None,
        "owner": None,
        "visibility": "private",
        "status": "queued",
        "size": None,
        "os_hash_algo": "sha256",
        "os_hash_value": "x",
        "stores": "file",
        "hw_disk_bus": "scsi",
        "os_admin_user": None,
    }
    mapped = mapping.map_image(image)
    assert mapped.properties == {"hw_disk_bus": "scsi"}
    assert (mapped.name, mapped.project_id, mapped.size_bytes) == ("", "", 0)
    assert mapped.sha512 is None
    assert mapping.map_image({**image, "os_hash_algo": "sha512"}).sha512 == "x"


def test_flavor_of_an_old_cloud_says_swap_by_an_empty_text() -> None:
    flavor = {
        "id": "f",
        "name": "f",
        "vcpus": 1,
        "ram": 1,
        "disk": 1,
        "swap": "",
        "os-flavor-access:is_public": False,
    }
    mapped = mapping.map_flavor(flavor, ["b", "a"])
    assert (mapped.swap_mib, mapped.public, mapped.projects) == (0, False, ("a", "b"))


def test_volume() -> None:
    volume = {
        "id": "v",
        "name": None,
        "description": None,
        mapping.VOLUME_OWNER: "p",
        "size": 2,
        "status": "in-use",
        "bootable": "true",
    }
    mapped = mapping.map_volume(volume)
    assert (mapped.name, mapped.bootable, mapped.project_id) == ("", True, "p")
    assert not mapping.map_volume({**volume, "bootable": "false"}).bootable


def rule(**more: Any) -> dict[str, Any]:
    return {
        "direction": "ingress",
        "ethertype": "IPv4",
        "protocol": "tcp",
        "port_range_min": 80,
        "port_range_max": 80,
        "remote_ip_prefix": None,
        "remote_group_id": None,
        **more,
    }


def test_rule_for_an_address_group_becomes_one_for_each_prefix() -> None:
    group = {"id": "g", "name": "web", "project_id": "p"}
    rules = [rule(remote_address_group_id="ag"), rule(remote_group_id="g")]
    addresses = {"ag": ["10.0.0.0/8", "192.168.0.0/16"]}
    (mapped,) = map_groups([{**group, "security_group_rules": rules}], addresses)
    assert [r.remote_prefix for r in mapped.rules] == ["10.0.0.0/8", "192.168.0.0/16", None]
    assert mapped.rules[2].remote_group_id == "g"
    with pytest.raises(KeyError):
        map_groups([{**group, "security_group_rules": rules}], {})


@given(st.permutations([rule(port_range_min=n) for n in range(4)]))
def test_rules_do_not_depend_on_the_order_of_the_answer(rules: list[dict[str, Any]]) -> None:
    group = {"id": "g", "name": "g", "project_id": "p"}
    (mapped,) = map_groups([{**group, "security_group_rules": rules}], {})
    assert [r.port_min for r in mapped.rules] == [0, 1, 2, 3]


def test_networks_and_routers() -> None:
    subnet = {
        "id": "s",
        "name": "s",
        "network_id": "n",
        "cidr": "10.0.0.0/24",
        "ip_version": 4,
        "gateway_ip": None,
        "enable_dhcp": True,
        "allocation_pools": [{"start": "10.0.0.2", "end": "10.0.0.9"}],
        "dns_nameservers": ["10.0.0.53", "10.0.0.3"],
        "host_routes": [{"destination": "10.9.0.0/16", "nexthop": "10.0.0.1"}],
    }
    network = {"id": "n", "name": "net", "project_id": "p", "router:external": True}
    (mapped,) = map_networks([network], [subnet, {**subnet, "id": "x", "network_id": "other"}])
    assert [inside.id for inside in mapped.subnets] == ["s"]
    assert mapped.subnets[0].dns_nameservers == ("10.0.0.53", "10.0.0.3")
    assert mapped.external
    router = {"id": "r", "name": "r", "project_id": "p"}
    gateway = {"network_id": "n", "enable_snat": False}
    interface = port(1, device_owner="network:ha_router_replicated_interface", device_id="r")
    outside = port(2, device_owner="network:router_gateway", device_id="r")
    (first, second) = map_routers(
        [{**router, "external_gateway_info": gateway}, {**router, "external_gateway_info": None}],
        [network],
        [interface, outside],
    )
    assert (first.external_network, first.enable_snat, first.subnets) == ("net", False, ("sub",))
    assert (second.external_network, second.external_network_id) == (None, None)


def assignment(who: str, name: str, **scope: Any) -> dict[str, Any]:
    return {who: {"id": name, "name": name}, "role": {"id": "m", "name": "member"}, "scope": scope}


def test_members_by_group_and_from_above() -> None:
    projects = {
        "top": {"domain_id": "d", "parent_id": "d"},
        "below": {"domain_id": "d", "parent_id": "top"},
        "other": {"domain_id": "e", "parent_id": "e"},
    }
    inherited = {"OS-INHERIT:inherited_to": "projects"}
    assignments = [
        assignment("user", "ann", project={"id": "top"}),
        assignment("group", "staff", project={"id": "below"}),
        assignment("user", "heir", project={"id": "top"}, **inherited),
        assignment("user", "dom", domain={"id": "d"}, **inherited),
        assignment("user", "only-domain", domain={"id": "d"}),
        assignment("user", "sys", system={"all": True}),
        assignment("user", "late", project={"id": "unknown"}),
    ]
    members = mapping.map_members(assignments, projects, {"staff": ["bob", "cai"]})
    names = {project: [user for user, _ in found] for project, found in members.items()}
    assert names == {"top": ["ann", "dom"], "below": ["bob", "cai", "dom", "heir"], "other": []}


def test_pools_of_several_hosts_are_one() -> None:
    def stock(total: int, reserved: int, ratio: float, used: int) -> Any:
        inventory = {"total": total, "reserved": reserved, "allocation_ratio": ratio}
        return {"VCPU": inventory}, {"VCPU": used}

    pool = sum_inventories("c", "VCPU", [stock(10, 2, 4.0, 3), stock(24, 0, 2.0, 5), ({}, {})])
    assert pool is not None
    assert (pool.total, pool.reserved, pool.used) == (34, 2, 8)
    assert pool.ratio == pytest.approx((8 * 4 + 24 * 2) / 32)
    assert sum_inventories("c", "DISK_GB", [stock(1, 0, 1.0, 0)]) is None


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({"total_capacity_gb": 100.9, "free_capacity_gb": 40}, (100, 0, 1.0, 60)),
        (
            {
                "total_capacity_gb": 100,
                "free_capacity_gb": 90,
                "provisioned_capacity_gb": 150,
                "allocated_capacity_gb": 120,
                "thin_provisioning_support": True,
                "max_over_subscription_ratio": "20.0",
                "reserved_percentage": 10,
            },
            (100, 10, 20.0, 150),
        ),
        (
            {
                "total_capacity_gb": 100,
                "free_capacity_gb": 90,
                "thin_provisioning_support": True,
                "max_over_subscription_ratio": "auto",
            },
            (100, 0, 1.0, 0),
        ),
        (
            {"total_capacity_gb": "unknown", "free_capacity_gb": "unknown"},
            (BOUNDLESS_GIB, 0, 1.0, 0),
        ),
    ],
)
def test_volume_pools(capabilities: dict[str, Any], expected: tuple[Any, ...]) -> None:
    pool = map_volume_pool({"name": "host@nfs#nfs", "capabilities": capabilities})
    assert (pool.total, pool.reserved, pool.ratio, pool.used) == expected
