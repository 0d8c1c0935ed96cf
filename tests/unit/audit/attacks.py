"""What somebody with the database's own powers can do to the record: plain SQL, no triggers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, text

from yunzhang.audit.append_only import list_triggers


@contextmanager
def attacking(engine: Engine) -> Iterator[Connection]:
    """A connection of an owner of the database, who puts the triggers out of action first."""
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            yield connection
            return
        texts = connection.execute(
            text("SELECT sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name")
        ).scalars()
        kept = list(texts)
        for name in list_triggers(connection):
            connection.execute(text(f"DROP TRIGGER {name}"))
        yield connection
        for statement in kept:
            connection.execute(text(statement))
