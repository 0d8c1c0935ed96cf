"""Brings a database's tables to this version, and makes new revisions for developers."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from yunzhang.db.base import Base
from yunzhang.db.engine import database_engine, make_engine
from yunzhang.db.tables import load_tables
from yunzhang.errors import Conflict

REVISIONS = Path(__file__).parent / "revisions"


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(REVISIONS))
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", "%%(rev)s")
    config.attributes["connection"] = connection
    return config


def upgrade_database(engine: Engine | None = None, to: str = "head") -> str:
    """Bring the tables to the newest revision, or to revision `to`; its name."""
    with (engine or database_engine()).connect() as connection, _references_off(connection):
        with connection.begin():
            command.upgrade(_config(connection), to)
            if connection.dialect.name == "sqlite":
                broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
                if broken:
                    raise Conflict("db.references_broken", tables={row[0] for row in broken})
        return MigrationContext.configure(connection).get_current_revision() or ""


@contextmanager
def _references_off(connection: Connection) -> Iterator[None]:
    """SQLite alters a table by making it anew, which references to its rows would forbid."""
    if connection.dialect.name != "sqlite":
        yield
        return
    # outside of any transaction, where alone this is heard
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        connection.rollback()
        driver.execute("PRAGMA foreign_keys=ON")


def current_revision(engine: Engine | None = None) -> str | None:
    """The revision the tables are at; None when there are none."""
    with (engine or database_engine()).connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def list_revisions() -> list[str]:
    """All revisions this version knows, oldest first."""
    scripts = ScriptDirectory(str(REVISIONS))
    return [script.revision for script in scripts.walk_revisions()][::-1]


def make_revision(engine: Engine, message: str, name: str) -> None:
    """Write a revision that takes the tables of `engine` to the models' (for developers)."""
    with engine.begin() as connection:
        command.revision(_config(connection), message, autogenerate=True, rev_id=name)


def missing_changes(engine: Engine) -> list[object]:
    """What the models have that the tables of `engine` lack, as Alembic's operations."""
    load_tables()
    with engine.connect() as connection:
        options = {"compare_type": True}
        migration = MigrationContext.configure(connection, opts=options)
        found: list[object] = compare_metadata(migration, Base.metadata)
        return found


def _write_revision(name: str) -> None:
    """Compare the models with a scratch database at the newest revision; write the difference."""
    with tempfile.TemporaryDirectory() as folder:
        engine = make_engine(f"sqlite:///{folder}/scratch.db")
        upgrade_database(engine)
        make_revision(engine, name.replace("_", " "), name)
        engine.dispose()


if __name__ == "__main__":
    _write_revision(sys.argv[1])
