"""A filled instance for tests of what reads: a small estate, a signed plan, and a wave that ran.

The clouds and plays are stood in for by what their steps return; everything after that, facts,
states and ledger, is the product's own.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from tests.estates import make_approved_plan
from tests.surveys import PROJECTS, ROLES, source_survey, target_survey
from yunzhang import clock, db
from yunzhang.access import service as access
from yunzhang.clouds.specs import CloudSpec, ServerSpec
from yunzhang.discovery.service import keep_survey
from yunzhang.estate.addresses.blocks import parse_block
from yunzhang.estate.models import (
    AddressDomain,
    CloudPlatform,
    InfoSystem,
    Prefix,
    PrivateNetwork,
    Site,
    Workload,
)
from yunzhang.moves import execution, service
from yunzhang.moves.models import CloudObject, Wave
from yunzhang.moves.states import STEP_NAMES
from yunzhang.plays import repository as plays
from yunzhang.plays.results import PlayResult
from yunzhang.units.models import Unit
from yunzhang.units.scope import SYSTEM
from yunzhang.units.service import load_divisions
from yunzhang.workflows.models import Worker

BEGUN = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
# (code, name, division): two units whose networks overlap, and one nothing is moved of
UNITS = (
    ("U-hrss", "自治区人力资源和社会保障厅", "450000"),
    ("U-mib", "南宁市医疗保障局", "450102"),
    ("U-lz", "柳州市数据局", "450200"),
)
SECONDS = (4, 6, 9, 3, 5, 12, 21, 96, 48, 33, 41, 2)


def _recorded(**values: Any) -> dict[str, Any]:
    now = clock.now()
    return {"state": "verified", "revision": 1, "created_at": now, "updated_at": now, **values}


def make_register(session: Session) -> None:
    """Three units; the first two have three workloads each on the same addresses, the last two."""
    load_divisions(session, SYSTEM)
    for code, name, division in UNITS:
        key = code.removeprefix("U-")
        level = "region" if division == "450000" else "city"
        session.add_all(
            [
                Unit(**_recorded(code=code, name=name, division_code=division, level=level)),
                Site(**_recorded(code=f"S-{key}", name=f"{name}机房", unit_code=code,
                                 division_code=division)),
                PrivateNetwork(**_recorded(code=f"N-{key}", name=f"{name}专网", unit_code=code,
                                           reach="region", ministry_run=False, zone="common")),
                AddressDomain(**_recorded(code=key, name=f"{name}地址域", network_code=f"N-{key}")),
                CloudPlatform(**_recorded(code=f"P-{key}", name=f"{name}云", unit_code=code,
                                          kind="cloud", technology="openstack",
                                          cloud_name="legacy")),
                InfoSystem(**_recorded(code=f"Y-{key}", name=f"{name}业务系统", unit_code=code,
                                       mlps_level=3, zone="common")),
            ]
        )  # fmt: skip
        _add_prefix(session, key)
        for role in ROLES if key in PROJECTS else ROLES[:2]:
            _add_workload(session, code, key, role)
    session.flush()


def _add_prefix(session: Session, domain: str) -> None:
    block = parse_block("192.168.10.0/24")
    session.add(
        Prefix(
            **_recorded(domain_code=domain, cidr="192.168.10.0/24", family=4, role="leaf"),
            lo=f"{block.lo:032x}",
            hi=f"{block.hi:032x}",
            network_name=f"{domain}-net",
        )
    )


def _add_workload(session: Session, unit: str, key: str, role: str) -> None:
    session.add(
        Workload(
            **_recorded(code=f"{key}-{role}", name=f"{key}-{role}", unit_code=unit),
            system_code=f"Y-{key}",
            platform_code=f"P-{key}",
            project=key,
            vcpu=2,
            ram_mib=4096,
            disk_gib=40,
            data_gib=100,
            domain_code=key,
            networks=[f"{key}-net"],
            addresses=[f"192.168.10.{11 + ROLES.index(role)}"],
        )
    )


def digest_of(key: str) -> str:
    """A stand-in for the digest of a disk."""
    return (key.encode().hex() * 64)[:64]


def _made(name: str, server: ServerSpec, at: datetime) -> list[dict[str, Any]]:
    def one(kind: str, key: str, **details: Any) -> dict[str, Any]:
        return {"cloud": "gov", "kind": kind, "key": key, "id": f"id-{key}", "details": details}

    told = at.isoformat(timespec="seconds")
    if name in ("copy_disks", "verify_disks"):
        return [
            one(
                "copy", disk.key, sha256=digest_of(disk.key), bytes=disk.size_gib << 30, seconds=8.5
            )
            for disk in server.disks
        ]
    if name == "stop_sources":
        return [one("source_power", server.key, at=told) | {"cloud": "legacy"}]
    if name == "validate_targets":
        seen = [address for nic in server.nics for _, address in nic.addresses]
        line = f"\x1b[1m{server.name}\x1b[0m login: READY <ok>"
        return [one("server", server.key, at=told, console_line=line, addresses=seen)]
    return []


def _play(wave_id: int, name: str, *, fault: str = "") -> None:
    """Let a step of a wave take its time, say what it did, and settle it."""
    seconds = SECONDS[STEP_NAMES.index(name)]
    begun = clock.now()
    assert execution.begin_step(wave_id, name) == "go"
    with db.transaction() as session:
        spec = execution.wave_spec(session, session.get_one(Wave, wave_id))
        _record(session, wave_id, name, spec)
        add_events(session, f"wave-{wave_id}-{name}", 1, begun, 3)
    ended = begun + timedelta(seconds=seconds)
    with clock.fixed(ended):
        made = [made for server in spec.servers for made in _made(name, server, ended)]
        result = PlayResult(status="successful", rc=0, results={name: {"made": made}})
        if fault:
            told = [{"host": "localhost", "task": name, "message": fault}]
            result = PlayResult(status="failed", rc=2, failures=told)
        execution.settle_step(wave_id, name, result)


def _record(session: Session, wave_id: int, step: str, spec: CloudSpec) -> None:
    kinds = {"stop_sources": "source_power", "copy_disks": "temporary", "boot_targets": "server"}
    if step not in kinds:
        return
    version = session.get_one(Wave, wave_id).version_id
    session.add_all(
        CloudObject(
            version_id=version,
            wave_id=wave_id,
            step=step,
            cloud="gov" if step == "boot_targets" else "legacy",
            kind=kinds[step],
            key=server.key,
            act="create",
            project=server.project,
            name=server.name,
            before={},
            recorded_at=clock.now(),
        )
        for server in spec.servers
    )


def add_events(session: Session, step_id: str, first: int, at: datetime, count: int) -> None:
    """Events of a step's play with counters from `first` on."""
    plays.add_events(
        session,
        [
            {
                "step_id": step_id,
                "attempt": 1,
                "counter": number,
                "at": at,
                "kind": "runner_on_ok",
                "host": "localhost",
                "task": f"task {number}",
                "result": {},
                "stdout": f"ok: [localhost] {number}\nchanged",
            }
            for number in range(first, first + count)
        ],
    )


