"""Tables of the register's declared side. Rows name each other by business key (编号).

Whose a row is stands in its `unit_code`, or in that of the row that `owned_through` names, or it
is the office's alone. Columns that came later and may not be empty have a default in the database
too, for the rows that were there before.
"""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from yunzhang.db import Base, Money, json_column
from yunzhang.units.models import CODE, Coded, Dated, Recorded, coded_reference

SHORT = String(20)
LONG = String(200)
KEY = String(320)
# Addresses as 32 hex digits sort as numbers; "C" keeps PostgreSQL from sorting by a language.
Address = String(32).with_variant(String(32, collation="C"), "postgresql")


class Decided:
    """What is to become of a thing (处置意见), on what basis and until when."""

    disposition: Mapped[str | None] = mapped_column(SHORT)
    legal_basis: Mapped[str] = mapped_column(LONG, default="", server_default="")
    disposition_until: Mapped[date | None]


class Site(Coded, Dated, Decided, Base):
    """A computer room or data centre. `level`: of GB 50174, A the best."""

    __tablename__ = "site"

    unit_code: Mapped[str] = coded_reference("unit.code")
    division_code: Mapped[str] = mapped_column(ForeignKey("division.code"), index=True)
    address: Mapped[str] = mapped_column(LONG, default="")
    ownership: Mapped[str | None] = mapped_column(SHORT)
    area_m2: Mapped[int | None]
    racks_total: Mapped[int | None]
    racks_used: Mapped[int | None]
    power_kva: Mapped[int | None]
    ups_kva: Mapped[int | None]
    level: Mapped[str | None] = mapped_column(SHORT)
    built_year: Mapped[int | None]
    retire_year: Mapped[int | None]


class PrivateNetwork(Coded, Dated, Decided, Base):
    """A department's own WAN or LAN (业务专网). `vertical_owner`: the ministry that runs it."""

    __tablename__ = "private_network"

    unit_code: Mapped[str] = coded_reference("unit.code")
    site_code: Mapped[str | None] = coded_reference("site.code", optional=True)
    purpose: Mapped[str] = mapped_column(Text, default="")
    reach: Mapped[str] = mapped_column(SHORT)
    ministry_run: Mapped[bool]
    vertical_owner: Mapped[str] = mapped_column(LONG, default="", server_default="")
    zone: Mapped[str] = mapped_column(SHORT)
    isolation: Mapped[str | None] = mapped_column(SHORT)
    mlps_level: Mapped[int | None]
    filing_no: Mapped[str] = mapped_column(LONG, default="")
    crypto_assessed: Mapped[bool | None]
    endpoints: Mapped[int | None]
    terminals: Mapped[int | None]
    built_year: Mapped[int | None]
    retire_year: Mapped[int | None]
    opex_fen: Mapped[int | None] = mapped_column(Money)
    target: Mapped[str] = mapped_column(LONG, default="", server_default="")
    planned_on: Mapped[date | None]


class AddressDomain(Coded, Base):
    """One routing space (地址域): inside it every address means one thing.

    `target_code`: the domain it is merged into; `merge_group`: domains that are merged together.
    """

    __tablename__ = "address_domain"
    owned_through: ClassVar[str] = "network_code"

    network_code: Mapped[str] = coded_reference("private_network.code")
    kind: Mapped[str | None] = mapped_column(SHORT)
    target_code: Mapped[str | None] = coded_reference("address_domain.code", optional=True)
    merge_group: Mapped[str] = mapped_column(LONG, default="", server_default="")


class Segment(Coded, Base):
    """A piece of a private network that is moved as one (专网片区)."""

    __tablename__ = "segment"
    owned_through: ClassVar[str] = "network_code"

    network_code: Mapped[str] = coded_reference("private_network.code")
    domain_code: Mapped[str | None] = coded_reference("address_domain.code", optional=True)
    site_code: Mapped[str | None] = coded_reference("site.code", optional=True)
    vlan: Mapped[int | None]
    endpoints: Mapped[int | None]


class Prefix(Recorded, Base):
    """A CIDR of one address domain. `lo` and `hi` are its ends as 32 hex digits."""

    __tablename__ = "prefix"
    __table_args__ = (
        UniqueConstraint("domain_code", "cidr"),
        Index("ix_prefix_span", "family", "lo", "hi"),
        Index("ix_prefix_role", "domain_code", "role"),
        Index("ix_prefix_free", "domain_code", "family", "lo", "hi"),  # free space, index only
    )
    owned_through: ClassVar[str] = "domain_code"

    domain_code: Mapped[str] = coded_reference("address_domain.code")
    cidr: Mapped[str] = mapped_column(String(43))
    family: Mapped[int]
    lo: Mapped[str] = mapped_column(Address)
    hi: Mapped[str] = mapped_column(Address)
    role: Mapped[str] = mapped_column(SHORT)
    network_name: Mapped[str] = mapped_column(LONG, default="")
    usage: Mapped[str] = mapped_column(LONG, default="")
    segment_code: Mapped[str | None] = coded_reference("segment.code", optional=True)


