"""Writing and verifying the audit record."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, text

from yunzhang import clock
from yunzhang.audit.models import AuditEntry
from yunzhang.db import Session
from yunzhang.kit.canonical import content_hash

FIRST = "0" * 64
# Key of the PostgreSQL advisory lock under which the chain grows, one writer at a time. SQLite has
# one writer anyway.
CHAIN_LOCK = 5_930_201


def _digest(entry: AuditEntry) -> str:
    return content_hash(
        {
            "at": entry.at.isoformat(),
            "principal": entry.principal,
            "act": entry.act,
            "noun": entry.noun,
            "reference": entry.reference,
            "details": entry.details,
            "previous": entry.previous,
        }
    )


def record(
    session: Session, principal: str, act: str, noun: str, reference: str, **details: Any
) -> AuditEntry:
    """Add an entry in the caller's transaction."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": CHAIN_LOCK})
    session.flush()
    last = session.scalar(select(AuditEntry.digest).order_by(AuditEntry.id.desc()).limit(1))
    entry = AuditEntry(
        at=clock.now(),
        principal=principal,
        act=act,
        noun=noun,
        reference=reference,
        details=details,
        previous=last or FIRST,
    )
    entry.digest = _digest(entry)
    session.add(entry)
    session.flush()
    return entry


def verify(session: Session) -> int | None:
    """Follow the chain; the id of the first entry that does not fit, or None."""
    previous = FIRST
    for entry in session.scalars(select(AuditEntry).order_by(AuditEntry.id)):
        if entry.previous != previous or entry.digest != _digest(entry):
            return entry.id
        previous = entry.digest
    return None
