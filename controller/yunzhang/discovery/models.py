"""Tables of the observed side: readings of sources, what they saw, and findings."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from yunzhang.db import Base, identity, json_column

SOURCE = String(80)


class DiscoveryRun(Base):
    """One reading of a source (`cloud`: its name; `kind`: openstack, libvirt or facts).

    `complete`: everything the source has was read, so what was not seen is not there. `guarded`:
    complete, but so much smaller than the one before that nothing is taken for gone. `mode`: full,
    or delta for what changed since the run before. `machines`: how many machines there are.
    """

    __tablename__ = "discovery_run"
    office_only: ClassVar[bool] = True

    id: Mapped[int] = identity()
    cloud: Mapped[str] = mapped_column(SOURCE, index=True)
    kind: Mapped[str] = mapped_column(
        String(20), default="openstack", server_default=text("'openstack'")
    )
    mode: Mapped[str] = mapped_column(String(10), default="full", server_default=text("'full'"))
    complete: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
    guarded: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    machines: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime]
    principal: Mapped[str] = mapped_column(String(80))
    counts: Mapped[Any] = json_column()
    problems: Mapped[Any] = json_column(default=list, server_default=text("'[]'"))


class ObservedItem(Base):
    """One resource as the latest run that saw it saw it. Gone ones keep their last run.

    `content_hash` is of the payload and is written with it. `workload_code` is the workload this
    machine was last matched with, `matched_by` the rung of the ladder; `person` outlives runs.
    """

    __tablename__ = "observed_item"
    office_only: ClassVar[bool] = True
    __table_args__ = (
        UniqueConstraint("cloud", "kind", "external_id"),
        Index("ix_observed_item_last_run", "cloud", "last_run_id"),
    )

    id: Mapped[int] = identity()
    cloud: Mapped[str] = mapped_column(SOURCE)
    kind: Mapped[str] = mapped_column(String(30))
    external_id: Mapped[str] = mapped_column(String(200))
    project_id: Mapped[str | None] = mapped_column(String(64), index=True)
    name: Mapped[str] = mapped_column(String(255), index=True)
    content_hash: Mapped[str] = mapped_column(String(64))
    payload: Mapped[Any] = json_column()
    first_run_id: Mapped[int] = mapped_column(ForeignKey("discovery_run.id"))
    changed_run_id: Mapped[int] = mapped_column(ForeignKey("discovery_run.id"))
    last_run_id: Mapped[int] = mapped_column(ForeignKey("discovery_run.id"))
    first_seen_at: Mapped[datetime | None]
    last_seen_at: Mapped[datetime | None]
    workload_code: Mapped[str | None] = mapped_column(String(64), index=True)
    matched_by: Mapped[str | None] = mapped_column(String(20))


class Finding(Base):
    """Something the register and the sources do not agree on, and what was decided about it.

    `key`: what it is about; `fingerprint`: what it says now; `decided_fingerprint`: what it said
    when it was decided. `unit_code` None: for the office only. `misses` counts the complete runs,
    the last of them `counted_run_id`, that did not see what is missing. `before_state` is the state
    of the workload before it became doubtful.
    """

    __tablename__ = "finding"
    __table_args__ = (Index("ix_finding_list", "state", "kind", "id"),)

    id: Mapped[int] = identity()
    key: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(20))
    code: Mapped[str] = mapped_column(String(40))
    unit_code: Mapped[str | None] = mapped_column(String(64), index=True)
    source: Mapped[str | None] = mapped_column(SOURCE, index=True)
    name: Mapped[str] = mapped_column(String(255))
    declared: Mapped[Any] = json_column()
    observed: Mapped[Any] = json_column()
    details: Mapped[Any] = json_column()
    fingerprint: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(20), default="open")
    revision: Mapped[int] = mapped_column(default=1)
    opened_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    misses: Mapped[int] = mapped_column(default=0)
    counted_run_id: Mapped[int | None]
    before_state: Mapped[str | None] = mapped_column(String(20))
    decision: Mapped[str | None] = mapped_column(String(20))
    decided_by: Mapped[str | None] = mapped_column(String(80))
    decided_at: Mapped[datetime | None]
    decided_fingerprint: Mapped[str | None] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(Text, default="")
    until: Mapped[date | None]


class UnitComparison(Base):
    """How many fields of a unit's workloads the latest reconciliation compared and found equal."""

    __tablename__ = "unit_comparison"

    unit_code: Mapped[str] = mapped_column(String(64), primary_key=True)
    compared: Mapped[int]
    equal: Mapped[int]
    at: Mapped[datetime]
