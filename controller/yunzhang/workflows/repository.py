"""Queries on workers, and on what their own workflows recorded."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, select, text, update

from yunzhang.audit import AuditEntry
from yunzhang.db import Session, database_now
from yunzhang.db.locks import Lock
from yunzhang.workflows.models import Worker


def lock_workers(session: Session) -> None:
    """Let nobody else come, go or reap until the transaction ends."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": Lock.WORKERS})


def find_worker(session: Session, executor_id: str) -> Worker | None:
    """The worker of that executor."""
    return session.get(Worker, executor_id)


def list_workers(session: Session) -> Sequence[Worker]:
    """All workers, alive or not."""
    return session.scalars(select(Worker).order_by(Worker.executor_id)).all()


def save_worker(session: Session, worker: Worker) -> None:
    """Put a worker in the place of whoever had its executor's name before."""
    worker.started_at = worker.beat_at = database_now(session)
    session.merge(worker)
    session.flush()


def beat(session: Session, executor_id: str, token: str) -> bool:
    """Note that the worker lives; False when its row is no longer its own."""
    changed = session.execute(
        update(Worker)
        .where(Worker.executor_id == executor_id, Worker.token == token)
        .values(beat_at=database_now(session))
    )
    return bool(changed.rowcount)  # type: ignore[attr-defined]


def remove_worker(session: Session, executor_id: str, token: str) -> None:
    """Forget a worker, if nobody took its name since."""
    session.execute(delete(Worker).where(Worker.executor_id == executor_id, Worker.token == token))


def has_audit_entry(session: Session, act: str, reference: str) -> bool:
    """Whether the audit record has an entry of `act` on `reference`."""
    query = select(AuditEntry.id).where(AuditEntry.act == act, AuditEntry.reference == reference)
    return session.scalar(query.limit(1)) is not None
