"""Reconciliation at the size of a province, on PostgreSQL: a register against what six clouds
showed, and the reading of one large cloud.

The machines are made up, and so is the cloud that is read: they are for scale only and say nothing
of what real services answer. Two of a hundred differ, one is in no register, one is gone, and one
of a thousand has a twin of its name. Each run is a process of its own, so that its peak of memory
is its own; the database is a throw-away server without durability, as for the tests.
"""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import text

from bench.measure import Measure
from bench.support import children, province
from tests import postgres
from tests.unit.clouds.conftest import FakeCloud
from tests.unit.clouds.test_streaming import BigCloud
from yunzhang.db import Base, make_engine
from yunzhang.db.tables import load_tables

CHILD = "bench.support.reconciling"
SOURCES = 6
PEAK_MB = 500


def run(quick: bool) -> list[Measure]:
    """All measures; every size has a database of its own."""
    load_tables()
    sizes = {"reconcile_30k": (30_000, 20.0), "reconcile_100k": (100_000, 60.0)}
    shrink = 10 if quick else 1
    found: list[Measure] = []
    for name, (size, goal) in sizes.items():
        found += _reconcile(name, size // shrink, goal, quick)
    return found + _survey(30_000 // shrink, quick)


def _reconcile(name: str, size: int, goal: float, quick: bool) -> list[Measure]:
    sample = f"{size:,} machines" if quick else ""
    with tempfile.TemporaryDirectory() as folder, postgres.server() as url:
        engine = make_engine(url)
        Base.metadata.create_all(engine)
        with engine.begin() as connection:
            province.add_owners(connection)
            connection.execute(text(
                f"UPDATE cloud_platform SET cloud_name = 'cloud-' || id % {SOURCES}"))  # fmt: skip
        _declare(engine, size)
        env = children.environment(url, Path(folder) / "state")
        kept = children.run_child(CHILD, "keep", str(size), env=env)
        first = children.run_child(CHILD, "reconcile", env=env)
        again = children.run_child(CHILD, "reconcile", env=env)
        engine.dispose()
    _check(size, first, again)
    peak = max(first["peak_mb"], again["peak_mb"])
    return [
        Measure(name.replace("reconcile", "keep"), size / kept["seconds"], "rows/s", 1_000, "high",
                kept["seconds"], kept["peak_mb"], sample),
        Measure(name, first["seconds"], "s", goal, "low", first["seconds"], first["peak_mb"],
                sample),
        Measure(f"{name}_again", again["seconds"], "s", goal, "low", again["seconds"],
                again["peak_mb"], sample),
        Measure(f"{name}_peak_mb", peak, "MiB", PEAK_MB, "low", first["seconds"], peak, sample),
    ]  # fmt: skip


def _declare(engine: Any, size: int) -> None:
    """Workloads as the child's `machine` shows them, but for those that are to differ."""
    with engine.begin() as connection:
        connection.execute(text(
            "INSERT INTO workload (code, name, system_code, unit_code, platform_code, project,"
            " vcpu, ram_mib, disk_gib, data_gib, domain_code, networks, addresses, platform_uuid,"
            " state, revision, note, created_at, updated_at) SELECT 'w' || n, 'vm-' || n,"
            " 's' || c, 'u' || c, 'p' || c, 'project-' || c, 2, 4096, 40, 0, 'd' || c,"
            " '[\"net\"]', jsonb_build_array('10.' || (n >> 16) % 256 || '.' || (n >> 8) % 256"
            " || '.' || n % 256), CASE WHEN n % 10 < 6 THEN lpad(to_hex(n), 8, '0') ||"
            " '-0000-4000-8000-000000000001' END, 'verified', 1, '', now(), now()"
            f" FROM (SELECT n, lpad((n % {province.UNITS})::text, 4, '0') c"
            f" FROM generate_series(0, {size - 1}) n) s"))  # fmt: skip
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _check(size: int, first: dict[str, Any], again: dict[str, Any]) -> None:
    """A figure of work that was not done right is none."""
    if not 0.97 * size <= first["matched"] <= size or again["changes"]:
        raise RuntimeError(f"{first} {again}")


def _survey(size: int, quick: bool) -> list[Measure]:
    """A full reading of a made-up cloud through its HTTP lists, spooled and kept."""
    sample = f"{size:,} servers" if quick else ""
    with tempfile.TemporaryDirectory() as name, postgres.server() as url:
        folder = Path(name)
        engine = make_engine(url)
        Base.metadata.create_all(engine)
        engine.dispose()
        env = children.environment(url, folder / "state")
        with _cloud(folder / "clouds.yaml", size):
            env["YUNZHANG_CLOUDS"] = str(folder / "clouds.yaml")
            told = children.run_child(CHILD, "survey", env=env)
    if told["servers"] != size:
        raise RuntimeError(f"{told}")
    return [
        Measure("survey_30k", told["seconds"], "s", 180, "low", told["seconds"], told["peak_mb"],
                sample),
        Measure("survey_30k_peak_mb", told["peak_mb"], "MiB", PEAK_MB, "low", told["seconds"],
                told["peak_mb"], sample),
    ]  # fmt: skip


@contextmanager
def _cloud(file: Path, size: int) -> Iterator[None]:
    """The fake cloud of the tests, grown to `size` servers, in this process."""
    cloud = FakeCloud()
    BigCloud(cloud, size)
    thread = threading.Thread(target=cloud.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    entry = {
        "auth": {
            "auth_url": f"{cloud.url}/v3", "username": "admin", "password": "right",
            "project_name": "admin", "user_domain_name": "Default",
            "project_domain_name": "Default",
        },
        "region_name": "one",
        "identity_api_version": 3,
    }  # fmt: skip
    file.write_text(json.dumps({"clouds": {"one": entry}}))
    file.chmod(0o600)
    try:
        yield
    finally:
        cloud.shutdown()
        cloud.server_close()
        thread.join()
