"""Tables of the ledger.

For every pool and class 0 ≤ held + committed ≤ capacity holds as a constraint of the database, and
Σ ledger = counters = Σ allocations is checked by `service.verify_ledger`.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from yunzhang.db import Base, identity


class Pool(Base):
    """A place capacity is promised from: for now, one cloud as a whole."""

    __tablename__ = "pool"
    office_only: ClassVar[bool] = True

    id: Mapped[int] = identity()
    cloud: Mapped[str] = mapped_column(String(80), unique=True)


class PoolCounter(Base):
    """What one class of a pool can hold, and what of it is held and committed.

    Units are those of the class: VCPU cores, MEMORY_MB MiB, VOLUME_GB GiB.
    """

    __tablename__ = "pool_counter"
    office_only: ClassVar[bool] = True
    __table_args__ = (
        UniqueConstraint("pool_id", "resource_class"),
        # Capacity may shrink below what was promised (hosts die); then nothing more is promised.
        CheckConstraint("held >= 0 AND committed >= 0", name="not_negative"),
    )

    id: Mapped[int] = identity()
    pool_id: Mapped[int] = mapped_column(ForeignKey("pool.id"))
    resource_class: Mapped[str] = mapped_column(String(40))
    capacity: Mapped[int] = mapped_column(BigInteger)
    held: Mapped[int] = mapped_column(BigInteger, default=0)
    committed: Mapped[int] = mapped_column(BigInteger, default=0)


class Allocation(Base):
    """What a unit holds, or was promised; `origin` says by which act (`plan:<hash>/<workload>`)."""

    __tablename__ = "allocation"
    owned_by: ClassVar[str] = "unit"
    __table_args__ = (UniqueConstraint("origin", "pool_id"),)

    id: Mapped[int] = identity()
    origin: Mapped[str] = mapped_column(String(200), index=True)
    pool_id: Mapped[int] = mapped_column(ForeignKey("pool.id"))
    unit: Mapped[str] = mapped_column(String(40), index=True)
    state: Mapped[str] = mapped_column(String(20), default="held")
    revision: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    needed_from: Mapped[datetime | None]


class AllocationAmount(Base):
    """How much of one class an allocation holds."""

    __tablename__ = "allocation_amount"
    owned_through: ClassVar[str] = "allocation_id"
    __table_args__ = (UniqueConstraint("allocation_id", "resource_class"),)

    id: Mapped[int] = identity()
    allocation_id: Mapped[int] = mapped_column(ForeignKey("allocation.id"))
    resource_class: Mapped[str] = mapped_column(String(40))
    amount: Mapped[int] = mapped_column(BigInteger)


class LedgerEntry(Base):
    """A movement of a counter. Entries are only ever added."""

    __tablename__ = "ledger_entry"
    office_only: ClassVar[bool] = True
    __table_args__ = (UniqueConstraint("allocation_id", "resource_class", "turn"),)

    id: Mapped[int] = identity()
    at: Mapped[datetime]
    allocation_id: Mapped[int] = mapped_column(ForeignKey("allocation.id"))
    turn: Mapped[int]  # the allocation's revision after the act
    pool_id: Mapped[int] = mapped_column(ForeignKey("pool.id"))
    resource_class: Mapped[str] = mapped_column(String(40))
    act: Mapped[str] = mapped_column(String(20))  # hold, commit, release
    held: Mapped[int] = mapped_column(BigInteger)  # change of held
    committed: Mapped[int] = mapped_column(BigInteger)  # change of committed
