"""The register at the size of a province, on PostgreSQL: imports, forecast, free space, lists, and
the Ansible inventory; and the pairs of a list that is not stored.

The full run takes what the goals speak of (100,000 rows imported, 1,000,000 prefixes in 900
domains, 1,000,000 workloads, 30,000 hosts); the quick one a tenth, and says so in `sample`. The
database is a throw-away server without durability, as for the tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from bench.measure import Measure, p95_ms, timed
from bench.support import children, hosts, province
from bench.support.asker import make_operator
from tests import postgres
from yunzhang.db import Base, make_engine
from yunzhang.db.paging import write_cursor
from yunzhang.db.tables import load_tables
from yunzhang.estate.addresses import service as address_service
from yunzhang.units.scope import SYSTEM

CHILDREN = 48_000
TAKERS = 64


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured. `asks`: requests of one kind."""

    imported: int = 100_000
    prefixes: int = 1_000_000
    workloads: int = 1_000_000
    hosts: int = 30_000
    asks: int = 200
    quick: bool = False

    def sample(self, size: int, what: str) -> str:
        """What to say of a smaller sample."""
        return f"{size:,} {what}" if self.quick else ""


QUICK = Sizes(10_000, 100_000, 100_000, 3_000, 50, quick=True)


def run(quick: bool) -> list[Measure]:
    """All measures of issue 3; every one stands alone, so that one that fails hides no other."""
    sizes = QUICK if quick else Sizes()
    load_tables()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with postgres.server() as url:
            engine = make_engine(url)
            Base.metadata.create_all(engine)
            with engine.begin() as connection:
                province.add_owners(connection)
            env = children.environment(url, folder / "state")
            measures = _imports(folder, env, sizes)
            measures += _forecast(engine, sizes)
            measures += _list_conflicts(folder, env, sizes)
            province.add_full_pool(engine, CHILDREN)
            province.add_workloads(engine, sizes.workloads)
            _settle(engine)
            token = make_operator(engine)
            with children.serving(env) as api, _client(api, token) as client:
                measures += _free(client, sizes)
                measures += _lists(client, sizes)
            engine.dispose()
        return measures + _inventory(folder, env, sizes)


