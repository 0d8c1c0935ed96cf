"""What is told about the register: one read model per noun."""

from __future__ import annotations

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict

Item = TypeVar("Item")


class Read(BaseModel):
    """Base: made from a row."""

    model_config = ConfigDict(from_attributes=True)


class RecordedRead(Read):
    """What every declared thing has."""

    state: str
    revision: int
    note: str


class CodedRead(RecordedRead):
    """A declared thing with a business key."""

    code: str
    name: str


class SiteRead(CodedRead):
    """A computer room or data centre."""

    unit_code: str
    division_code: str
    address: str
    ownership: str | None
    area_m2: int | None
    racks_total: int | None
    racks_used: int | None
    power_kva: int | None
    built_year: int | None


class NetworkRead(CodedRead):
    """A private network. `opex_fen`: yearly cost in 0.01 yuan."""

    unit_code: str
    site_code: str | None
    purpose: str
    reach: str
    ministry_run: bool
    zone: str
    isolation: str | None
    mlps_level: int | None
    filing_no: str
    endpoints: int | None
    built_year: int | None
    opex_fen: int | None
    disposition: str | None
    legal_basis: str


class DomainRead(CodedRead):
    """An address domain."""

    network_code: str


class PrefixRead(RecordedRead):
    """A prefix of one address domain."""

    domain_code: str
    cidr: str
    family: int
    role: str
    network_name: str
    usage: str


class PlatformRead(CodedRead):
    """A cloud platform with its declared capacity."""

    unit_code: str
    site_code: str | None
    kind: str
    parent_code: str | None
    technology: str
    access_mode: str | None
    cloud_name: str
    capacity_vcpu: int | None
    capacity_ram_gib: int | None
    capacity_disk_gib: int | None


class SystemRead(CodedRead):
    """An information system."""

    unit_code: str
    mlps_level: int
    filing_no: str
    zone: str
    criticality: str | None
    downtime_window: str


class WorkloadRead(CodedRead):
    """A server of a system; interfaces in order."""

    system_code: str
    unit_code: str
    platform_code: str
    project: str
    vcpu: int
    ram_mib: int
    disk_gib: int
    data_gib: int
    domain_code: str | None
    networks: list[str]
    addresses: list[str]


class DependencyRead(RecordedRead):
    """A flow between workloads; port 0: any."""

    source_code: str
    target_code: str
    kind: str
    port: int


class Page(BaseModel, Generic[Item]):
    """One page and how many there are in all (None: not asked for).

    `next` and `previous` are cursors of the pages beside it, None where the list ends or knows no
    cursors. `offset` is None on pages by cursor.
    """

    items: list[Item]
    total: int | None
    limit: int
    offset: int | None
    next: str | None = None
    previous: str | None = None
