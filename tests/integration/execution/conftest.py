"""An instance with tables, short leases and a folder of playbooks; nothing outlives its test."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from yunzhang import clock, db, plays, settings
from yunzhang.db import Base
from yunzhang.db.engine import _engine
from yunzhang.db.tables import load_tables
from yunzhang.plays import processes

ROOT = Path(__file__).parents[3]
MAIN = "import sys; from tests.integration.execution.children import main; main(sys.argv[1:])"


def wait_for(condition: Callable[[], object], seconds: float = 40.0) -> None:
    """Wait until `condition` holds; fail when it does not in time."""
    deadline = clock.monotonic() + seconds
    while not condition():
        assert clock.monotonic() < deadline, "did not come about in time"
        clock.pause(0.05)


def lines(file: Path) -> list[str]:
    """The lines of a file that may not be there yet."""
    return file.read_text().split("\n")[:-1] if file.exists() else []


class House:
    """What a test works with: a folder, playbooks in it, and processes that die with the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.trace = folder / "trace"
        self.children: list[subprocess.Popen[bytes]] = []

    def write_playbook(self, *tasks: dict[str, object], name: str = "play.yml") -> str:
        """A playbook of these tasks on this machine; its name."""
        play = {"hosts": "localhost", "gather_facts": False, "tasks": list(tasks)}
        (self.folder / name).write_text(yaml.safe_dump([play]))
        return name

    def counting(self, *words: str, pause: float = 0.2) -> dict[str, object]:
        """A task that writes each word into the trace, then waits."""
        command = f"echo {{{{ item }}}} >> {self.trace}; sleep {pause}"
        return {"name": "count", "ansible.builtin.shell": command, "loop": list(words)}

    def spawn(self, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        """A process of our own: see children.py."""
        child = subprocess.Popen(
            # imported, not run, so that its steps have the same names as in this process
            [sys.executable, "-c", MAIN, *arguments],
            cwd=ROOT,
            env={**os.environ, **environment},
        )
        self.children.append(child)
        return child

    def kill(self, child: subprocess.Popen[bytes]) -> None:
        """kill -9."""
        child.send_signal(signal.SIGKILL)
        child.wait()

    def close(self) -> None:
        """End whatever still runs."""
        for child in self.children:
            self.kill(child)
        runs = settings.current().state / "runs"
        for step in runs.iterdir() if runs.is_dir() else ():
            processes.kill_step_processes(step.name)


@pytest.fixture
def house(
    instance: settings.Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[House]:
    """An instance on SQLite."""
    yield from _open_house(tmp_path, monkeypatch)


@pytest.fixture
def shared_house(
    instance: settings.Settings,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[House]:
    """An instance on a database of each kind."""
    monkeypatch.setenv("YUNZHANG_DATABASE_URL", database_url)
    yield from _open_house(tmp_path, monkeypatch)


def _open_house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setenv("YUNZHANG_PLAYBOOKS", str(tmp_path))
    monkeypatch.setenv("YUNZHANG_LEASE_SECONDS", "8")
    monkeypatch.setenv("YUNZHANG_HEARTBEAT_SECONDS", "1")
    settings.current.cache_clear()
    load_tables()
    Base.metadata.create_all(db.database_engine())
    plays.attach_followers()
    house = House(tmp_path)
    yield house
    house.close()
    db.database_engine().dispose()
    _engine.cache_clear()
