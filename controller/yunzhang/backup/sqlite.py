"""Copies of SQLite databases while others read and write them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from yunzhang.db.engine import SQLITE_BUSY_MS
from yunzhang.errors import InputError, Outside


@contextmanager
def writers_held(database: Path) -> Iterator[None]:
    """Let readers go on and writers wait, so that two databases are copied as of one moment.

    The engine records that a step ended only after the step wrote to the product's database. While
    nobody writes there, no copy of the engine's can know more than the product's.
    """
    with closing(_connect(database)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")


def copy_database(source: Path, target: Path) -> None:
    """Copy a database with SQLite's own online back-up, and check the copy.

    Raises Outside `backup.copy_damaged`.
    """
    with closing(_connect(source)) as reading, closing(sqlite3.connect(target)) as writing:
        reading.backup(writing)
        # one file, that needs no other beside it
        writing.execute("PRAGMA journal_mode=DELETE")
        (said,) = writing.execute("PRAGMA integrity_check(1)").fetchone()
    if said != "ok":
        raise Outside("backup.copy_damaged", path=str(source), reason=said)
    target.chmod(0o600)


def count_rows(database: Path) -> dict[str, int]:
    """Rows of every table."""
    with closing(_connect(database)) as connection:
        query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        names = [name for (name,) in connection.execute(query)]
        return {n: connection.execute(f'SELECT count(*) FROM "{n}"').fetchone()[0] for n in names}  # noqa: S608 - names from the database itself


def _connect(database: Path) -> sqlite3.Connection:
    if not database.is_file():
        raise InputError("backup.no_database", path=str(database))
    return sqlite3.connect(database, timeout=SQLITE_BUSY_MS / 1000, isolation_level=None)
