"""Sessions. A service opens one transaction per act; a repository never commits."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from yunzhang.db.engine import READING, database_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Session", "reading", "transaction"]


@contextmanager
def transaction() -> Iterator[Session]:
    """One session in one transaction: committed at the end, rolled back on any error."""
    with Session(database_engine(), expire_on_commit=False) as session, session.begin():
        yield session


@contextmanager
def reading() -> Iterator[Session]:
    """A session that only reads: it takes no writer's lock, and whatever it did is undone."""
    engine = database_engine().execution_options(**{READING: True})
    with Session(engine, expire_on_commit=False) as session:
        yield session
