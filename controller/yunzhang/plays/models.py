"""Tables of plays: who may run a step now, and what its plays reported."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from yunzhang.db import Base, json_column


class PlayLease(Base):
    """The right of one agent to run one step, until `expires_at` by the database's clock.

    The row stays when it is released: `attempt` is the last attempt anybody began, anywhere.
    """

    __tablename__ = "play_lease"

    step_id: Mapped[str] = mapped_column(String(160), primary_key=True)
    attempt: Mapped[int]
    agent_id: Mapped[str] = mapped_column(String(36))
    owner: Mapped[str] = mapped_column(String(160), index=True)
    host: Mapped[str] = mapped_column(String(255))
    boot_id: Mapped[str] = mapped_column(String(40))
    run_dir: Mapped[str] = mapped_column(String(1000))
    pid: Mapped[int]
    acquired_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    released_at: Mapped[datetime | None]
    cancel_requested: Mapped[bool]


class PlayEvent(Base):
    """One event of one attempt of a step, numbered by the play itself."""

    __tablename__ = "play_event"

    step_id: Mapped[str] = mapped_column(String(160), primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    counter: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(60))
    host: Mapped[str] = mapped_column(String(255))
    task: Mapped[str] = mapped_column(String(255))
    result: Mapped[Any] = json_column()
    stdout: Mapped[str] = mapped_column(Text)
