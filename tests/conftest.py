"""Fixtures every test may use: a database of each kind, a stopped clock, fresh settings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from sqlalchemy import Engine, inspect, text
from sqlalchemy.orm import Session

from tests import postgres
from yunzhang import audit, clock, settings
from yunzhang.db import Base, database_engine, make_engine
from yunzhang.db.tables import load_tables
from yunzhang.plays import attach_followers

NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)


@pytest.fixture
def noon() -> Iterator[datetime]:
    """The clock stands still at noon, Beijing time."""
    with clock.fixed(NOON):
        yield NOON


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[settings.Settings]:
    """A whole instance's settings under a temporary directory."""
    monkeypatch.setenv("YUNZHANG_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("YUNZHANG_PLANS", str(tmp_path / "plans"))
    settings.current.cache_clear()
    yield settings.current()
    settings.current.cache_clear()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server of the test run's own, on a unix socket."""
    with postgres.server() as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without rows, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/test.db"
    url: str = request.getfixturevalue("postgres_url")
    engine = make_engine(url)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA IF EXISTS dbos CASCADE"))
        # emptying tables is much faster than making them
        names = inspect(connection).get_table_names()
        if names:
            # the audit record refuses to be emptied
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            connection.execute(text(f"TRUNCATE {', '.join(names)} RESTART IDENTITY CASCADE"))
    engine.dispose()
    return url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on a database with all tables."""
    load_tables()
    engine = make_engine(database_url)
    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture(autouse=True)
def attached() -> None:
    """A worker that an earlier test stopped in this process left its followers detached."""
    attach_followers()


@pytest.fixture(autouse=True)
def nowhere() -> None:
    """A command that an earlier test ran in this process said where its acts come from."""
    audit.set_process_origin("")


@pytest.fixture(autouse=True, scope="session")
def cheap_passwords() -> Iterator[None]:
    """Hashing a password is slow by design; tests of other things need not wait for it."""
    with pytest.MonkeyPatch.context() as patch:
        cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        patch.setattr("yunzhang.access.passwords._hasher", cheap)
        yield


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session on an empty database."""
    with Session(engine, expire_on_commit=False) as session:
        yield session


@pytest.fixture
def running(
    engine: Engine,
    database_url: str,
    instance: settings.Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[settings.Settings]:
    """An instance whose `db.transaction()` goes to a database with all tables, of each kind."""
    monkeypatch.setenv("YUNZHANG_DATABASE_URL", database_url)
    settings.current.cache_clear()
    yield settings.current()
    database_engine().dispose()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where everything has to run (CI), a test that was skipped fails the run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("YUNZHANG_TESTS_COMPLETE") and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
