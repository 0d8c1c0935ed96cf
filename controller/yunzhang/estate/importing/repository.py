"""Queries of what an import is compared with; as many as the file has sheets, not rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from itertools import groupby
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Text,
    and_,
    cast,
    func,
    or_,
    select,
    tuple_,
    type_coerce,
)

from yunzhang.db import Session
from yunzhang.estate.addresses.blocks import WIDTH, Block, to_hex
from yunzhang.estate.importing.known import KnownPrefix, KnownUnit, Server
from yunzhang.estate.models import (
    AddressDomain,
    AddressRange,
    CloudPlatform,
    Disk,
    Nic,
    Prefix,
    PrivateNetwork,
    Responsibility,
    Workload,
)
from yunzhang.estate.repository import chunks
from yunzhang.units.models import Unit


def unit_names(session: Session) -> list[KnownUnit]:
    """Names of all units, and the successors of those that are closed."""
    query = select(
        Unit.code, Unit.name, Unit.aliases, Unit.uscc, Unit.valid_to, Unit.replaced_by
    ).order_by(Unit.code)
    return [KnownUnit(*row) for row in session.execute(query)]


def zones_of(session: Session, domains: Collection[str]) -> dict[str, str]:
    """Address domain → network zone of its network."""
    found: dict[str, str] = {}
    for chunk in chunks(domains):
        query = select(AddressDomain.code, PrivateNetwork.zone).join(
            PrivateNetwork, AddressDomain.network_code == PrivateNetwork.code
        )
        found.update((c, z) for c, z in session.execute(query.where(AddressDomain.code.in_(chunk))))
    return found


def network_zones(session: Session, networks: Collection[str]) -> dict[str, str]:
    """Network → its zone."""
    found: dict[str, str] = {}
    for chunk in chunks(networks):
        query = select(PrivateNetwork.code, PrivateNetwork.zone)
        found.update(
            (c, z) for c, z in session.execute(query.where(PrivateNetwork.code.in_(chunk)))
        )
    return found


def platform_uuids(session: Session, uuids: Collection[str]) -> dict[tuple[str, str], str]:
    """(platform, uuid) → workload, of those that are stored."""
    found: dict[tuple[str, str], str] = {}
    for chunk in chunks(uuids):
        query = select(Workload.platform_code, Workload.platform_uuid, Workload.code)
        for platform, uuid, code in session.execute(query.where(Workload.platform_uuid.in_(chunk))):
            found[platform, uuid or ""] = code
    return found


def platform_loads(
    session: Session, platforms: Collection[str]
) -> dict[str, tuple[int | None, int | None, int]]:
    """Platform → its vCPUs, percent that may be promised, vCPUs of the workloads on it."""
    loads: Counter[str] = Counter()
    found: dict[str, tuple[int | None, int | None, int]] = {}
    for chunk in chunks(platforms):
        total = select(Workload.platform_code, func.sum(Workload.vcpu))
        for code, vcpu in session.execute(
            total.where(Workload.platform_code.in_(chunk)).group_by(Workload.platform_code)
        ):
            loads[code] = int(vcpu or 0)
        query = select(CloudPlatform.code, CloudPlatform.capacity_vcpu, CloudPlatform.vcpu_percent)
        for code, room, percent in session.execute(query.where(CloudPlatform.code.in_(chunk))):
            found[code] = room, percent, loads[code]
    return found


def duties_of(session: Session, persons: Collection[str]) -> Counter[str]:
    """Person → for how many things they are the responsible one today."""
    found: Counter[str] = Counter()
    for chunk in chunks(persons):
        query = select(Responsibility.person_code, func.count()).where(
            Responsibility.person_code.in_(chunk),
            Responsibility.duty == "responsible",
            Responsibility.valid_to.is_(None),
        )
        for code, number in session.execute(query.group_by(Responsibility.person_code)):
            found[code] = number
    return found


def known_prefixes(session: Session, domains: Collection[str]) -> list[KnownPrefix]:
    """All prefixes of these address domains."""
    found: list[KnownPrefix] = []
    for chunk in chunks(domains):
        query = select(
            Prefix.domain_code, Prefix.cidr, Prefix.role, Prefix.network_name,
            Prefix.family, Prefix.lo, Prefix.hi,
        ).where(Prefix.domain_code.in_(chunk))  # fmt: skip
        found.extend(
            KnownPrefix(domain, cidr, role, name, Block(family, int(lo, 16), int(hi, 16)))
            for domain, cidr, role, name, family, lo, hi in session.execute(query)
        )
    return found


def servers_of(session: Session, codes: Collection[str]) -> dict[str, Server]:
    """Server → what its row sums up of its parts."""
    found: dict[str, Server] = {}
    for chunk in chunks(codes):
        query = select(Workload.code, cast(Workload.disk_gib, BigInteger) + Workload.data_gib,
                       Workload.addresses)  # fmt: skip
        for code, size, addresses in session.execute(query.where(Workload.code.in_(chunk))):
            found[code] = Server(size, addresses)
    return found


def parts_of(
    session: Session, model: type[Disk] | type[Nic], column: str, codes: Collection[str]
) -> dict[str, dict[str, Any]]:
    """Server → its disks or interfaces by name, with what stands in `column`."""
    found: dict[str, dict[str, Any]] = {}
    for chunk in chunks(codes):
        query = select(model.workload_code, model.name, getattr(model, column))
        for code, name, value in session.execute(query.where(model.workload_code.in_(chunk))):
            found.setdefault(code, {})[name] = value
    return found


def serial_holders(session: Session, serials: Collection[str]) -> dict[str, str]:
    """Serial number → server."""
    found: dict[str, str] = {}
    for chunk in chunks(serials):
        query = select(Workload.serial, Workload.code).where(Workload.serial.in_(chunk))
        found.update((serial, code) for serial, code in session.execute(query))
    return found


def mac_holders(session: Session, macs: Collection[str]) -> dict[str, tuple[str, str]]:
    """MAC address → server and interface."""
    found: dict[str, tuple[str, str]] = {}
    for chunk in chunks(macs):
        query = select(Nic.mac, Nic.workload_code, Nic.name).where(Nic.mac.in_(chunk))
        found.update((mac or "", (code, name)) for mac, code, name in session.execute(query))
    return found


def domain_owners(session: Session) -> dict[str, tuple[str, str]]:
    """Address domain → its network and its unit, of all of them."""
    query = select(AddressDomain.code, PrivateNetwork.code, PrivateNetwork.unit_code).join(
        PrivateNetwork, AddressDomain.network_code == PrivateNetwork.code
    )
    return {domain: (network, unit) for domain, network, unit in session.execute(query)}


def spans_meeting(session: Session, stretches: Iterable[Block]) -> list[tuple[str, int, str]]:
    """Domain, family and packed ends (see `addresses.spans`) of what is used in `stretches`.

    Summaries are left out. A CIDR that meets a stretch begins in it, or is one of the few that
    contain its first address, so that the index on the ends finds both.
    """
    found: list[tuple[str, int, str]] = []
    for model in (Prefix, AddressRange):
        packed = func.aggregate_strings(type_coerce(model.lo.concat(model.hi), Text), "")
        for family, parts in groupby(stretches, key=lambda block: block.family):
            meets = or_(*(_meets(model, block) for block in parts))
            query = select(model.domain_code, packed).group_by(model.domain_code)
            query = query.where(model.family == family, model.role != "container", meets)
            found.extend((domain, family, ends) for domain, ends in session.execute(query))
    return found


def _meets(model: Any, block: Block) -> ColumnElement[bool]:
    lo, hi = to_hex(block.lo), to_hex(block.hi)
    if model is AddressRange:
        return and_(model.lo <= hi, model.hi >= lo)
    masks = ((1 << bits) - 1 for bits in range(1, WIDTH[block.family] + 1))
    around = [(to_hex(block.lo & ~mask), to_hex(block.lo | mask)) for mask in masks]
    return or_(model.lo.between(lo, hi), tuple_(model.lo, model.hi).in_(around))
