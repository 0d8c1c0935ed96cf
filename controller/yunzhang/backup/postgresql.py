"""Dumps of PostgreSQL databases with its own programs, found on PATH."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, inspect, text

from yunzhang.db import make_engine
from yunzhang.errors import Conflict, NotFound, Outside
from yunzhang.kit.private import write_private

# The schema of the durable engine beside the product's own.
SCHEMAS = ("public", "dbos")


def dump_database(url: URL, target: Path) -> tuple[dict[str, int], str]:
    """Dump the whole database as of one moment; rows per table at that moment, server's version.

    Raises NotFound `backup.no_program`, Conflict `backup.program_old`, Outside `backup.program`.
    """
    engine = make_engine(url)
    try:
        options = {"isolation_level": "REPEATABLE READ"}
        with engine.connect().execution_options(**options) as connection, connection.begin():
            version = _server_version(connection)
            check_program("pg_dump", version)
            snapshot = connection.scalar(text("SELECT pg_export_snapshot()"))
            _run("pg_dump", url, "--format=custom", f"--snapshot={snapshot}", f"--file={target}")
            target.chmod(0o600)
            return count_rows(connection), version
    finally:
        engine.dispose()


def load_database(url: URL, source: Path, dumped: str) -> dict[str, int]:
    """Load a dump made of server version `dumped` into an empty database, all or nothing; rows."""
    check_program("pg_restore", dumped)
    whole = ("--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges")
    _run("pg_restore", url, *whole, str(source))
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            return count_rows(connection)
    finally:
        engine.dispose()


def check_dump(source: Path) -> None:
    """Let pg_restore read the dump's table of contents. Raises like `dump_database`."""
    _call([_find("pg_restore"), "--list", str(source)], {})


def count_rows(connection: Connection) -> dict[str, int]:
    """Rows of every table of the product's own schema."""
    quote = connection.dialect.identifier_preparer.quote
    return {
        name: connection.scalar(text(f"SELECT count(*) FROM {quote(name)}")) or 0  # noqa: S608
        for name in inspect(connection).get_table_names()
    }


def has_tables(engine: Engine) -> bool:
    """Whether the database holds anything of an instance."""
    inspector = inspect(engine)
    present = set(inspector.get_schema_names())
    return any(inspector.get_table_names(schema=s) for s in SCHEMAS if s in present)


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
