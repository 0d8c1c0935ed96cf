"""Tables of the register's declared side. Rows name each other by business key (编号)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from yunzhang.db import Base, Money, identity, json_column
from yunzhang.units.models import CODE, Coded, Recorded, coded_reference

SHORT = String(20)
LONG = String(200)
# Addresses as 32 hex digits sort as numbers; "C" keeps PostgreSQL from sorting by a language.
Address = String(32).with_variant(String(32, collation="C"), "postgresql")


class Site(Coded, Base):
    """A computer room or data centre."""

    __tablename__ = "site"

    unit_code: Mapped[str] = coded_reference("unit.code")
    division_code: Mapped[str] = mapped_column(ForeignKey("division.code"), index=True)
    address: Mapped[str] = mapped_column(LONG, default="")
    ownership: Mapped[str | None] = mapped_column(SHORT)
    area_m2: Mapped[int | None]
    racks_total: Mapped[int | None]
    racks_used: Mapped[int | None]
    power_kva: Mapped[int | None]
    built_year: Mapped[int | None]


class PrivateNetwork(Coded, Base):
    """A department's own WAN or LAN (业务专网)."""

    __tablename__ = "private_network"

    unit_code: Mapped[str] = coded_reference("unit.code")
    site_code: Mapped[str | None] = coded_reference("site.code", optional=True)
    purpose: Mapped[str] = mapped_column(Text, default="")
    reach: Mapped[str] = mapped_column(SHORT)
    ministry_run: Mapped[bool]
    zone: Mapped[str] = mapped_column(SHORT)
    isolation: Mapped[str | None] = mapped_column(SHORT)
    mlps_level: Mapped[int | None]
    filing_no: Mapped[str] = mapped_column(LONG, default="")
    endpoints: Mapped[int | None]
    built_year: Mapped[int | None]
    opex_fen: Mapped[int | None] = mapped_column(Money)
    disposition: Mapped[str | None] = mapped_column(SHORT)
    legal_basis: Mapped[str] = mapped_column(LONG, default="")


class AddressDomain(Coded, Base):
    """One routing space (地址域): inside it every address means one thing."""

    __tablename__ = "address_domain"
    owned_through: ClassVar[str] = "network_code"

    network_code: Mapped[str] = coded_reference("private_network.code")


class Prefix(Recorded, Base):
    """A CIDR of one address domain. `lo` and `hi` are its ends as 32 hex digits."""

    __tablename__ = "prefix"
    owned_through: ClassVar[str] = "domain_code"
    __table_args__ = (
        UniqueConstraint("domain_code", "cidr"),
        Index("ix_prefix_span", "family", "lo", "hi"),
    )

    domain_code: Mapped[str] = coded_reference("address_domain.code")
    cidr: Mapped[str] = mapped_column(String(43))
    family: Mapped[int]
    lo: Mapped[str] = mapped_column(Address)
    hi: Mapped[str] = mapped_column(Address)
    role: Mapped[str] = mapped_column(SHORT)
    network_name: Mapped[str] = mapped_column(LONG, default="")
    usage: Mapped[str] = mapped_column(LONG, default="")


class CloudPlatform(Coded, Base):
    """A cloud, sub-cloud or virtualisation farm. `cloud_name`: its entry in clouds.yaml."""

    __tablename__ = "cloud_platform"

    unit_code: Mapped[str] = coded_reference("unit.code")
    site_code: Mapped[str | None] = coded_reference("site.code", optional=True)
    kind: Mapped[str] = mapped_column(SHORT)
    parent_code: Mapped[str | None] = coded_reference("cloud_platform.code", optional=True)
    technology: Mapped[str] = mapped_column(SHORT)
    access_mode: Mapped[str | None] = mapped_column(SHORT)
    cloud_name: Mapped[str] = mapped_column(CODE, default="")
    capacity_vcpu: Mapped[int | None]
    capacity_ram_gib: Mapped[int | None]
    capacity_disk_gib: Mapped[int | None]


class InfoSystem(Coded, Base):
    """An information system of a unit."""

    __tablename__ = "info_system"

    unit_code: Mapped[str] = coded_reference("unit.code")
    mlps_level: Mapped[int]
    filing_no: Mapped[str] = mapped_column(LONG, default="")
    zone: Mapped[str] = mapped_column(SHORT)
    criticality: Mapped[str | None] = mapped_column(SHORT)
    downtime_window: Mapped[str] = mapped_column(LONG, default="")


class Workload(Coded, Base):
    """A server of a system. `networks` and `addresses` list its interfaces in order."""

    __tablename__ = "workload"

    system_code: Mapped[str] = coded_reference("info_system.code")
    unit_code: Mapped[str] = coded_reference("unit.code")
    platform_code: Mapped[str] = coded_reference("cloud_platform.code")
    project: Mapped[str] = mapped_column(LONG, default="")
    vcpu: Mapped[int]
    ram_mib: Mapped[int]
    disk_gib: Mapped[int]
    data_gib: Mapped[int] = mapped_column(default=0)
    domain_code: Mapped[str | None] = coded_reference("address_domain.code", optional=True)
    networks: Mapped[list[Any]] = json_column(default=list)
    addresses: Mapped[list[Any]] = json_column(default=list)


class Dependency(Recorded, Base):
    """A flow from one workload to another. `port` 0: any or unknown."""

    __tablename__ = "dependency"
    owned_through: ClassVar[str] = "source_code"
    __table_args__ = (UniqueConstraint("source_code", "target_code", "port"),)

    source_code: Mapped[str] = coded_reference("workload.code")
    target_code: Mapped[str] = coded_reference("workload.code")
    kind: Mapped[str] = mapped_column(SHORT)
    port: Mapped[int] = mapped_column(default=0)


class ImportBatch(Base):
    """One import that was written. `excluded` counts refused classified items by unit."""

    __tablename__ = "import_batch"
    office_only: ClassVar[bool] = True

    id: Mapped[int] = identity()
    file_name: Mapped[str] = mapped_column(LONG)
    file_sha256: Mapped[str] = mapped_column(String(64), index=True)
    mode: Mapped[str] = mapped_column(SHORT)
    principal: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime]
    counts: Mapped[Any] = json_column()
    excluded: Mapped[Any] = json_column()
