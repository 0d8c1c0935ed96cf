"""A server as a service manager starts and stops it: it seals what it recorded, and ends itself."""

from __future__ import annotations

import signal
import subprocess
import sys
import weakref
from collections.abc import Iterator

import pytest
import uvicorn
from sqlalchemy import text

from tests.integration.execution.conftest import wait_for
from tests.integration.operations.served import MAIN, free_port, yunzhang
from yunzhang import audit, clock, db, settings
from yunzhang.audit import repository
from yunzhang.cli.server import heed_signals
from yunzhang.db import database_engine
from yunzhang.db.migration import current_revision, list_revisions, upgrade_database
from yunzhang.errors import Conflict
from yunzhang.workflows import executors
from yunzhang.workflows.upgrades import check_current, upgrade_alone


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


def test_tables_are_not_changed_under_a_server_that_runs(migrated: settings.Settings) -> None:
    """An upgrade beside an older server took its tables away while it wrote to them."""
    port = free_port()
    with yunzhang(port) as server:
        wait_for(executors.any_alive)
        # as a newer version finds it: its own tables are one revision on
        with database_engine().begin() as connection:
            earlier = {"v": list_revisions()[-2]}
            connection.execute(text("UPDATE alembic_version SET version_num = :v"), earlier)
        with pytest.raises(Conflict) as raised:
            upgrade_alone()
        assert raised.value.code == "db.in_use"
        assert ":serve:0" in raised.value.message
        assert current_revision() == earlier["v"]
        with database_engine().begin() as connection:
            newest = {"v": list_revisions()[-1]}
            connection.execute(text("UPDATE alembic_version SET version_num = :v"), newest)
        # nothing to change, nothing to refuse
        assert upgrade_alone() == newest["v"]
        server.terminate()
        assert server.wait(60) == 0
    assert not executors.any_alive()


@pytest.mark.parametrize("command", ["serve", "worker", "db"])
def test_an_older_version_does_not_work_on_newer_tables(
    migrated: settings.Settings, command: str
) -> None:
    with database_engine().begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999_later'"))
    words = {"serve": ["serve", "--port", str(free_port())], "db": ["db", "upgrade"]}
    done = subprocess.run(
        [sys.executable, "-c", MAIN, *words.get(command, [command])],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == Conflict.exit_code
    assert "9999_later" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_worker_does_not_work_on_older_tables(instance: settings.Settings) -> None:
    upgrade_database(to=list_revisions()[-2])
    with pytest.raises(Conflict) as raised:
        check_current()
    assert raised.value.code == "db.not_migrated"
    database_engine().dispose()


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
