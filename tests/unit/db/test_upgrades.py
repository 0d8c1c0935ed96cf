"""Tables full of rows survive every upgrade: what stood at a revision is found at the next.

A new revision is tried without a new test. Where it changes what old rows say on purpose, or where
made-up rows do not fit its rules, it says so in `CHANGED` and `GIVEN`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Date,
    DateTime,
    Engine,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    Table,
    insert,
    select,
    text,
)

from tests.conftest import NOON
from yunzhang import audit, settings
from yunzhang.audit.append_only import list_triggers
from yunzhang.db import Base, Session, database_engine, make_engine
from yunzhang.db.migration import list_revisions, upgrade_database
from yunzhang.db.tables import load_tables
from yunzhang.kit.canonical import content_hash

REVISIONS = list_revisions()
ROWS = 3
# Values that rules of a table ask for: (table, column) → a value for each row.
GIVEN: dict[tuple[str, str], list[Any]] = {}
# Columns (table, column), or tables (table, "*"), that a revision takes away or words anew.
CHANGED: dict[str, set[tuple[str, str]]] = {
    "0003_audit": {("audit_entry", "previous"), ("audit_entry", "digest")},
}
# The first kind that fits counts: a boolean is an integer on some databases.
KINDS: list[tuple[Any, Callable[[int], Any]]] = [
    (Boolean, lambda row: bool(row % 2)),
    (DateTime, lambda row: NOON + timedelta(days=row)),
    (Date, lambda row: date(2026, 11, 23) + timedelta(days=row)),
    (Integer, lambda row: row + 1),
    ((Float, Numeric), lambda row: row + 0.5),
    (LargeBinary, lambda row: bytes([row])),
    (JSON, lambda row: {"row": row, "名": ["值", None, 1.5]}),
]


def made_up(column: Column[Any], row: int) -> Any:
    """A value of the column's kind, another for every row."""
    if (column.table.name, column.name) in GIVEN:
        return GIVEN[column.table.name, column.name][row]
    if column.foreign_keys:
        return None  # filled in from the rows it refers to
    for kind, make in KINDS:
        if isinstance(column.type, kind):
            return make(row)
    return f"{column.name}-{row}"[-(getattr(column.type, "length", None) or 80) :]


def fill(connection: Connection, table: Table, written: dict[str, list[dict[str, Any]]]) -> None:
    """Put rows into a table, referring to those of the tables before it."""
    rows = [{c.name: made_up(c, row) for c in table.columns} for row in range(ROWS)]
    for constraint in table.foreign_key_constraints:
        for element in constraint.elements:
            others = written.get(element.column.table.name)
            for row, values in enumerate(rows):
                if others:
                    values[element.parent.name] = others[row][element.column.name]
    connection.execute(insert(table), rows)
    if connection.dialect.name == "postgresql" and isinstance(table.c[0].type, Integer):
        # rows that brought their numbers did not count the sequence up
        key = {"t": table.name, "c": table.c[0].name, "n": ROWS}
        connection.execute(text("SELECT setval(pg_get_serial_sequence(:t, :c), :n)"), key)
    written[table.name] = rows


def reflect(connection: Connection) -> MetaData:
    """The tables as they are, with JSON on SQLite known for what it is."""
    metadata = MetaData()
    metadata.reflect(connection)
    metadata.remove(metadata.tables["alembic_version"])
    return metadata


def contents(connection: Connection, metadata: MetaData) -> dict[str, list[dict[str, Any]]]:
    """All rows of all tables, with values that compare on either database."""
    return {
        table.name: [
            {name: plain(value) for name, value in row.items()}
            for row in connection.execute(select(table)).mappings()
        ]
        for table in metadata.tables.values()
    }


def plain(value: Any) -> Any:
    """One way to write what drivers give in several."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
    if isinstance(value, str) and value.startswith(("[", "{")):
        return json.loads(value)
    return value


@pytest.fixture
def bare(database_url: str) -> Iterator[Engine]:
    """A database without any table, and left so."""
    engine = make_engine(database_url)
    empty(engine)
    yield engine
    empty(engine)
    engine.dispose()


def empty(engine: Engine) -> None:
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))


STEPS = [*pairwise(REVISIONS), (REVISIONS[0], REVISIONS[-1])]


@pytest.mark.parametrize(("before", "after"), dict.fromkeys(STEPS), ids=str)
def test_rows_of_a_revision_are_found_after_the_upgrade(
    bare: Engine, before: str, after: str
) -> None:
    upgrade_database(bare, before)
    with bare.begin() as connection:
        old, written = reflect(connection), dict[str, list[dict[str, Any]]]()
        for table in old.sorted_tables:
            fill(connection, table, written)
        stood = contents(connection, old)
    assert all(len(rows) == ROWS for rows in stood.values())
    assert upgrade_database(bare, after) == after
    with bare.begin() as connection:
        found = contents(connection, reflect(connection))
    first, last = REVISIONS.index(before) + 1, REVISIONS.index(after)
    changed = set().union(*(CHANGED.get(name, set()) for name in REVISIONS[first : last + 1]))
    for name, rows in stood.items():
        for row in rows if (name, "*") not in changed else ():
            kept = {k: v for k, v in row.items() if (name, k) not in changed}
            now = [{k: other.get(k) for k in kept} for other in found[name]]
            assert kept in now, name


def old_entry(number: int, previous: str) -> dict[str, Any]:
    said = {
        "at": NOON.isoformat(),
        "principal": "wang",
        "act": "approve",
        "noun": "plan",
        "reference": f"p-{number}",
        "details": {"n": number},
        "previous": previous,
    }
    return {**said, "digest": content_hash(said), "at": NOON}


@pytest.mark.parametrize("broken", [None, 2])
def test_the_old_chain_is_followed_a_last_time_and_its_entries_are_sealed(
    bare: Engine,
    database_url: str,
    instance: settings.Settings,
    monkeypatch: pytest.MonkeyPatch,
    broken: int | None,
) -> None:
    monkeypatch.setenv("YUNZHANG_DATABASE_URL", database_url)
    settings.current.cache_clear()
    upgrade_database(bare, "0002_messages")
    with bare.begin() as connection:
        table = reflect(connection).tables["audit_entry"]
        previous = "0" * 64
        for number in (1, 2, 3):
            entry = old_entry(number, previous)
            previous = entry["digest"]
            connection.execute(insert(table), entry)
        if broken:
            connection.execute(text("UPDATE audit_entry SET principal = 'li' WHERE id = 2"))
    upgrade_database(bare)
    assert audit.seal() == 4
    database_engine().dispose()
    with Session(bare) as session:
        assert audit.verify(session) is None
        told = audit.get_entry(session, 4)
        assert (told.act, told.noun) == ("upgrade", "audit")
        assert told.details == {"entries": 3, "head": previous, "broken_entry": broken}


def test_revisions_make_the_same_triggers_as_the_models(bare: Engine, tmp_path: Path) -> None:
    upgrade_database(bare)
    with bare.begin() as connection:
        by_revision = list_triggers(connection)
    empty(bare)
    load_tables()
    # SQLite's file cannot be emptied of tables that refuse to be; another one is as good
    other = bare if bare.dialect.name == "postgresql" else make_engine(f"sqlite:///{tmp_path}/o.db")
    Base.metadata.create_all(other)
    with other.begin() as connection:
        assert list_triggers(connection) == by_revision != []
    other.dispose()
