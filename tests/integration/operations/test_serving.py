"""A server as a service manager starts and stops it: it seals what it recorded, and ends itself."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.integration.execution.conftest import wait_for
from yunzhang import audit, clock, db, settings
from yunzhang.audit import repository
from yunzhang.db.migration import upgrade_database

MAIN = "from yunzhang.cli import main; main()"


@pytest.fixture
def migrated(instance: settings.Settings) -> Iterator[settings.Settings]:
    """An instance on SQLite with the tables of the newest revision."""
    upgrade_database()
    yield instance
    db.database_engine().dispose()


def free_port() -> int:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def blocks() -> int:
    with db.reading() as session:
        last = repository.last_block(session)
        return last.number if last else 0


@pytest.mark.parametrize("command", ["serve", "worker"])
@pytest.mark.usefixtures("migrated")
def test_a_stopped_server_left_nothing_unsealed_and_ends_with_0(command: str) -> None:
    with db.transaction() as session:
        audit.record(session, "wang", "approve", "plan", "plan-1")
    options = ["--port", str(free_port())] if command == "serve" else []
    server = subprocess.Popen([sys.executable, "-c", MAIN, command, *options])
    try:
        wait_for(lambda: blocks() > 0)
        begin = clock.monotonic()
        # so that it is not always the second's own tick that seals
        clock.pause(0.3)
        with db.transaction() as session:
            audit.record(session, "wang", "approve", "plan", "plan-2")
        server.send_signal(signal.SIGTERM)
        assert server.wait(60) == 0
        assert clock.monotonic() - begin < 60
    finally:
        server.kill()
        server.wait()
    with db.reading() as session:
        seen = audit.examine(session)
    assert (seen.fault, seen.waiting) == (None, 0)
    assert seen.anchors == seen.blocks >= 2
