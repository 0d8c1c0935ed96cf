"""Tables of waves, their steps, moves, and the record of what was made or changed in clouds."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from yunzhang.db import Base, identity, json_column


class Wave(Base):
    """A wave of an approved plan version. `control` is what a person asked: go, pause, cancel."""

    __tablename__ = "wave"
    office_only: ClassVar[bool] = True
    wave_column: ClassVar[str] = "id"
    __table_args__ = (UniqueConstraint("version_id", "number"),)

    id: Mapped[int] = identity()
    version_id: Mapped[int] = mapped_column(ForeignKey("plan_version.id"))
    number: Mapped[int]
    name: Mapped[str] = mapped_column(String(80))
    state: Mapped[str] = mapped_column(String(20), default="scheduled")
    revision: Mapped[int] = mapped_column(default=1)
    control: Mapped[str] = mapped_column(String(10), default="go")
    runs: Mapped[int] = mapped_column(default=0)  # how often it was started; part of job keys
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    document: Mapped[str] = mapped_column(String(1000), default="")
    fault: Mapped[str] = mapped_column(Text, default="")


class Step(Base):
    """A step of a wave: one playbook over all of the wave's workloads.

    `messages` are the last of the `message_count` that its present try said.
    """

    __tablename__ = "step"
    office_only: ClassVar[bool] = True
    wave_column: ClassVar[str] = "wave_id"
    __table_args__ = (UniqueConstraint("wave_id", "name"),)

    id: Mapped[int] = identity()
    wave_id: Mapped[int] = mapped_column(ForeignKey("wave.id"))
    name: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(20), default="pending")
    revision: Mapped[int] = mapped_column(default=1)
    tries: Mapped[int] = mapped_column(default=0)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    fault: Mapped[str] = mapped_column(Text, default="")
    result: Mapped[Any] = json_column()
    messages: Mapped[Any] = json_column(default=list, server_default=text("'[]'"))
    message_count: Mapped[int] = mapped_column(default=0, server_default=text("0"))


class Move(Base):
    """One workload's way through its wave."""

    __tablename__ = "move"
    office_only: ClassVar[bool] = True
    wave_column: ClassVar[str] = "wave_id"
    __table_args__ = (UniqueConstraint("wave_id", "server"),)

    id: Mapped[int] = identity()
    wave_id: Mapped[int] = mapped_column(ForeignKey("wave.id"))
    server: Mapped[str] = mapped_column(String(80), index=True)
    unit: Mapped[str] = mapped_column(String(40), index=True)
    state: Mapped[str] = mapped_column(String(20), default="planned")
    revision: Mapped[int] = mapped_column(default=1)
    facts: Mapped[Any] = json_column()  # digests, addresses seen, console line, seconds


class CloudObject(Base):
    """What the product is about to create or change in a cloud, recorded before the call.

    `undone_at` is set when a rollback has put it away again.
    """

    __tablename__ = "cloud_object"
    office_only: ClassVar[bool] = True
    wave_column: ClassVar[str] = "wave_id"
    __table_args__ = (UniqueConstraint("version_id", "cloud", "kind", "key"),)

    id: Mapped[int] = identity()
    version_id: Mapped[int] = mapped_column(ForeignKey("plan_version.id"))
    wave_id: Mapped[int] = mapped_column(ForeignKey("wave.id"), index=True)
    step: Mapped[str] = mapped_column(String(40))
    cloud: Mapped[str] = mapped_column(String(80))
    kind: Mapped[str] = mapped_column(String(40))
    key: Mapped[str] = mapped_column(String(255))
    act: Mapped[str] = mapped_column(String(10))
    project: Mapped[str | None] = mapped_column(String(80))
    name: Mapped[str] = mapped_column(String(255))
    external_id: Mapped[str | None] = mapped_column(String(255))
    before: Mapped[Any] = json_column()
    recorded_at: Mapped[datetime]
    made_at: Mapped[datetime | None]
    undone_at: Mapped[datetime | None]
