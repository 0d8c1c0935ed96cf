"""Child of bench.reconciliation: keep machines, reconcile, or read a cloud; tells its figures."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

from bench.measure import peak_mb, timed
from bench.support.province import UNITS
from yunzhang import clock
from yunzhang.db import transaction
from yunzhang.discovery import findings, keeping, service
from yunzhang.discovery.keeping import Reading, Record
from yunzhang.units.scope import SYSTEM

SOURCES = 6


def machine(number: int) -> Record | None:
    """Machine `number` of the province as its cloud shows it; None: it is gone."""
    if number % 100 == 99:
        return None
    name = f"vm-{number}" if number % 100 != 98 else f"nobodys-{number}"
    uuid = f"{number:08x}-0000-4000-8000-000000000001"
    return _server(uuid, name, number, 4 if number % 50 == 7 else 2)


def _server(uuid: str, name: str, number: int, vcpus: int) -> Record:
    unit = f"{number % UNITS:04}"
    stray = name.startswith("nobodys")
    address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    nic = {
        "port_id": f"port-{uuid}", "name": "", "description": "", "network_id": f"net-{unit}",
        "mac_address": f"fa:16:{number >> 24 & 255:02x}:{number >> 16 & 255:02x}:"
                       f"{number >> 8 & 255:02x}:{number & 255:02x}",
        "addresses": [] if stray else [[f"subnet-{unit}", address]],
        "security_groups": ["g"], "port_security_enabled": True, "allowed_pairs": [],
    }  # fmt: skip
    payload: dict[str, Any] = {
        "id": uuid, "name": name, "project_id": f"project-{unit}", "user_id": "u",
        "status": "ACTIVE", "locked": False, "description": "", "flavor": "small",
        "vcpus": vcpus, "ram_mib": 4096, "disk_gib": 40, "image_id": "image", "key_name": "key",
        "nics": [nic], "attachments": [], "root_device": "/dev/vda", "metadata": {},
        "availability_zone": "nova", "host": "h", "config_drive": False, "tags": [],
    }  # fmt: skip
    return keeping.record("servers", uuid, name, payload, project_id=f"project-{unit}")


def _machines(size: int, source: int) -> Iterator[Record]:
    for number in range(size):
        # as the bench shares out platforms: their identifiers begin at 1
        if (number % UNITS + 1) % SOURCES != source:
            continue
        shown = machine(number)
        if shown is not None:
            yield shown
        if number % 1_000 == 7:  # a twin of its name, with another identifier
            yield _server(f"{number:08x}-0000-4000-8000-000000000002", f"vm-{number}", number, 2)


def keep(size: int) -> dict[str, Any]:
    """Keep everything the six clouds show."""

    def work() -> None:
        for source in range(SOURCES):
            reading = Reading(f"cloud-{source}", "openstack", clock.now())
            with transaction() as session:
                keeping.keep(session, SYSTEM, reading, _machines(size, source))

    return {"seconds": timed(work)[0]}


def reconcile() -> dict[str, Any]:
    """Compare the register with it."""

    def work() -> findings.Reconciliation:
        with transaction() as session:
            return findings.reconcile_register(session, SYSTEM)

    seconds, result = timed(work)
    told = {"matched": result.matched, "changes": result.changes, "open": result.open}
    return {"seconds": seconds, **told}


def survey() -> dict[str, Any]:
    """Read the cloud `one` in full and keep it."""

    def work() -> int:
        with keeping.spooling() as spool:
            reading = service.read_cloud("one", spool)
            with transaction() as session:
                return keeping.keep(session, SYSTEM, reading, spool).seen["servers"]

    seconds, count = timed(work)
    return {"seconds": seconds, "servers": count}


if __name__ == "__main__":
    figures = {"keep": lambda: keep(int(sys.argv[2])), "reconcile": reconcile, "survey": survey}
    done = figures[sys.argv[1]]()
    sys.stdout.write(json.dumps(done | {"peak_mb": peak_mb()}))
