"""Queries on leases and events of plays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite

from yunzhang.db import Session, database_now
from yunzhang.plays.models import PlayEvent, PlayLease


@dataclass(frozen=True, slots=True)
class Claim:
    """An agent that wants to run a step: who, where, for how many seconds at a time."""

    step_id: str
    attempt: int
    agent_id: str
    owner: str
    host: str
    boot_id: str
    run_dir: str
    pid: int
    seconds: float


def is_free(lease: PlayLease, now: datetime) -> bool:
    """Whether nobody holds `lease` at `now`."""
    return lease.released_at is not None or lease.expires_at <= now


def find_lease(session: Session, step_id: str, *, lock: bool = False) -> PlayLease | None:
    """The lease of a step, locked for this transaction when `lock`."""
    return session.get(PlayLease, step_id, with_for_update=lock or None, populate_existing=True)


def acquire(session: Session, claim: Claim) -> bool:
    """Take the lease for `claim`; False when it is held or that attempt was begun before."""
    lease, now = find_lease(session, claim.step_id, lock=True), database_now(session)
    if lease is None:
        lease = PlayLease(step_id=claim.step_id)
        session.add(lease)
    elif not is_free(lease, now) or lease.attempt >= claim.attempt:
        return False
    lease.attempt, lease.agent_id, lease.owner = claim.attempt, claim.agent_id, claim.owner
    lease.host, lease.boot_id, lease.run_dir = claim.host, claim.boot_id, claim.run_dir
    lease.pid, lease.acquired_at = claim.pid, now
    lease.expires_at = now + timedelta(seconds=claim.seconds)
    lease.released_at, lease.cancel_requested = None, False
    session.flush()
    return True


def renew(session: Session, claim: Claim) -> PlayLease | None:
    """Extend the lease; None when it is no longer this agent's."""
    lease = find_lease(session, claim.step_id, lock=True)
    if lease is None or lease.agent_id != claim.agent_id or lease.released_at is not None:
        return None
    lease.expires_at = database_now(session) + timedelta(seconds=claim.seconds)
    return lease


def release(session: Session, step_id: str, agent_id: str) -> None:
    """Give the lease back, if it is still that agent's."""
    session.execute(
        update(PlayLease)
        .where(
            PlayLease.step_id == step_id,
            PlayLease.agent_id == agent_id,
            PlayLease.released_at.is_(None),
        )
        .values(released_at=database_now(session))
    )


def adopt(session: Session, step_id: str, owner: str) -> None:
    """Note that another executor follows the step now."""
    session.execute(update(PlayLease).where(PlayLease.step_id == step_id).values(owner=owner))


def request_cancel(session: Session, step_id: str, attempt: int) -> None:
    """Ask the step's agent, wherever it runs, to kill its play at its next renewal."""
    session.execute(
        update(PlayLease)
        .where(PlayLease.step_id == step_id, PlayLease.attempt == attempt)
        .values(cancel_requested=True)
    )


def held_leases(session: Session, owner: str) -> list[PlayLease]:
    """Leases of agents that work for the executor `owner` and are held now."""
    now = database_now(session)
    leases = session.scalars(select(PlayLease).where(PlayLease.owner == owner))
    return [lease for lease in leases if not is_free(lease, now)]


def add_events(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Add events; those already there stay as they are."""
    if not rows:
        return
    dialect: Any = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    session.execute(dialect.insert(PlayEvent).on_conflict_do_nothing(), rows)


def find_events(
    session: Session, step_id: str, *, attempt: int | None = None, after: int = 0
) -> Sequence[PlayEvent]:
    """Events of a step in order, of one attempt or all, with counters above `after`."""
    query = select(PlayEvent).where(PlayEvent.step_id == step_id, PlayEvent.counter > after)
    if attempt is not None:
        query = query.where(PlayEvent.attempt == attempt)
    return session.scalars(query.order_by(PlayEvent.attempt, PlayEvent.counter)).all()
