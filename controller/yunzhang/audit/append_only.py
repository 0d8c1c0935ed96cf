"""Triggers that refuse to change or remove what was added to a table, on both databases.

They stop mistakes and careless hands. Who owns the database can drop them; that is what seals,
the key and the anchors are for.
"""

from __future__ import annotations

from sqlalchemy import DDL, Connection, Table, event, text

REFUSAL = "append-only"
FUNCTION = f"""
CREATE OR REPLACE FUNCTION yunzhang_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '% is {REFUSAL}', TG_TABLE_NAME; END $$
"""


def postgresql_statements(table: str) -> list[str]:
    """What makes `table` append-only on PostgreSQL."""
    return [
        FUNCTION,
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}"
        " FOR EACH ROW EXECUTE FUNCTION yunzhang_append_only()",
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION yunzhang_append_only()",
    ]


def sqlite_statements(table: str, key: str) -> list[str]:
    """What makes `table` with primary key `key` append-only on SQLite.

    INSERT OR REPLACE removes the old row without a DELETE trigger, so it is refused by itself.
    """
    refuse = f"BEGIN SELECT RAISE(ABORT, '{table} is {REFUSAL}'); END"
    known = f"(SELECT 1 FROM {table} WHERE {key} = NEW.{key})"  # noqa: S608 - names of our tables
    return [
        f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {refuse}",
        f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {refuse}",
        f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN EXISTS {known} {refuse}",
    ]


def make_append_only(table: Table) -> None:
    """Give `table` its triggers whenever it is made from the metadata."""
    (key,) = table.primary_key.columns
    for dialect, statements in (
        ("postgresql", postgresql_statements(table.name)),
        ("sqlite", sqlite_statements(table.name, key.name)),
    ):
        for statement in statements:
            # DDL fills in %(…)s, so a per cent sign stands doubled
            escaped = statement.replace("%", "%%")
            wanted = DDL(escaped).execute_if(dialect=dialect)  # type: ignore[no-untyped-call]
            event.listen(table, "after_create", wanted)


def list_triggers(connection: Connection) -> list[str]:
    """Names of the triggers that keep tables append-only, as this database has them."""
    query = (
        "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
        if connection.dialect.name == "postgresql"
        else "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    )
    return sorted(connection.execute(text(query)).scalars())
