"""Tables of the observed side."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from yunzhang.db import Base, identity, json_column


class DiscoveryRun(Base):
    """One complete reading of a cloud. An incomplete one leaves no row."""

    __tablename__ = "discovery_run"
    office_only: ClassVar[bool] = True

    id: Mapped[int] = identity()
    cloud: Mapped[str] = mapped_column(String(80), index=True)
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime]
    principal: Mapped[str] = mapped_column(String(80))
    counts: Mapped[Any] = json_column()


class ObservedItem(Base):
    """One resource as the latest run that saw it saw it. Gone ones keep their last run."""

    __tablename__ = "observed_item"
    office_only: ClassVar[bool] = True
    __table_args__ = (
        UniqueConstraint("cloud", "kind", "external_id"),
        Index("ix_observed_item_last_run", "cloud", "last_run_id"),
    )

    id: Mapped[int] = identity()
    cloud: Mapped[str] = mapped_column(String(80))
    kind: Mapped[str] = mapped_column(String(30))
    external_id: Mapped[str] = mapped_column(String(200))
    project_id: Mapped[str | None] = mapped_column(String(64), index=True)
    name: Mapped[str] = mapped_column(String(255), index=True)
    content_hash: Mapped[str] = mapped_column(String(64))
    payload: Mapped[Any] = json_column()
    first_run_id: Mapped[int] = mapped_column(ForeignKey("discovery_run.id"))
    changed_run_id: Mapped[int] = mapped_column(ForeignKey("discovery_run.id"))
    last_run_id: Mapped[int] = mapped_column(ForeignKey("discovery_run.id"))
