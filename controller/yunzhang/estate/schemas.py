"""What is told about the register: one read model per noun."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from yunzhang.units.schemas import RecordedFields

Item = TypeVar("Item")


class Read(BaseModel):
    """Base: made from a row."""

    model_config = ConfigDict(from_attributes=True)


class DatedRead(Read):
    """A thing with the first and the last day of its use."""

    valid_from: date | None
    valid_to: date | None


class RecordedRead(RecordedFields):
    """What every declared thing has."""

    reasons: dict[str, str] | None


class CodedRead(RecordedRead):
    """A declared thing with a business key."""

    code: str
    name: str


class DecidedRead(CodedRead):
    """A declared thing with what is to become of it."""

    disposition: str | None
    legal_basis: str
    disposition_until: date | None


class SiteRead(DecidedRead, DatedRead):
    """A computer room or data centre."""

    unit_code: str
    division_code: str
    address: str
    ownership: str | None
    area_m2: int | None
    racks_total: int | None
    racks_used: int | None
    power_kva: int | None
    ups_kva: int | None
    level: str | None
    built_year: int | None
    retire_year: int | None


class NetworkRead(DecidedRead, DatedRead):
    """A private network. `opex_fen`: yearly cost in 0.01 yuan."""

    unit_code: str
    site_code: str | None
    purpose: str
    reach: str
    ministry_run: bool
    vertical_owner: str
    zone: str
    isolation: str | None
    mlps_level: int | None
    filing_no: str
    crypto_assessed: bool | None
    endpoints: int | None
    terminals: int | None
    built_year: int | None
    retire_year: int | None
    opex_fen: int | None
    target: str
    planned_on: date | None


class DomainRead(CodedRead):
    """An address domain."""

    network_code: str
    kind: str | None
    target_code: str | None
    merge_group: str


class SegmentRead(CodedRead):
    """A piece of a private network that is moved as one."""

    network_code: str
    domain_code: str | None
    site_code: str | None
    vlan: int | None
    endpoints: int | None


class PrefixRead(RecordedRead):
    """A prefix of one address domain."""

    domain_code: str
    cidr: str
    family: int
    role: str
    network_name: str
    usage: str
    segment_code: str | None


class RangeRead(RecordedRead):
    """Addresses from one to another in an address domain."""

    domain_code: str
    first: str
    last: str
    family: int
    role: str
    usage: str
    segment_code: str | None


class CircuitRead(CodedRead, DatedRead):
    """A carrier's line. `annual_fee_fen`: rent of a year in 0.01 yuan."""

    unit_code: str
    network_code: str | None
    carrier: str
    kind: str | None
    a_end: str
    z_end: str
    bandwidth_mbps: int
    annual_fee_fen: int | None
    contract_no: str
    expires_on: date | None
    replaced_by: str | None


class EgressRead(DecidedRead, DatedRead):
    """A way of a unit to the internet."""

    unit_code: str
    site_code: str | None
    carrier: str
    bandwidth_mbps: int
    public_prefixes: list[str]
    domains: list[str]
    icp_no: str
    boundary_devices: list[str]
    mlps_level: int | None
    filing_no: str
    target_code: str | None


class PlatformRead(DecidedRead, DatedRead):
    """A cloud platform with its declared capacity."""

    unit_code: str
    site_code: str | None
    kind: str
    parent_code: str | None
    chief_unit_code: str | None
    technology: str
    access_mode: str | None
    cloud_name: str
    capacity_vcpu: int | None
    vcpu_percent: int | None
    capacity_ram_gib: int | None
    capacity_disk_gib: int | None
    localised_percent: int | None
    mlps_level: int | None
    filing_no: str
    target_code: str | None


class SystemRead(DecidedRead, DatedRead):
    """An information system."""

    unit_code: str
    mlps_level: int
    filing_no: str
    zone: str
    criticality: str | None
    data_class: str | None
    rto_minutes: int | None
    rpo_minutes: int | None
    users: int | None
    localised: str | None
    downtime_window: str
    target_code: str | None


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
    platform_uuid: str | None
    power: str | None
    os: str
    arch: str | None
    form: str
    hardware: str
    serial: str
    site_code: str | None
    rack: str
    mgmt_address: str | None
    localised: bool | None


class DiskRead(RecordedRead):
    """A disk of a workload."""

    workload_code: str
    name: str
    size_gib: int
    boot: bool


class NicRead(RecordedRead):
    """A network interface of a workload."""

    workload_code: str
    name: str
    mac: str | None
    domain_code: str | None
    network_name: str
    addresses: list[str]


class DependencyRead(RecordedRead):
    """A flow between workloads; port 0: any."""

    source_code: str
    target_code: str
    kind: str
    port: int


class ResponsibilityRead(RecordedRead):
    """Who answers for a thing, as what, from and to which day."""

    object_sheet: str
    object_code: str
    duty: str
    person_code: str
    valid_from: date
    valid_to: date | None


class OpexRead(RecordedRead):
    """What a thing costs in a year, in 0.01 yuan."""

    unit_code: str
    object_sheet: str
    object_code: str
    year: int
    budget_fen: int | None
    actual_fen: int | None
    fund_source: str


class QualityRead(Read):
    """Data quality of what a unit has: how many things, how many measured, their mean."""

    unit_code: str
    items: int
    measured: int
    quality: int | None


class ChangeRead(Read):
    """One change of an item: what stood there before and after. `unit_code`: whose it was then;
    None: the office's."""

    id: int
    at: datetime
    principal: str
    batch_id: int | None
    sheet: str
    key: str
    unit_code: str | None
    act: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    reason: str


class BatchRead(Read):
    """One import. `counts`: rows by sheet key and action; `unit_code` None: the office's."""

    id: int
    file_name: str
    file_sha256: str
    template_version: str | None
    mode: str
    principal: str
    unit_code: str | None
    created_at: datetime
    counts: dict[str, dict[str, int]]
    excluded: dict[str, int]
    undone_at: datetime | None
    undone_by: str | None

    @property
    def written(self) -> int:
        """How many rows it created or changed."""
        return sum(of.get("create", 0) + of.get("update", 0) for of in self.counts.values())


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
