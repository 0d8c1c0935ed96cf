"""Tables of plans. A version is never changed; an edited document becomes the next one."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from yunzhang.db import Base, Transitions, identity, json_column

TRANSITIONS: Transitions = {
    "draft": frozenset({"simulated", "superseded"}),
    "simulated": frozenset({"submitted", "superseded"}),
    "submitted": frozenset({"approved", "simulated", "superseded"}),
    "approved": frozenset({"running", "superseded"}),
    # back to approved when all that was begun has been rolled back
    "running": frozenset({"completed", "superseded", "approved"}),
    "completed": frozenset(),
    "superseded": frozenset(),
}


class PlanVersion(Base):
    """One version of a plan: the document's content without approvals, and its hash.

    `draft` is one that does not fit or was refused by the checker; `simulated` passed both.
    """

    __tablename__ = "plan_version"
    office_only: ClassVar[bool] = True
    __table_args__ = (UniqueConstraint("name", "number"),)

    id: Mapped[int] = identity()
    name: Mapped[str] = mapped_column(String(80), index=True)
    number: Mapped[int]
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    state: Mapped[str] = mapped_column(String(20), default="draft")
    revision: Mapped[int] = mapped_column(default=1)
    content: Mapped[Any] = json_column()
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(80))


class Signature(Base):
    """An approval, bound to the hash of what was signed."""

    __tablename__ = "plan_signature"
    office_only: ClassVar[bool] = True
    __table_args__ = (UniqueConstraint("version_id", "account"),)

    id: Mapped[int] = identity()
    version_id: Mapped[int] = mapped_column(ForeignKey("plan_version.id"))
    account: Mapped[str] = mapped_column(String(80))
    role: Mapped[str] = mapped_column(String(40))
    hash: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]