def make_wave(*, until: str | None = None, fault: str = "") -> int:
    """Sign the plan `demo` and run its wave, to the end or until a step fails; the wave's id.

    Works through `db.transaction()`: for the `running` fixture.
    """
    with db.transaction() as session:
        make_approved_plan(session)
        wave_id = service.start_wave(session, SYSTEM, "demo", 1).id
    at = BEGUN
    for name, seconds in zip(STEP_NAMES, SECONDS, strict=True):
        with clock.fixed(at):
            _play(wave_id, name, fault=fault if name == until else "")
        at += timedelta(seconds=seconds + 1)
        if name == until:
            return wave_id
    with clock.fixed(at):
        execution.complete_wave(wave_id)
    return wave_id


def accept_wave() -> None:
    """Wang accepts the wave."""
    with db.transaction() as session:
        service.accept_wave(session, access.principal_of(session, "wang"), "demo", 1)


def make_instance() -> int:
    """Everything: register, surveys, plan, an accepted wave, a worker; the wave's id."""
    with db.transaction() as session, clock.fixed(BEGUN):
        make_register(session)
        for survey in (source_survey(), target_survey()):
            keep_survey(session, SYSTEM, survey, BEGUN - timedelta(seconds=20))
    wave_id = make_wave()
    accept_wave()
    with db.transaction() as session:
        add_worker(session, "host:serve:0", db.database_now(session))
        add_worker(session, "host:worker:0", db.database_now(session) - timedelta(hours=1))
    return wave_id


def add_worker(session: Session, executor: str, beat_at: datetime) -> None:
    """A worker of another machine that was last heard of at `beat_at`."""
    session.add(
        Worker(
            executor_id=executor,
            token=executor,
            host="host",
            boot_id="another",
            lock_file="/nowhere",
            pid=1,
            beat_seconds=2.0,
            started_at=beat_at,
            beat_at=beat_at,
        )
    )
