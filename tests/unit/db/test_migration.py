"""The revisions make exactly the tables of the models, on both databases."""

from __future__ import annotations

import pytest
from alembic import command
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from yunzhang.db import make_engine
from yunzhang.db.migration import _config, current_revision, missing_changes, upgrade_database


def test_revisions_make_the_tables_of_the_models(database_url: str) -> None:
    engine = make_engine(database_url)
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
    assert current_revision(engine) is None
    newest = upgrade_database(engine)
    assert missing_changes(engine) == []
    assert upgrade_database(engine) == newest
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE alembic_version"))
    engine.dispose()


def test_rows_that_were_there_survive_the_register_revision(database_url: str) -> None:
    engine = make_engine(database_url)
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
    with engine.begin() as connection:
        command.upgrade(_config(connection), "0002_messages")
    recorded = "state, revision, note, created_at, updated_at"
    values = "'draft', 1, '', '2026-01-01', '2026-01-01'"
    with engine.begin() as connection:
        for statement in (
            "division (code, name, level) VALUES ('450000', '自治区', 'region')",
            f"unit (code, name, aliases, division_code, level, {recorded})"
            f" VALUES ('u', '单位', '[]', '450000', 'region', {values})",
            "private_network (code, name, unit_code, purpose, reach, ministry_run, zone, filing_no,"
            f" legal_basis, {recorded})"
            f" VALUES ('n', '专网', 'u', '', 'city', false, 'private', '', '', {values})",
            f"cloud_platform (code, name, unit_code, kind, technology, cloud_name, {recorded})"
            f" VALUES ('p', '云', 'u', 'city', 'kvm', '', {values})",
        ):
            connection.execute(text(f"INSERT INTO {statement}"))
    upgrade_database(engine)
    assert missing_changes(engine) == []
    with engine.begin() as connection:
        for table in ("unit", "private_network", "cloud_platform"):
            assert connection.scalar(text(f"SELECT count(*) FROM {table}")) == 1, table
        assert connection.scalar(text("SELECT legal_basis FROM cloud_platform")) == ""
        connection.execute(text("DROP TABLE alembic_version"))
    # references are watched again
    with engine.connect() as connection, pytest.raises(IntegrityError):
        connection.execute(text("UPDATE unit SET division_code = '999999'"))
    engine.dispose()
