"""Survey, usage and leftovers against real services."""

from __future__ import annotations

import pytest

from tests.cloud.clouds.plants import CLOUD, MARK, Plants
from yunzhang.clouds import reading
from yunzhang.clouds.connection import connect
from yunzhang.clouds.leftovers import find_leftovers
from yunzhang.clouds.observed import Survey, server_fingerprint
from yunzhang.clouds.survey import survey_cloud
from yunzhang.clouds.usage import project_usage, read_headroom
from yunzhang.errors import InputError, NotFound


@pytest.fixture(scope="module")
def survey(plants: Plants) -> Survey:
    """The source with the plants in it."""
    return survey_cloud(CLOUD)


def test_seeded_projects_are_seen_without_service_internals(survey: Survey) -> None:
    names = {project.name for project in survey.projects}
    assert {"hrss", "mib", "admin"} <= names
    assert "service" not in names
    owners = {project.id for project in survey.projects}
    assert all(network.project_id in owners for network in survey.networks)
    assert all(server.project_id in owners for server in survey.servers)


def test_seeded_server_with_two_cards_and_disks(survey: Survey) -> None:
    server = next(server for server in survey.servers if server.name == "hrss-db")
    assert server.image_id is None
    assert [nic.addresses[0][1] for nic in server.nics] == ["192.168.10.13", "192.168.20.13"]
    volumes = {volume.id: volume for volume in survey.volumes}
    disks = [volumes[disk.volume_id] for disk in server.attachments]
    assert [disk.name for disk in disks] == ["hrss-db-root", "hrss-db-data"]
    assert [disk.bootable for disk in disks] == [True, False]
    assert server.attachments[0].device == server.root_device
    assert server.flavor == "d1.small"
    assert server.metadata["role"] == "db"


def test_quota_members_keys_and_private_flavor(survey: Survey) -> None:
    hrss = next(project for project in survey.projects if project.name == "hrss")
    assert hrss.quota.compute["ram"] == 20480
    assert hrss.quota.network["security_group"] == 20
    assert hrss.quota.volume["gigabytes"] == 100
    assert hrss.members
    flavor = next(flavor for flavor in survey.flavors if flavor.name == "d1.small")
    assert not flavor.public
    assert flavor.projects == (hrss.id,)
    keys = {keypair.name for keypair in survey.keypairs}
    assert {"hrss-key", "mib-key"} <= keys


def test_planted_network_parts(survey: Survey, plants: Plants) -> None:
    router = next(router for router in survey.routers if router.id == plants.ids["router"])
    assert router.external_network == "public"
    assert router.subnets == (plants.ids["subnet"],)
    group = next(g for g in survey.security_groups if g.id == plants.ids["security_group"])
    assert any(rule.protocol == "tcp" for rule in group.rules)
    image = next(image for image in survey.images if image.id == plants.ids["image"])
    assert image.size_bytes == 6000
    assert image.sha512
    server = next(server for server in survey.servers if server.id == plants.ids["server"])
    assert server.nics[0].port_id == plants.ids["port"]
    assert server.image_id
    assert [disk.volume_id for disk in server.attachments] == [plants.ids["volume-2"]]


def test_pools(survey: Survey) -> None:
    pools = {pool.resource_class: pool for pool in survey.pools}
    assert {"VCPU", "MEMORY_MB", "DISK_GB", "VOLUME_GB"} <= set(pools)
    assert pools["VCPU"].used >= len(survey.servers)
    assert pools["VOLUME_GB"].total > 0


def test_fingerprint_outlives_power_and_changes_with_disks(survey: Survey, plants: Plants) -> None:
    server = next(server for server in survey.servers if server.id == plants.ids["server"])
    plants.stop()
    try:
        again = survey_cloud(CLOUD)
    finally:
        plants.start()
    stopped = next(other for other in again.servers if other.id == server.id)
    assert stopped.status == "SHUTOFF"
    assert server_fingerprint(stopped, again) == server_fingerprint(server, survey)
    bare = server.model_copy(update={"attachments": ()})
    assert server_fingerprint(bare, survey) != server_fingerprint(server, survey)


def test_small_pages_give_the_same_survey(
    survey: Survey, plants: Plants, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("yunzhang.clouds.survey.PAGE", 2)
    monkeypatch.setattr("yunzhang.clouds.survey.ALL", {"all_tenants": 1, "limit": 2})
    paged = survey_cloud(CLOUD)
    for kind in ("servers", "volumes", "networks", "security_groups", "images", "flavors"):
        ours = list(getattr(survey, kind))
        assert {t.id for t in ours} <= {t.id for t in getattr(paged, kind)}, kind


def test_progress_names_every_kind(clouds_ready: object) -> None:
    told: dict[str, int] = {}
    found = survey_cloud("gov", told.__setitem__)
    kinds = set(Survey.model_fields) - {"cloud"}
    assert set(told) == kinds
    assert told == {kind: len(getattr(found, kind)) for kind in kinds}


def test_marked_things_are_found(plants: Plants) -> None:
    found = {(left.kind, left.id): left for left in find_leftovers(CLOUD, MARK)}
    for kind in ("project", "network", "image", "volume", "flavor", "server"):
        left = found.pop((kind, plants.ids[kind]))
        assert left.key.replace(":", "/") == f"reader/{kind}"
    assert not [left for left in found.values() if left.project_id == plants.project]
    assert find_leftovers(CLOUD, MARK[:-1]) == []


def test_usage_and_headroom(plants: Plants) -> None:
    (usage,) = project_usage(CLOUD, [plants.word])
    assert (usage.instances.used, usage.vcpus.used, usage.ram_mib.used) == (1, 1, 128)
    # the snapshot counts against the gigabytes as well
    assert (usage.volumes.used, usage.volume_gib.used, usage.snapshots.used) == (2, 3, 1)
    assert (usage.networks.used, usage.floating_ips.used) == (1, 1)
    room = read_headroom(CLOUD, plants.word)
    assert room.id == plants.project
    assert room.compute["cores"].free == 19
    assert room.pool_free("VCPU") > 0
    assert room.pool_free("VOLUME_GB") > 0
    assert {"hrss", "mib"} <= {usage.name for usage in project_usage(CLOUD)}
    with pytest.raises(NotFound, match=r"clouds\.no_project|nowhere"):
        read_headroom(CLOUD, "nowhere")


def test_project_without_role_is_refused_with_what_to_do(clouds_ready: object) -> None:
    with reading.reading(CLOUD) as reader:
        projects = reader.items("identity", "/projects", "projects")
    service = next(project["id"] for project in projects if project["name"] == "service")
    with pytest.raises(InputError) as refused:
        connect(CLOUD, project=service)
    assert refused.value.code == "clouds.project_refused"
    assert refused.value.hint


def test_connection_is_scoped_to_the_project(plants: Plants) -> None:
    inside = connect(CLOUD, project=plants.project)
    assert inside.current_project_id == plants.project
    assert [server.id for server in inside.compute.servers()] == [plants.ids["server"]]
