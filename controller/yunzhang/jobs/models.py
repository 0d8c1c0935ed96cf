"""Table of jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from yunzhang.db import Base, identity, json_column


class Job(Base):
    """A piece of work that was asked for. `key` makes asking twice harmless."""

    __tablename__ = "job"

    id: Mapped[int] = identity()
    kind: Mapped[str] = mapped_column(String(60))
    key: Mapped[str] = mapped_column(String(200), unique=True)
    payload: Mapped[Any] = json_column()
    created_at: Mapped[datetime]
    dispatched_at: Mapped[datetime | None] = mapped_column(index=True)
