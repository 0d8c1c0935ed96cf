"""The two small clouds these tests run against: brought up if they are not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from yunzhang import settings

REPOSITORY = Path(__file__).resolve().parents[2]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs the clouds."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.cloud)


def run_devcloud(*words: str) -> None:
    """One devcloud command on the fast profile."""
    command = [sys.executable, "-m", "devcloud", *words, "--profile", "fast"]
    subprocess.run(command, cwd=REPOSITORY, check=True)


def is_seeded() -> bool:
    """Whether the last things that seeding makes are there; seeding again takes 20 seconds."""
    from yunzhang.clouds.connection import connect

    servers = connect("legacy").compute.servers(all_projects=True)
    names = {server.name for server in servers}
    return {f"{unit}-{part}" for unit in ("hrss", "mib") for part in ("web", "app", "db")} <= names


@pytest.fixture(scope="session")
def clouds_ready() -> Iterator[Path]:
    """Both fast clouds are up, legacy is seeded, the settings name them. Yields their directory."""
    if os.geteuid() != 0:
        pytest.skip("THE CLOUD TESTS DID NOT RUN: devcloud needs root")
    run_devcloud("up")
    state = Path(os.environ.get("DEVCLOUD_STATE", REPOSITORY / "var" / "devcloud"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("YUNZHANG_CLOUDS", str(state / "fast" / "clouds.yaml"))
        patch.setenv("YUNZHANG_TRANSFER", str(state / "fast" / "transfer.json"))
        settings.current.cache_clear()
        if not is_seeded():
            run_devcloud("seed", "legacy")
        yield state / "fast"
    settings.current.cache_clear()
