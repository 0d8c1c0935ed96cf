"""Large clouds pass through page by page, and deltas tell what is gone.

The cloud here is a fake: it exists for size and for the order of questions only. What real
services answer is tested in tests/cloud.
"""

from __future__ import annotations

import tracemalloc
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.unit.clouds.conftest import FakeCloud
from yunzhang import clock, db
from yunzhang.clouds.changes import stream_changes
from yunzhang.clouds.observed import Observed
from yunzhang.clouds.survey import BATCH, stream_cloud, survey_cloud
from yunzhang.discovery import keeping, repository, service
from yunzhang.settings import Settings
from yunzhang.units.scope import SYSTEM

KNOWN = {"projects": {"p"}, "networks": {"net"}, "security_groups": {"g"}}
EMPTY = {
    "/v3/domains": "domains", "/v3/role_assignments": "role_assignments",
    "/network/v2.0/networks": "networks", "/network/v2.0/subnets": "subnets",
    "/network/v2.0/routers": "routers", "/network/v2.0/security-groups": "security_groups",
    "/network/v2.0/address-groups": "address_groups", "/image/v2.0/images": "images",
    "/image/images": "images", "/image/v2/images": "images",
    "/compute/v2.1/flavors/detail": "flavors",
    "/placement/resource_providers": "resource_providers",
    "/volume/v3/scheduler-stats/get_pools": "pools",
}  # fmt: skip
SERVERS, PORTS = "/compute/v2.1/servers/detail", "/network/v2.0/ports"
VOLUMES = "/volume/v3/volumes/detail"


def server(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"s{number:06d}", "name": f"vm-{number}", "tenant_id": "p", "user_id": "u",
        "status": "ACTIVE", "locked": False, "description": None, "image": "", "metadata": {},
        "flavor": {"original_name": "small", "vcpus": 1, "ram": 256, "disk": 1},
        "addresses": {}, "os-extended-volumes:volumes_attached": [{"id": f"v{number:06d}"}], **more,
    }  # fmt: skip


def port(owner: str, group: str = "g") -> dict[str, Any]:
    return {
        "id": f"port-{owner}", "name": "", "network_id": "net", "device_owner": "compute:nova",
        "device_id": owner, "mac_address": "fa:16:3e:00:00:01", "fixed_ips": [],
        "security_groups": [group], "created_at": "2026-01-01T00:00:00Z",
    }  # fmt: skip


def volume(number: int) -> dict[str, Any]:
    attached = {"server_id": f"s{number:06d}", "device": "/dev/vda"}
    return {
        "id": f"v{number:06d}", "name": "", "description": "", "size": 10, "status": "in-use",
        "bootable": "true", "os-vol-tenant-attr:tenant_id": "p", "attachments": [attached],
    }  # fmt: skip


class BigCloud:
    """Answers the lists of a cloud of `size` servers, one port and one volume each."""

    def __init__(self, fake: FakeCloud, size: int) -> None:
        self.fake, self.size = fake, size
        self.longest = 0
        self.asked: list[int] = []
        fake.listing = self.answer

    def answer(self, whole: str) -> tuple[int, Any] | None:
        split = urlsplit(whole)
        path, query = split.path, parse_qs(split.query)
        self.longest = max(self.longest, len(whole))
        if path in EMPTY:
            return 200, {EMPTY[path]: []}
        if path == "/v3/projects":
            return 200, {"projects": [{"id": "p", "name": "p", "domain_id": "default",
                                       "description": ""}]}  # fmt: skip
        if "quota" in path:
            return 200, {"quota": {}, "quota_set": {}}
        if path in (SERVERS, VOLUMES):
            key, make = ("servers", server) if path == SERVERS else ("volumes", volume)
            return 200, self._page(key, make, query)
        return (200, {"ports": self._ports(query)}) if path == PORTS else None

    def _ports(self, query: dict[str, list[str]]) -> list[dict[str, Any]]:
        owners = query.get("device_id", [])
        if owners:
            self.asked.append(len(owners))
        return [port(owner) for owner in owners]

    def _page(self, key: str, make: Any, query: dict[str, list[str]]) -> dict[str, Any]:
        limit = int(query["limit"][0])
        start = int(query.get("marker", ["0"])[0])
        end = min(start + limit, self.size)
        body: dict[str, Any] = {key: [make(number) for number in range(start, end)]}
        if end < self.size:
            href = f"http://elsewhere/x?all_tenants=1&limit={limit}&marker={end}"
            body[f"{key}_links"] = [{"rel": "next", "href": href}]
        return body