class AddressRange(Recorded, Base):
    """Addresses from `first` to `last`, which need not be a CIDR; ends as in Prefix."""

    __tablename__ = "address_range"
    __table_args__ = (
        UniqueConstraint("domain_code", "first", "last"),
        Index("ix_address_range_span", "family", "lo", "hi"),
    )
    owned_through: ClassVar[str] = "domain_code"

    domain_code: Mapped[str] = coded_reference("address_domain.code")
    first: Mapped[str] = mapped_column(String(39))
    last: Mapped[str] = mapped_column(String(39))
    family: Mapped[int]
    lo: Mapped[str] = mapped_column(Address)
    hi: Mapped[str] = mapped_column(Address)
    role: Mapped[str] = mapped_column(SHORT)
    usage: Mapped[str] = mapped_column(LONG, default="")
    segment_code: Mapped[str | None] = coded_reference("segment.code", optional=True)


class Circuit(Coded, Dated, Base):
    """A carrier's line. `annual_fee_fen`: rent of a year in 0.01 yuan.

    `expires_on`: end of the contract; the line itself may end earlier or later.
    """

    __tablename__ = "circuit"

    unit_code: Mapped[str] = coded_reference("unit.code")
    network_code: Mapped[str | None] = coded_reference("private_network.code", optional=True)
    carrier: Mapped[str] = mapped_column(SHORT)
    kind: Mapped[str | None] = mapped_column(SHORT)
    a_end: Mapped[str] = mapped_column(LONG)
    z_end: Mapped[str] = mapped_column(LONG)
    bandwidth_mbps: Mapped[int]
    annual_fee_fen: Mapped[int | None] = mapped_column(Money)
    contract_no: Mapped[str] = mapped_column(LONG, default="")
    expires_on: Mapped[date | None]
    replaced_by: Mapped[str | None] = coded_reference("circuit.code", optional=True)


class InternetEgress(Coded, Dated, Decided, Base):
    """A way of a unit to the internet. `target_code`: the egress it is merged into."""

    __tablename__ = "internet_egress"

    unit_code: Mapped[str] = coded_reference("unit.code")
    site_code: Mapped[str | None] = coded_reference("site.code", optional=True)
    carrier: Mapped[str] = mapped_column(SHORT)
    bandwidth_mbps: Mapped[int]
    public_prefixes: Mapped[list[Any]] = json_column(default=list)
    domains: Mapped[list[Any]] = json_column(default=list)
    icp_no: Mapped[str] = mapped_column(LONG, default="")
    boundary_devices: Mapped[list[Any]] = json_column(default=list)
    mlps_level: Mapped[int | None]
    filing_no: Mapped[str] = mapped_column(LONG, default="")
    target_code: Mapped[str | None] = coded_reference("internet_egress.code", optional=True)


class CloudPlatform(Coded, Dated, Decided, Base):
    """A cloud, sub-cloud or virtualisation farm. `cloud_name`: its entry in clouds.yaml.

    `vcpu_percent`: vCPUs that may be promised per 100 of capacity.
    """

    __tablename__ = "cloud_platform"

    unit_code: Mapped[str] = coded_reference("unit.code")
    site_code: Mapped[str | None] = coded_reference("site.code", optional=True)
    kind: Mapped[str] = mapped_column(SHORT)
    parent_code: Mapped[str | None] = coded_reference("cloud_platform.code", optional=True)
    chief_unit_code: Mapped[str | None] = coded_reference("unit.code", optional=True)
    technology: Mapped[str] = mapped_column(SHORT)
    access_mode: Mapped[str | None] = mapped_column(SHORT)
    cloud_name: Mapped[str] = mapped_column(CODE, default="")
    capacity_vcpu: Mapped[int | None]
    vcpu_percent: Mapped[int | None]
    capacity_ram_gib: Mapped[int | None]
    capacity_disk_gib: Mapped[int | None]
    localised_percent: Mapped[int | None]
    mlps_level: Mapped[int | None]
    filing_no: Mapped[str] = mapped_column(LONG, default="", server_default="")
    target_code: Mapped[str | None] = coded_reference("cloud_platform.code", optional=True)


