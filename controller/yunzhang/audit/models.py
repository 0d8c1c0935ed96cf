"""Tables of the audit record: entries, the blocks that seal them, and what waits to be sealed."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from yunzhang.audit.append_only import make_append_only
from yunzhang.db import Base, identity, json_column
from yunzhang.db.base import Key

# No foreign keys here: what is missing must be found and named by `verify`, not made impossible to
# store by whoever took it away. The same rows refuse changes by triggers.


class AuditEntry(Base):
    """One act: who, from where, what. Entries are only ever added, in the act's transaction."""

    __tablename__ = "audit_entry"
    office_only: ClassVar[bool] = True

    id: Mapped[int] = identity()
    at: Mapped[datetime] = mapped_column(index=True)
    principal: Mapped[str] = mapped_column(String(80), index=True)
    roles: Mapped[Any] = json_column(default=list)
    # how the act came in (cli, api, worker) and from which address
    channel: Mapped[str] = mapped_column(String(20), default="")
    address: Mapped[str] = mapped_column(String(100), default="")
    request: Mapped[str] = mapped_column(String(64), default="")
    act: Mapped[str] = mapped_column(String(80))
    noun: Mapped[str] = mapped_column(String(40))
    reference: Mapped[str] = mapped_column(String(200), index=True)
    before: Mapped[Any] = json_column(nullable=True)
    after: Mapped[Any] = json_column(nullable=True)
    details: Mapped[Any] = json_column()
    waiting: Mapped[AuditWaiting | None] = relationship(
        primaryjoin="AuditEntry.id == foreign(AuditWaiting.entry_id)", uselist=False, lazy="raise"
    )


class AuditWaiting(Base):
    """An entry that no block holds yet. Written with the entry, removed when it is sealed.

    Ids are given before transactions end, so a smaller one may appear after a larger one was
    sealed; this list, and no range of ids, says what is left to seal.
    """

    __tablename__ = "audit_waiting"
    office_only: ClassVar[bool] = True

    entry_id: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=False)


class AuditSeal(Base):
    """The place of an entry in its block, with the hash (leaf) it was sealed under."""

    __tablename__ = "audit_seal"
    __table_args__ = (UniqueConstraint("block", "position"),)
    office_only: ClassVar[bool] = True

    entry_id: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=False)
    block: Mapped[int] = mapped_column(Key)
    position: Mapped[int]
    leaf: Mapped[str] = mapped_column(String(64))


class AuditBlock(Base):
    """A sealed block: Merkle root over `count` entries, chained to the block before it.

    `digest` is the SHA-256 of the header, `mac` the HMAC-SHA256 of the digest under `key`.
    """

    __tablename__ = "audit_block"
    office_only: ClassVar[bool] = True

    number: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    count: Mapped[int]
    root: Mapped[str] = mapped_column(String(64))
    previous: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(16))
    digest: Mapped[str] = mapped_column(String(64))
    mac: Mapped[str] = mapped_column(String(64))


for kept in (AuditEntry, AuditSeal, AuditBlock):
    make_append_only(kept.metadata.tables[kept.__tablename__])
