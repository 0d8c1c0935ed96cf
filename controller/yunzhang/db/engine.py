"""Engines for SQLite (embedded, WAL) and PostgreSQL (shared)."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, make_url

from yunzhang import settings

# How long a writer waits for another one before it gives up, in milliseconds.
SQLITE_BUSY_MS = 30_000
# Execution option of connections that only read.
READING = "yunzhang_reading"


def _prepare_sqlite(connection: Any, _: Any) -> None:
    # autocommit is off, so that `begin` below decides when a transaction starts
    connection.isolation_level = None
    cursor = connection.cursor()
    # WAL lets readers and one writer work at once; NORMAL cannot corrupt, and a checkpoint lost in
    # a power cut costs one step that is probed and run again.
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute(f"PRAGMA busy_timeout={SQLITE_BUSY_MS}")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin(connection: Any) -> None:
    # A deferred transaction that turns into a writer fails at once when another writes; an
    # immediate one waits for its turn. Only who promised to read may start deferred.
    deferred = connection.get_execution_options().get(READING, False)
    connection.exec_driver_sql("BEGIN" if deferred else "BEGIN IMMEDIATE")


def make_engine(url: str | URL) -> Engine:
    """An engine for `url`, with the directory of a SQLite file made when it is missing."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed, pool_pre_ping=True)
    if parsed.database and parsed.database != ":memory:":
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin)
    return engine


def durable_url() -> URL:
    """The URL of the durable engine's tables.

    On SQLite they have a file of their own: Alembic must not see them, nor writers wait for them.
    """
    url = make_url(settings.current().engine_database)
    if url.get_backend_name() == "sqlite" and url == make_url(settings.current().database):
        file = Path(url.database or "yunzhang.db")
        url = url.set(database=str(file.with_name(f"{file.stem}-engine.db")))
    return url


@cache
def _engine(url: str) -> Engine:
    return make_engine(url)


def database_engine() -> Engine:
    """The engine of this process's own database, made once per URL."""
    return _engine(settings.current().database)
