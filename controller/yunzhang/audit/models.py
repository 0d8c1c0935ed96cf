"""Table of the audit record."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from yunzhang.db import Base, identity, json_column


class AuditEntry(Base):
    """One act. Entries are only ever added; each carries the hash of the one before."""

    __tablename__ = "audit_entry"

    id: Mapped[int] = identity()
    at: Mapped[datetime]
    principal: Mapped[str] = mapped_column(String(80), index=True)
    act: Mapped[str] = mapped_column(String(80))
    noun: Mapped[str] = mapped_column(String(40))
    reference: Mapped[str] = mapped_column(String(200), index=True)
    details: Mapped[Any] = json_column()
    previous: Mapped[str] = mapped_column(String(64), unique=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
