"""Queries on waves, steps, moves and the record of cloud objects."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select, update

from yunzhang.db import Session
from yunzhang.moves.models import CloudObject, Move, Step, Wave
from yunzhang.plans.models import PlanVersion


def find_wave(session: Session, version_id: int, number: int) -> Wave | None:
    """A wave of a plan version."""
    return session.scalar(select(Wave).where(Wave.version_id == version_id, Wave.number == number))


def waves_of(session: Session, version_id: int) -> Sequence[Wave]:
    """The waves of a plan version that were made so far, in order."""
    return session.scalars(
        select(Wave).where(Wave.version_id == version_id).order_by(Wave.number)
    ).all()


def list_waves(
    session: Session, *, limit: int = 100, offset: int = 0
) -> Sequence[tuple[Wave, PlanVersion]]:
    """Waves with their plan versions, newest first."""
    rows = session.execute(
        select(Wave, PlanVersion)
        .join(PlanVersion, PlanVersion.id == Wave.version_id)
        .order_by(Wave.id.desc())
        .limit(limit)
        .offset(offset)
    )
    return [(wave, version) for wave, version in rows]


def steps_of(session: Session, wave_id: int) -> Sequence[Step]:
    """The steps of a wave in the order they were made."""
    return session.scalars(select(Step).where(Step.wave_id == wave_id).order_by(Step.id)).all()


def find_step(session: Session, wave_id: int, name: str) -> Step | None:
    """A step of a wave."""
    return session.scalar(select(Step).where(Step.wave_id == wave_id, Step.name == name))


def keep_messages(
    session: Session, wave_id: int, name: str, count: int, last: Sequence[str]
) -> None:
    """Keep the last of `count` messages of a step while it is at work."""
    session.execute(
        update(Step)
        .where(Step.wave_id == wave_id, Step.name == name, Step.state == "running")
        .values(messages=list(last), message_count=count)
    )


def moves_of(session: Session, wave_id: int) -> Sequence[Move]:
    """The moves of a wave by server."""
    return session.scalars(select(Move).where(Move.wave_id == wave_id).order_by(Move.server)).all()


def objects_of_version(session: Session, version_id: int) -> Sequence[CloudObject]:
    """Everything recorded for a plan version, in the order it was recorded."""
    return session.scalars(
        select(CloudObject).where(CloudObject.version_id == version_id).order_by(CloudObject.id)
    ).all()


def objects_to_undo(session: Session, wave_id: int) -> Sequence[CloudObject]:
    """What a wave recorded and nobody undid yet, latest first."""
    return session.scalars(
        select(CloudObject)
        .where(CloudObject.wave_id == wave_id, CloudObject.undone_at.is_(None))
        .order_by(CloudObject.id.desc())
    ).all()


def find_object(
    session: Session, version_id: int, cloud: str, kind: str, key: str
) -> CloudObject | None:
    """The record of one object of a plan version."""
    return session.scalar(
        select(CloudObject).where(
            CloudObject.version_id == version_id,
            CloudObject.cloud == cloud,
            CloudObject.kind == kind,
            CloudObject.key == key,
        )
    )
