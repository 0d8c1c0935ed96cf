"""A plan made from a snapshot: overlap resolved, references rewritten, everything sound."""

from __future__ import annotations

import dataclasses

import pytest

from tests.surveys import QUOTA, snapshot, target_survey
from yunzhang.clouds.observed import ObservedProject
from yunzhang.clouds.specs import QuotaSpec
from yunzhang.errors import InputError, Shortage
from yunzhang.plancheck import check_document
from yunzhang.plans.document import Document, make_content, make_document, portable, schema
from yunzhang.plans.snapshot import Policy, Snapshot


def _document(taken: Snapshot | None = None) -> Document:
    return make_document(make_content(taken or snapshot(), "2026-11-23T04:00:00+00:00", "wang"))


def test_same_snapshot_gives_the_same_hash() -> None:
    assert _document()["hash"] == _document()["hash"]


def test_overlapping_networks_get_different_prefixes() -> None:
    document = _document()
    new = {p["domain"]: p["new"] for p in document["address_book"]["prefixes"]}
    assert new == {"hrss": "10.200.0.0/24", "mib": "10.200.1.0/24"}
    web = next(s for s in document["build"]["servers"] if s["key"] == "mib-web")
    assert web["nics"][0]["addresses"] == [["mib/mib-net/mib-net", "10.200.1.11"]]


def test_independent_checker_accepts_it() -> None:
    assert check_document(_document(), schema()) == []


def test_addresses_inside_subnets_and_rules_move() -> None:
    document = _document()
    (subnet,) = next(n for n in document["build"]["networks"] if n["project"] == "mib")["subnets"]
    assert subnet["gateway_ip"] == "10.200.1.1"
    assert subnet["allocation_pools"] == [{"start": "10.200.1.50", "end": "10.200.1.200"}]
    assert subnet["dns_nameservers"] == ["10.200.1.53"]
    assert subnet["host_routes"] == [{"destination": "10.45.0.0/16", "nexthop": "10.200.1.254"}]
    group = next(g for g in document["build"]["security_groups"] if g["project"] == "mib")
    prefixes = {rule["remote_prefix"] for rule in group["rules"]}
    assert prefixes == {None, "0.0.0.0/0", "10.200.1.50/32"}
    assert any(rule["remote_group"] == "mib/app" for rule in group["rules"])


def test_reference_outside_the_plan_is_listed() -> None:
    outside = [r for r in _document()["address_book"]["references"] if r["state"] == "outside"]
    assert {r["old"] for r in outside} == {"10.45.0.0/16"}


def test_disks_keep_order_and_root_boots() -> None:
    document = _document()
    servers = {s["key"]: s for s in document["build"]["servers"]}
    assert [d["device"] for d in servers["hrss-db"]["disks"]] == ["/dev/vda", "/dev/vdb"]
    assert [d["origin"] for d in servers["hrss-app"]["disks"]] == ["image", "volume"]
    assert [d["boot_index"] for d in servers["hrss-app"]["disks"]] == [0, -1]


def test_quota_has_room_for_root_disks_that_become_volumes() -> None:
    project = next(p for p in _document()["build"]["projects"] if p["key"] == "hrss")
    assert project["quota"]["volume"] == {"volumes": 22, "gigabytes": 102}


def test_groups_follow_networks_and_waves_their_order() -> None:
    document = _document(snapshot(wave_limit=3))
    assert [wave["servers"][0] for wave in document["waves"]] == ["hrss-app", "mib-app"]


def test_small_quota_in_the_target_is_a_misfit() -> None:
    small = QuotaSpec(**{**QUOTA.model_dump(), "compute": {"instances": 2}})
    standing = ObservedProject(id="x", name="hrss", quota=small)
    document = _document(snapshot(target_survey(projects=(standing,))))
    (misfit,) = document["fit"]["misfits"]
    assert (misfit["place"], misfit["resource"], misfit["need"]) == ("quota", "instances", 3)


def test_small_cloud_and_full_ledger_are_misfits() -> None:
    taken = dataclasses.replace(snapshot(target_survey(vcpus=5)), ledger={"VCPU": (5, 0)})
    places = {m["place"] for m in _document(taken)["fit"]["misfits"]}
    assert places == {"capacity", "ledger"}


def test_pool_without_room_is_refused() -> None:
    taken = dataclasses.replace(snapshot(), policy=Policy(pools=("10.200.0.0/24",)))
    with pytest.raises(Shortage, match=r"192\.168\.10\.0/24"):
        _document(taken)


def test_unregistered_prefix_is_refused() -> None:
    taken = dataclasses.replace(snapshot(), prefixes=(("hrss", "192.168.10.0/24"),))
    with pytest.raises(InputError, match="mib"):
        _document(taken)


def test_workload_without_server_is_named() -> None:
    taken = snapshot()
    lost = dataclasses.replace(taken.workloads[0], key="ghost", name="ghost")
    with pytest.raises(InputError, match="ghost"):
        _document(dataclasses.replace(taken, workloads=(*taken.workloads, lost)))


def test_portable_document_has_no_identifiers_and_a_hash_of_its_own() -> None:
    document = _document()
    carried = portable(document)
    assert carried["hash"] != document["hash"]
    assert all(s["source"]["id"] is None for s in carried["build"]["servers"])
    assert check_document(carried, schema()) == []