def _settle(engine: Engine) -> None:
    """What autovacuum does within a minute of such a load: without it no index is read alone."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _imports(folder: Path, env: dict[str, str], sizes: Sizes) -> list[Measure]:
    count = sizes.imported
    files = {
        "prefixes": (province.write_prefixes(folder / "prefixes.csv", count), 5_000),
        "workloads": (province.write_workloads(folder / "workloads.csv", count), 3_000),
    }
    found, peak, spent = [], 0.0, 0.0
    sample = sizes.sample(count, "rows")
    for sheet, (path, goal) in files.items():
        told = children.run_child("bench.support.importing", str(path), sheet, env=env)
        rate = told["rows"] / told["seconds"]
        found.append(Measure(f"import_{sheet}", rate, "rows/s", goal, "high", told["seconds"],
                             told["peak_mb"], sample))  # fmt: skip
        peak, spent = max(peak, told["peak_mb"]), spent + told["seconds"]
    return [*found, Measure("import_peak_mb", peak, "MiB", 500, "low", spent, peak, sample)]


def _forecast(engine: Engine, sizes: Sizes) -> list[Measure]:
    province.add_prefixes(engine, sizes.prefixes)
    with Session(engine) as session:
        seconds, report = timed(lambda: address_service.find_conflicts(session, SYSTEM))
    if report.prefixes < sizes.prefixes or report.domains != province.UNITS:
        raise RuntimeError(f"{report.prefixes} prefixes in {report.domains} domains")
    sample = sizes.sample(report.prefixes, "prefixes")
    return [Measure("forecast_1m", seconds, "s", 15, "low", seconds, sample=sample)]


def _list_conflicts(folder: Path, env: dict[str, str], sizes: Sizes) -> list[Measure]:
    """Pairs of a list that is not stored; the child counts them in another way as well."""
    path = province.write_list(folder / "list.csv", sizes.prefixes)
    told = children.run_child("bench.support.listing", str(path), env=env)
    if told["lines"] != sizes.prefixes:
        raise RuntimeError(f"lines: {told}")
    sample = sizes.sample(told["lines"], "lines")
    return [Measure("conflicts_file_1m", told["seconds"], "s", 15, "low", told["seconds"],
                    told["peak_mb"], sample)]  # fmt: skip


def _ask(client: httpx.Client, method: str, path: str, **options: Any) -> dict[str, Any]:
    answer = client.request(method, path, **options)
    answer.raise_for_status()
    told: dict[str, Any] = answer.json()
    return told


def _client(api: str, token: str) -> httpx.Client:
    return httpx.Client(base_url=api, timeout=60, headers={"Authorization": f"Bearer {token}"})


def _free(client: httpx.Client, sizes: Sizes) -> list[Measure]:
    """Taking through HTTP: one caller after another, then many at once."""
    path, asked = "/estate/domains/full/free", {"length": 24}
    take = partial(_ask, client, "POST", path, json=asked)
    take()
    p95, spent = p95_ms([take] * sizes.asks)
    with ThreadPoolExecutor(TAKERS) as threads:
        ask: Callable[[int], str] = lambda _: take()["cidr"]  # noqa: E731
        seconds, taken = timed(lambda: list(threads.map(ask, range(TAKERS))))
    return [
        Measure("next_free_p95_ms", p95, "ms", 25, "low", spent),
        Measure("takers_distinct", len(set(taken)), "prefixes", TAKERS, "high", seconds),
    ]


def _lists(client: httpx.Client, sizes: Sizes) -> list[Measure]:
    """Pages of all workloads; the deep one by cursor and, as people jump, by offset."""
    deep = sizes.workloads * 9 // 10
    narrow = {"city": "450100", "state": "verified"}
    asks: dict[str, dict[str, Any]] = {
        "list_first": {},
        "list_900k": {"cursor": write_cursor("after", [f"w{deep - 1:07}"])},
        "list_900k_offset": {"offset": deep},
        "list_city_state_first": narrow,
        "list_city_state_last": narrow | {"cursor": "last"},
    }
    found = []
    sample = sizes.sample(sizes.workloads, "workloads")
    whois = partial(_ask, client, "GET", "/estate/whois", params={"address": "10.1.2.3"})
    if not whois()["domains"]:
        raise RuntimeError("whois: nobody")
    p95, spent = p95_ms([whois] * sizes.asks)
    found.append(Measure("whois_p95_ms", p95, "ms", 100, "low", spent, sample=sample))
    for name, params in asks.items():
        ask = partial(_ask, client, "GET", "/estate/workloads", params=params)
        if len(ask()["items"]) != 100:
            raise RuntimeError(f"{name}: not a full page")
        p95, spent = p95_ms([ask] * sizes.asks)
        found.append(Measure(f"{name}_p95_ms", p95, "ms", 50, "low", spent, sample=sample))
    return found


def _inventory(folder: Path, env: dict[str, str], sizes: Sizes) -> list[Measure]:
    """Our plugin beside one that adds the same hosts from memory, as fast as Ansible allows.

    Own time: from the call of `parse` to its return. The ratio is of the best of two runs of each,
    taken in turn.
    """
    ours, memory = hosts.write_sources(folder, sizes.hosts)
    plugins = children.ROOT / "playbooks" / "plugins" / "inventory", folder / "plugins"
    env = env | {
        "ANSIBLE_INVENTORY_PLUGINS": os.pathsep.join(map(str, plugins)),
        "ANSIBLE_INVENTORY_ENABLED": "yunzhang_register,bench_memory",
    }
    parsed = [
        children.run_child("bench.support.inventory", str(source), name, env=env)
        for source, name in ((ours, "yunzhang_register"), (memory, "bench_memory"))
    ]
    if {told["hosts"] for told in parsed} != {sizes.hosts}:
        raise RuntimeError(f"hosts: {parsed}")
    rounds = [
        [timed(partial(_list_inventory, source, env))[0] for source in (ours, memory)]
        for _ in range(2)
    ]
    listed = [min(times) for times in zip(*rounds, strict=True)]
    sample = sizes.sample(sizes.hosts, "hosts")
    peak, (own, beside) = parsed[0]["peak_mb"], (told["seconds"] for told in parsed)
    return [
        Measure("inventory_own_seconds", own, "s", 2, "low", own, peak, sample, peer=beside),
        Measure("inventory_ratio", listed[0] / listed[1], "×", 1.3, "low",
                sum(map(sum, rounds)), peak, sample),
    ]  # fmt: skip


def _list_inventory(source: Path, env: dict[str, str]) -> None:
    command = [str(Path(sys.executable).with_name("ansible-inventory")), "-i", str(source)]
    subprocess.run([*command, "--list"], check=True, stdout=subprocess.DEVNULL, env=env,
                   cwd=os.environ.get("TMPDIR", "/tmp"))  # fmt: skip
