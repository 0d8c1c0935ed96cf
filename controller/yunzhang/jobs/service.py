"""Asking for work in the transaction of the state that calls for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from yunzhang import clock
from yunzhang.db import Session
from yunzhang.jobs.models import Job


def start(session: Session, kind: str, key: str, payload: dict[str, Any]) -> Job:
    """Ask for a job of `kind` under `key`; asking again returns the first row.

    Whoever asks for the same in the same moment waits for the other's transaction, and then finds
    its row.
    """
    known = find(session, key)
    if known:
        return known
    job = Job(kind=kind, key=key, payload=payload, created_at=clock.now())
    try:
        with session.begin_nested():
            session.add(job)
    except IntegrityError:
        known = find(session, key)
        if known is None:
            raise
        return known
    return job


def find(session: Session, key: str) -> Job | None:
    """The job asked for under `key`."""
    return session.scalar(select(Job).where(Job.key == key))


def due(session: Session, limit: int = 100) -> Sequence[Job]:
    """Jobs not yet handed to the workflows, oldest first."""
    return session.scalars(
        select(Job).where(Job.dispatched_at.is_(None)).order_by(Job.id).limit(limit)
    ).all()


def mark_dispatched(session: Session, job: Job) -> None:
    """Note that the workflows have taken the job over."""
    job.dispatched_at = clock.now()