def peak_of(fake: FakeCloud, size: int) -> tuple[int, dict[str, int]]:
    BigCloud(fake, size)
    counts: dict[str, int] = {}

    def count(kind: str, _thing: Observed) -> None:
        counts[kind] = counts.get(kind, 0) + 1

    tracemalloc.start()
    stream_cloud("one", count)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak, counts


def test_memory_does_not_grow_with_the_cloud(fake_cloud: FakeCloud) -> None:
    peak_of(fake_cloud, 500)  # what is imported and kept once
    small, _ = peak_of(fake_cloud, 1_000)
    large, counts = peak_of(fake_cloud, 4_000)
    assert counts == {"projects": 1, "servers": 4_000, "volumes": 4_000}
    # names of devices are what grows: some 0.3 KiB for each server, not the server itself
    assert large - small < 3_000 * 600, (small, large)


def test_ports_are_asked_for_in_batches_that_fit_an_address(fake_cloud: FakeCloud) -> None:
    big = BigCloud(fake_cloud, 250)
    found = survey_cloud("one")
    assert big.asked == [BATCH, BATCH, 50]
    assert big.longest < 8192
    assert all(len(one.nics) == len(one.attachments) == 1 for one in found.servers)


def changed(fake: FakeCloud, *servers: dict[str, Any]) -> None:
    listing = fake.listing

    def answer(whole: str) -> tuple[int, Any] | None:
        split = urlsplit(whole)
        query = parse_qs(split.query)
        if split.path == SERVERS and "changes-since" in query:
            return 200, {"servers": list(servers)}
        if split.path.endswith("/os-volume_attachments"):
            number = int(split.path.split("/")[-2][1:])
            own = {"volumeId": f"v{number:06d}", "device": "/dev/vda"}
            return 200, {"volumeAttachments": [own]}
        if split.path.startswith("/volume/v3/volumes/v"):
            return 200, {"volume": volume(int(split.path[-6:])) | {"size": 20}}
        found: tuple[int, Any] | None = listing(whole)
        return found

    fake.listing = answer


def test_a_delta_tells_changed_and_deleted_servers(fake_cloud: FakeCloud) -> None:
    BigCloud(fake_cloud, 3)
    changed(fake_cloud, server(1, name="new"), server(2, status="DELETED"))
    seen: list[tuple[str, str, str]] = []
    gone: list[str] = []
    known = stream_changes(
        "one", clock.now(), KNOWN, lambda k, t: seen.append((k, t.id, t.name)), gone.append
    )
    assert known
    assert seen == [("servers", "s000001", "new"), ("volumes", "v000001", "")]
    assert gone == ["s000002"]


@pytest.mark.parametrize("kind", sorted(KNOWN))
def test_something_unknown_asks_for_a_full_reading(fake_cloud: FakeCloud, kind: str) -> None:
    BigCloud(fake_cloud, 3)
    changed(fake_cloud, server(1))
    known = {**KNOWN, kind: set()}
    assert not stream_changes("one", clock.now(), known, lambda _k, _t: None, lambda _id: None)


def test_deltas_follow_a_full_reading_until_one_is_due(
    fake_cloud: FakeCloud, running: Settings, noon: Any
) -> None:
    BigCloud(fake_cloud, 3)
    with keeping.spooling() as spool, db.transaction() as session:
        assert service.delta_base(session, "one") is None  # never read
        reading = service.read_cloud("one", spool)
        keeping.keep(session, SYSTEM, reading, spool)
        base = service.delta_base(session, "one")
        assert base is not None
        run, known = base
        assert known["projects"] == {"p"}
    changed(fake_cloud, server(2, status="DELETED"))
    with keeping.spooling() as spool, db.transaction() as session:
        reading = service.read_cloud("one", spool, changes_since=run, known=known)
        assert reading.mode == "delta"
        outcome = keeping.keep(session, SYSTEM, reading, spool)
        assert (outcome.gone, outcome.seen["servers"]) == ({"servers": 1}, 2)
        latest = repository.latest_run(session, "one")
        assert latest is not None
        assert (latest.mode, latest.machines) == ("delta", 2)
    changed(fake_cloud, server(1))  # on a network no reading knows
    with keeping.spooling() as spool:
        reading = service.read_cloud("one", spool, changes_since=run, known=known)
        assert reading.mode == "full"
        assert len([r for r in spool if r.kind == "servers"]) == 3
    with clock.fixed(noon + timedelta(hours=25)), db.reading() as session:
        assert service.delta_base(session, "one") is None
