"""A server as a service manager starts and stops it: it seals what it recorded, and ends itself."""

from __future__ import annotations

import signal
import subprocess
import sys
import weakref
from collections.abc import Iterator

import pytest
import uvicorn

from tests.integration.execution.conftest import wait_for
from tests.integration.operations.served import MAIN, free_port
from yunzhang import audit, clock, db, settings
from yunzhang.audit import repository
from yunzhang.cli.server import heed_signals
from yunzhang.db.migration import upgrade_database


@pytest.fixture
def migrated(instance: settings.Settings) -> Iterator[settings.Settings]:
    """An instance on SQLite with the tables of the newest revision."""
    upgrade_database()
    yield instance
    db.database_engine().dispose()


def raise_in_clean_up(number: signal.Signals) -> None:
    """Get a signal in the middle of what Python does when an object goes."""
    watched = settings.Settings()
    kept = weakref.ref(watched, lambda _: signal.raise_signal(number))
    del watched
    assert kept() is None


def test_a_signal_while_python_cleans_up_was_lost() -> None:
    """What a handler raises inside the clean-up of an object is ignored; a server never stopped."""
    server = uvicorn.Server(uvicorn.Config("unused:app"))
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    heed_signals(server)
    try:
        for number in before:
            server.should_exit = False
            raise_in_clean_up(number)
            assert server.should_exit
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.usefixtures("migrated")
def test_a_server_told_to_stop_while_it_starts_ends_with_0(number: signal.Signals) -> None:
    command = [sys.executable, "-u", "-c", MAIN, "serve", "--port", str(free_port())]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout is not None
            server.stdout.readline()
            server.send_signal(number)
            assert server.wait(60) == 0
        finally:
            server.kill()


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
