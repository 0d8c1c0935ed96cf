"""The revisions make exactly the tables of the models, on both databases."""

from __future__ import annotations

from sqlalchemy import text

from yunzhang.db import make_engine
from yunzhang.db.migration import current_revision, missing_changes, upgrade_database


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