class InfoSystem(Coded, Dated, Decided, Base):
    """An information system of a unit. `target_code`: the cloud it is to run on."""

    __tablename__ = "info_system"

    unit_code: Mapped[str] = coded_reference("unit.code")
    mlps_level: Mapped[int]
    filing_no: Mapped[str] = mapped_column(LONG, default="")
    zone: Mapped[str] = mapped_column(SHORT)
    criticality: Mapped[str | None] = mapped_column(SHORT)
    data_class: Mapped[str | None] = mapped_column(SHORT)
    rto_minutes: Mapped[int | None]
    rpo_minutes: Mapped[int | None]
    users: Mapped[int | None]
    localised: Mapped[str | None] = mapped_column(SHORT)
    downtime_window: Mapped[str] = mapped_column(LONG, default="")
    target_code: Mapped[str | None] = coded_reference("cloud_platform.code", optional=True)


class Workload(Coded, Base):
    """A server of a system. `networks` and `addresses` list its interfaces in order.

    `form`: `vm` or `physical`; of a physical server `serial` to `localised` tell which and where.
    """

    __tablename__ = "workload"
    __table_args__ = (
        UniqueConstraint("platform_code", "platform_uuid"),
        Index("ix_workload_state", "state", "code"),
        # whose an address is; on SQLite, which cannot look into lists, a plain index
        Index(
            "ix_workload_addresses",
            "addresses",
            postgresql_using="gin",
            postgresql_ops={"addresses": "jsonb_path_ops"},
        ),
    )

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
    platform_uuid: Mapped[str | None] = mapped_column(String(36))
    power: Mapped[str | None] = mapped_column(SHORT)
    os: Mapped[str] = mapped_column(LONG, default="", server_default="")
    arch: Mapped[str | None] = mapped_column(SHORT)
    form: Mapped[str] = mapped_column(SHORT, default="vm", server_default="vm")
    hardware: Mapped[str] = mapped_column(LONG, default="", server_default="")
    serial: Mapped[str] = mapped_column(LONG, default="", server_default="", index=True)
    site_code: Mapped[str | None] = coded_reference("site.code", optional=True)
    rack: Mapped[str] = mapped_column(LONG, default="", server_default="")
    mgmt_address: Mapped[str | None] = mapped_column(String(39))
    localised: Mapped[bool | None]


class Disk(Recorded, Base):
    """A disk of a workload."""

    __tablename__ = "disk"
    __table_args__ = (UniqueConstraint("workload_code", "name"),)
    owned_through: ClassVar[str] = "workload_code"

    workload_code: Mapped[str] = coded_reference("workload.code")
    name: Mapped[str] = mapped_column(CODE)
    size_gib: Mapped[int]
    boot: Mapped[bool]


class Nic(Recorded, Base):
    """A network interface of a workload."""

    __tablename__ = "nic"
    __table_args__ = (UniqueConstraint("workload_code", "name"),)
    owned_through: ClassVar[str] = "workload_code"

    workload_code: Mapped[str] = coded_reference("workload.code")
    name: Mapped[str] = mapped_column(CODE)
    mac: Mapped[str | None] = mapped_column(String(17), index=True)
    domain_code: Mapped[str | None] = coded_reference("address_domain.code", optional=True)
    network_name: Mapped[str] = mapped_column(LONG, default="")
    addresses: Mapped[list[Any]] = json_column(default=list)


class Dependency(Recorded, Base):
    """A flow from one workload to another. `port` 0: any or unknown."""

    __tablename__ = "dependency"
    __table_args__ = (UniqueConstraint("source_code", "target_code", "port"),)
    owned_through: ClassVar[str] = "source_code"

    source_code: Mapped[str] = coded_reference("workload.code")
    target_code: Mapped[str] = coded_reference("workload.code")
    kind: Mapped[str] = mapped_column(SHORT)
    port: Mapped[int] = mapped_column(default=0)


class Responsibility(Recorded, Base):
    """Who answers for a thing, as what, from and to which day."""

    __tablename__ = "responsibility"
    __table_args__ = (
        UniqueConstraint("object_sheet", "object_code", "duty", "person_code", "valid_from"),
    )
    owned_through: ClassVar[str] = "person_code"

    object_sheet: Mapped[str] = mapped_column(SHORT)
    object_code: Mapped[str] = mapped_column(CODE)
    duty: Mapped[str] = mapped_column(SHORT)
    person_code: Mapped[str] = coded_reference("person.code")
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]


class Opex(Recorded, Base):
    """What a thing costs in a year, in 0.01 yuan (运维经费)."""

    __tablename__ = "opex"
    __table_args__ = (UniqueConstraint("object_sheet", "object_code", "year"),)

    unit_code: Mapped[str] = coded_reference("unit.code")
    object_sheet: Mapped[str] = mapped_column(SHORT)
    object_code: Mapped[str] = mapped_column(CODE)
    year: Mapped[int]
    budget_fen: Mapped[int | None] = mapped_column(Money)
    actual_fen: Mapped[int | None] = mapped_column(Money)
    fund_source: Mapped[str] = mapped_column(LONG, default="")
