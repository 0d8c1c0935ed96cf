"""Dumps of PostgreSQL databases with its own programs, found on PATH."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, inspect, text

from yunzhang.db import make_engine
from yunzhang.errors import Conflict, NotFound, Outside
from yunzhang.kit.private import write_private

# The schema of the product's own tables, and that of the durable engine's.
OWN, DURABLE = "public", "dbos"
# What every database has.
SYSTEM = ("information_schema", "pg_catalog", "pg_toast")
# Where work is handed from the product to the engine; see `_held`.
HANDED_OVER = "job"


@dataclass(frozen=True, slots=True)
class Dumped:
    """Rows per table at the moment of a dump, and the server's version."""

    rows: dict[str, int]
    version: str


@dataclass(frozen=True, slots=True)
class _Snapshot:
    url: URL
    connection: Connection
    name: str
    version: str


def dump_database(url: URL, target: Path) -> Dumped:
    """Dump the whole database as of one moment.

    Raises NotFound `backup.no_program`, Conflict `backup.program_old`, Outside `backup.program`.
    """
    with _snapshot(url) as taken:
        return _dump(taken, target, OWN)


def dump_both(own: URL, durable: URL, target: Path, engine_target: Path) -> tuple[Dumped, Dumped]:
    """Dump the product's and the engine's databases so that together they go on without loss.

    The engine's moment is not after the product's: what it knows to be done, the product wrote.
    And all that the product calls handed over, the engine has, because nothing is handed over in
    between. Raises what `dump_database` raises.
    """
    with ExitStack() as stack:
        with _held(own):
            engine = stack.enter_context(_snapshot(durable))
            product = stack.enter_context(_snapshot(own))
        return _dump(product, target, OWN), _dump(engine, engine_target, DURABLE)


@contextmanager
def _held(url: URL) -> Iterator[None]:
    """Let nobody hand work over to the engine. The one table is locked alone, so that nobody who
    waits for it has what is waited for here."""
    engine = make_engine(url)
    try:
        with engine.connect() as connection, connection.begin():
            connection.execute(text(f"LOCK TABLE {HANDED_OVER} IN SHARE MODE"))
            yield
    finally:
        engine.dispose()


@contextmanager
def _snapshot(url: URL) -> Iterator[_Snapshot]:
    """A moment of the database, that programs can be given by name while the block lasts."""
    engine = make_engine(url)
    try:
        options = {"isolation_level": "REPEATABLE READ"}
        with engine.connect().execution_options(**options) as connection, connection.begin():
            version = _server_version(connection)
            check_program("pg_dump", version)
            name: str = connection.scalar(text("SELECT pg_export_snapshot()")) or ""
            yield _Snapshot(url, connection, name, version)
    finally:
        engine.dispose()


def _dump(taken: _Snapshot, target: Path, schema: str) -> Dumped:
    options = ("--format=custom", f"--snapshot={taken.name}", f"--file={target}")
    _run("pg_dump", taken.url, *options)
    target.chmod(0o600)
    return Dumped(count_rows(taken.connection, schema), taken.version)


def is_same(one: URL, other: URL) -> bool:
    """Whether two URLs, however they are spelled, name one database."""
    return one == other or _identity(one) == _identity(other)


def _identity(url: URL) -> tuple[object, ...]:
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            query = (
                "SELECT system_identifier, oid FROM pg_control_system(), pg_database"
                " WHERE datname = current_database()"
            )
            return tuple(connection.execute(text(query)).one())
    finally:
        engine.dispose()


def load_database(url: URL, source: Path, dumped: str, schema: str = OWN) -> dict[str, int]:
    """Load a dump made of server version `dumped` into an empty database, all or nothing; rows per
    table of `schema`."""
    check_program("pg_restore", dumped)
    whole = ("--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges")
    _run("pg_restore", url, *whole, str(source))
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            return count_rows(connection, schema)
    finally:
        engine.dispose()


def check_dump(source: Path) -> None:
    """Let pg_restore read the dump's table of contents. Raises like `dump_database`."""
    _call([_find("pg_restore"), "--list", str(source)], {})


def count_rows(connection: Connection, schema: str = OWN) -> dict[str, int]:
    """Rows of every table of a schema; none when it is not there."""
    inspector = inspect(connection)
    if schema not in inspector.get_schema_names():
        return {}
    quote = connection.dialect.identifier_preparer.quote
    return {
        name: connection.scalar(
            text(f"SELECT count(*) FROM {quote(schema)}.{quote(name)}")  # noqa: S608 - names from the database itself
        )
        or 0
        for name in inspector.get_table_names(schema=schema)
    }


def has_tables(engine: Engine) -> bool:
    """Whether the database holds anything, an instance's or somebody else's."""
    inspector = inspect(engine)
    schemas = [name for name in inspector.get_schema_names() if name not in SYSTEM]
    return any(
        inspector.get_table_names(schema=name) or inspector.get_view_names(schema=name)
        for name in schemas
    )


def check_program(name: str, server: str) -> None:
    """Raise Conflict `backup.program_old` when the program is older than the server."""
    told = _call([_find(name), "--version"], {})
    found = re.search(r"\(PostgreSQL\) (\d+)", told)
    if found is None or int(found[1]) < int(server.partition(".")[0]):
        raise Conflict("backup.program_old", program=name, found=told.strip(), server=server)


def _server_version(connection: Connection) -> str:
    told: str = connection.scalar(text("SHOW server_version")) or ""
    return told.partition(" ")[0]


def _find(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise NotFound("backup.no_program", program=name)
    return found


def _run(name: str, url: URL, *options: str) -> None:
    host = url.query.get("host", url.host or "")
    place = {
        "host": host if isinstance(host, str) else host[0],
        "port": str(url.port or url.query.get("port", "")),
        "username": url.username or "",
        "dbname": url.database or "",
    }
    arguments = [f"--{key}={value}" for key, value in place.items() if value]
    with _password_file(url) as environment:
        _call([_find(name), "--no-password", *arguments, *options], environment)


@contextmanager
def _password_file(url: URL) -> Iterator[dict[str, str]]:
    # neither the arguments nor the environment of a process are private
    if not url.password:
        yield {}
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pgpass"
        password = str(url.password).replace("\\", "\\\\").replace(":", "\\:")
        write_private(file, f"*:*:*:*:{password}\n".encode())
        yield {"PGPASSFILE": str(file)}


def _call(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "LC_ALL": "C", **environment},
    )
    if done.returncode != 0:
        reason = done.stderr.strip().splitlines()[-3:]
        program = Path(command[0]).name
        raise Outside("backup.program", program=program, reason=" ".join(reason))
    return done.stdout
