"""Alembic's environment: the product's metadata on the connection it is given."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from yunzhang.db.base import Base, UTCDateTime
from yunzhang.db.tables import load_tables
from yunzhang.db.uid import RandomUid

POSTGRESQL = "postgresql"


def render_type(kind: str, item: Any, rendering: AutogenContext) -> str | Literal[False]:
    """Write our own types and their variants in SQLAlchemy's words, so that an old revision goes
    on working when the product's types change; and defaults that each database writes its way."""
    if kind == "server_default" and isinstance(getattr(item, "arg", None), RandomUid):
        rendering.imports.add("from yunzhang.db.uid import RandomUid")
        return "RandomUid()"
    if kind != "type" or not isinstance(item, TypeEngine):
        return False
    if isinstance(item, UTCDateTime):
        return "sa.DateTime(timezone=True)"
    variants = getattr(item, "_variant_mapping", {})
    if POSTGRESQL in variants or "sqlite" in variants:
        rendering.imports.add("from sqlalchemy.dialects import postgresql")
        written = f"sa.{item!r}"
        for name, variant in sorted(variants.items()):
            shown = "postgresql.JSONB()" if isinstance(variant, JSONB) else f"sa.{variant!r}"
            written += f".with_variant({shown}, {name!r})"
        return written
    return False


load_tables()
connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    # SQLite cannot alter constraints; Alembic then copies the table
    render_as_batch=True,
    compare_type=True,
    render_item=render_type,
)
with context.begin_transaction():
    context.run_migrations()
