"""What is remembered of free space: a full pool is not read from its beginning each time."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from yunzhang.db import Base, identity
from yunzhang.estate.models import Address
from yunzhang.units.models import CODE


class FreeFloor(Base):
    """Below `floor`, a pool has no free CIDR of `length`. As many hex digits as in Prefix.

    It only ever rises: whoever removes a prefix or range removes all floors with it. One that is
    too high would waste space; what is found above it is looked at each time, so nothing is given
    away twice.
    """

    __tablename__ = "free_floor"
    __table_args__ = (UniqueConstraint("domain_code", "pool", "length"),)
    owned_through: ClassVar[str] = "domain_code"

    id: Mapped[int] = identity()
    domain_code: Mapped[str] = mapped_column(
        CODE, ForeignKey("address_domain.code", ondelete="CASCADE")
    )
    pool: Mapped[str] = mapped_column(String(43))
    length: Mapped[int]
    floor: Mapped[str] = mapped_column(Address)
