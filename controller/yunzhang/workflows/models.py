"""Table of workers."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from yunzhang.db import Base


class Worker(Base):
    """A process that runs workflows. `token` is new with every start: who lost the row finds out.

    `lock_file` is held (flock) while the process lives, so that on the same boot nobody has to
    wait for the heartbeat to grow old.
    """

    __tablename__ = "worker"

    executor_id: Mapped[str] = mapped_column(String(160), primary_key=True)
    token: Mapped[str] = mapped_column(String(36))
    host: Mapped[str] = mapped_column(String(255))
    boot_id: Mapped[str] = mapped_column(String(40))
    lock_file: Mapped[str] = mapped_column(String(1000))
    pid: Mapped[int]
    beat_seconds: Mapped[float]
    started_at: Mapped[datetime]
    beat_at: Mapped[datetime]
