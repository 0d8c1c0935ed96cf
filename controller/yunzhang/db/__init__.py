"""The product's own database: base of the tables, engine, sessions, revisions."""

from yunzhang.db.base import Base, Money, UTCDateTime, identity, json_column
from yunzhang.db.engine import database_engine, make_engine
from yunzhang.db.session import Session, database_now, reading, transaction
from yunzhang.db.states import Transitions, advance

__all__ = [
    "Base",
    "Money",
    "Session",
    "Transitions",
    "UTCDateTime",
    "advance",
    "database_engine",
    "database_now",
    "identity",
    "json_column",
    "make_engine",
    "reading",
    "transaction",
]
