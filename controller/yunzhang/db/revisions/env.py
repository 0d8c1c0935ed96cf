"""Alembic's environment: the product's metadata on the connection it is given."""

from __future__ import annotations

from alembic import context

from yunzhang.db.base import Base
from yunzhang.db.tables import load_tables

load_tables()
connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    # SQLite cannot alter constraints; Alembic then copies the table
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
