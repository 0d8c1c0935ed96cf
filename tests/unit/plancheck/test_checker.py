"""The checker finds each fault that is planted in a sound plan."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.surveys import snapshot
from yunzhang.plancheck import check_document
from yunzhang.plans.document import Document, make_content, make_document, schema

Plant = Callable[[Document], Any]


def _server(document: Document, key: str) -> Any:
    return next(s for s in document["build"]["servers"] if s["key"] == key)


def _swap_disks(document: Document) -> None:
    _server(document, "hrss-db")["disks"].reverse()


def _steal_address(document: Document) -> None:
    web, app = _server(document, "hrss-web"), _server(document, "hrss-app")
    app["nics"][0]["addresses"] = web["nics"][0]["addresses"]


PLANTS: dict[str, Plant] = {
    "plancheck.prefix_overlap": lambda d: d["address_book"]["prefixes"][1].update(
        new="10.200.0.0/24"
    ),
    "plancheck.prefix_size": lambda d: d["address_book"]["prefixes"][0].update(new="10.200.0.0/23"),
    "plancheck.prefix_twice": lambda d: d["address_book"]["prefixes"].append(
        d["address_book"]["prefixes"][0]
    ),
    "plancheck.address_twice": lambda d: d["address_book"]["addresses"].append(
        d["address_book"]["addresses"][0]
    ),
    "plancheck.address_homeless": lambda d: d["address_book"]["addresses"][0].update(
        old="172.16.0.1"
    ),
    "plancheck.address_offset": lambda d: d["address_book"]["addresses"][0].update(
        new="10.200.0.99"
    ),
    "plancheck.dangling": lambda d: _server(d, "hrss-web").update(flavor="nowhere"),
    "plancheck.key_twice": lambda d: d["build"]["networks"].append(d["build"]["networks"][0]),
    "plancheck.mac_twice": lambda d: _server(d, "hrss-web")["nics"][0].update(
        mac_address=_server(d, "hrss-app")["nics"][0]["mac_address"]
    ),
    "plancheck.address_outside": lambda d: _server(d, "hrss-web")["nics"][0].update(
        addresses=[["hrss/hrss-net/hrss-net", "10.200.0.1"]]
    ),
    "plancheck.address_held_twice": _steal_address,
    "plancheck.address_unbooked": _steal_address,
    "plancheck.root_disk": lambda d: _server(d, "hrss-db")["disks"][0].update(bootable=False),
    "plancheck.disk_order": _swap_disks,
    "plancheck.disk_size": lambda d: _server(d, "hrss-db")["disks"][1].update(size_gib=0),
    "plancheck.wave_count": lambda d: d["waves"][0]["servers"].remove("hrss-web"),
    "plancheck.torn": lambda d: (
        d["waves"][0]["servers"].remove("hrss-web"),
        d["waves"][1]["servers"].append("hrss-web"),
    ),
    "plancheck.wave_numbers": lambda d: d["waves"][0].update(number=7),
    "plancheck.hold_amount": lambda d: d["holds"][0]["amounts"].update(VCPU=99),
    "plancheck.address_bad": lambda d: d["address_book"]["addresses"][0].update(old="ten"),
    "plancheck.schema": lambda d: d.pop("waves"),
}


@pytest.fixture
def sound() -> Document:
    return make_content(snapshot(wave_limit=3), "2026-11-23T04:00:00+00:00", "wang")


@pytest.mark.parametrize("code", sorted(PLANTS))
def test_planted_fault_is_found(sound: Document, code: str) -> None:
    content = copy.deepcopy(sound)
    PLANTS[code](content)
    document = make_document(content)
    assert code in {fault.code for fault in check_document(document, schema())}


def test_edited_document_is_found_by_its_hash(sound: Document) -> None:
    document = make_document(sound)
    document["id"] = "other"
    assert [f.code for f in check_document(document, schema())] == ["plancheck.hash"]
