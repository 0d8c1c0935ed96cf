"""Sessions. A service opens one transaction per act; a repository never commits."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from yunzhang import clock
from yunzhang.db.engine import READING, database_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Session", "database_now", "reading", "transaction"]


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


def database_now(session: Session) -> datetime:
    """The time by the database's clock, which all machines share.

    SQLite runs inside this process, so its clock is ours.
    """
    if session.get_bind().dialect.name == "postgresql":
        now: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
        return now
    return clock.now()
