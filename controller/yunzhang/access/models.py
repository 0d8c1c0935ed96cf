"""Table of accounts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from yunzhang.db import Base, identity, json_column


class Account(Base):
    """A person who signs and acts. The password is kept as an argon2 hash."""

    __tablename__ = "account"

    id: Mapped[int] = identity()
    name: Mapped[str] = mapped_column(String(80), unique=True)
    display_name: Mapped[str] = mapped_column(String(80))
    roles: Mapped[list[Any]] = json_column()
    password_hash: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
