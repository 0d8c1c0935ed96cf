"""Queries of addresses. A million spans are read packed: a few long texts, not a million rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Text, cast, func, select, text, tuple_, type_coerce
from sqlalchemy.dialects.postgresql import JSONB

from yunzhang.db import Session
from yunzhang.db.locks import Lock
from yunzhang.estate.addresses.blocks import WIDTH, Block, format_block, to_hex
from yunzhang.estate.addresses.models import FreeFloor
from yunzhang.estate.addresses.remedies import ROLES
from yunzhang.estate.addresses.spans import Packed
from yunzhang.estate.models import AddressDomain, AddressRange, Prefix, PrivateNetwork, Workload
from yunzhang.units.models import Unit

# Tables of spans that occupy addresses: domain, family, lo, hi, role, state.
SPANS: tuple[Any, ...] = (Prefix, AddressRange)
# What a range's role means for the addresses in it.
RANGE_ROLES = {"used": "leaf", "dhcp": "leaf", "reserved": "pool"}


class DomainOwner(NamedTuple):
    """An address domain, its network and its unit, with what the remedies look at."""

    domain_code: str
    domain_name: str
    network_code: str
    network_name: str
    unit_code: str
    unit_name: str
    ministry_run: bool
    isolation: str | None
    disposition: str | None


def domain_owners(session: Session, codes: Sequence[str] | None = None) -> dict[str, DomainOwner]:
    """Address domains (all, or those named) with whom they belong to, by code."""
    query = (
        select(
            AddressDomain.code, AddressDomain.name, PrivateNetwork.code, PrivateNetwork.name,
            PrivateNetwork.unit_code, func.coalesce(Unit.name, ""), PrivateNetwork.ministry_run,
            PrivateNetwork.isolation, PrivateNetwork.disposition,
        )
        .join(PrivateNetwork, AddressDomain.network_code == PrivateNetwork.code)
        # whom a site was given sees the networks in it, not their units
        .outerjoin(Unit, PrivateNetwork.unit_code == Unit.code)
        .order_by(AddressDomain.code)
    )  # fmt: skip
    if codes is not None:
        query = query.where(AddressDomain.code.in_(codes))
    return {row[0]: DomainOwner(*row) for row in session.execute(query)}


def _packed(model: Any) -> Any:
    return func.aggregate_strings(type_coerce(model.lo.concat(model.hi), Text), "")


def packed_spans(session: Session, domains: dict[str, int]) -> Iterator[Packed]:
    """All spans of `domains` (code → number), packed by domain, family and role."""
    for model in SPANS:
        query = select(
            model.domain_code, model.family, model.role,
            _packed(model),
        ).group_by(model.domain_code, model.family, model.role)  # fmt: skip
        # pages of conflicts are the same each time they are asked for
        query = query.order_by(model.domain_code, model.family, model.role)
        for domain, family, role, found in session.execute(query):
            if domain in domains:
                number = ROLES.index(RANGE_ROLES.get(role, role))
                yield Packed(family, domains[domain], number, found)


def spans_inside(session: Session, domain: str, block: Block, floor: int) -> list[Packed]:
    """Everything declared in `domain` inside `block` from `floor` on, in whatever state, unordered.

    What is archived stays in: its addresses are in quarantine until the row is removed. What
    contains `block`, as itself does, may be among them. Below `floor` counts as one span.
    """
    lo, hi = to_hex(floor), to_hex(block.hi)
    found: list[Packed] = []
    # a CIDR that begins before the floor reaches over it only if it contains it; a range may do so
    conditions: list[tuple[Any, Any]] = [
        (Prefix, Prefix.lo.between(lo, hi)),
        (AddressRange, (AddressRange.lo <= hi) & (AddressRange.hi >= lo)),
    ]
    if floor > block.lo:
        over = covering(Block(block.family, floor, floor))
        conditions.append((Prefix, (Prefix.lo < lo) & tuple_(Prefix.lo, Prefix.hi).in_(over)))
        found.append(Packed(block.family, 0, 0, to_hex(block.lo) + to_hex(floor - 1)))
    for model, inside in conditions:
        query = select(_packed(model)).where(
            model.domain_code == domain, model.family == block.family, inside
        )
        if joined := session.scalar(query):
            found.append(Packed(block.family, 0, 0, joined))
    return found


def floors_of(session: Session, domain: str, length: int) -> dict[str, int]:
    """Pool → below which address it has no free CIDR of `length`, as far as that is known."""
    query = select(FreeFloor.pool, FreeFloor.floor).where(
        FreeFloor.domain_code == domain, FreeFloor.length == length
    )
    return {pool: int(floor, 16) for pool, floor in session.execute(query)}


def keep_floors(session: Session, domain: str, length: int, floors: Mapping[str, int]) -> None:
    """Remember floors, in a transaction that holds the lock of the domain."""
    for pool, floor in floors.items():
        of = (FreeFloor.domain_code == domain, FreeFloor.length == length, FreeFloor.pool == pool)
        known = session.scalar(select(FreeFloor).where(*of))
        if known is None:
            known = FreeFloor(domain_code=domain, pool=pool, length=length)
            session.add(known)
        # a pool that is full to the last address of its family has no address above it
        known.floor = to_hex(min(floor, (1 << 128) - 1))


class Pool(NamedTuple):
    """A prefix others may be taken from."""

    cidr: str
    role: str
    block: Block


def pools(session: Session, domain: str, *, cidr: str | None, family: int) -> list[Pool]:
    """The pool (or container) `cidr` of a domain, or all its pools of a family in order."""
    query = select(Prefix.cidr, Prefix.role, Prefix.family, Prefix.lo, Prefix.hi).where(
        Prefix.domain_code == domain
    )
    if cidr is None:
        query = query.where(Prefix.role == "pool", Prefix.family == family)
    else:
        query = query.where(Prefix.cidr == cidr)
    return [
        Pool(cidr, role, Block(family, int(lo, 16), int(hi, 16)))
        for cidr, role, family, lo, hi in session.execute(query.order_by(Prefix.lo, Prefix.hi))
    ]


def covering(block: Block) -> list[tuple[str, str]]:
    """First and last address, as stored, of every CIDR that contains `block`."""
    found = []
    for bits in range(WIDTH[block.family] + 1):
        host = (1 << bits) - 1
        lo, hi = block.lo & ~host, block.lo | host
        if hi >= block.hi:
            found.append((to_hex(lo), to_hex(hi)))
    return found


def leaf_over(session: Session, domain: str, block: Block) -> str | None:
    """A leaf or a range of `domain` that contains all of `block`."""
    blocks = (Block(block.family, int(lo, 16), int(hi, 16)) for lo, hi in covering(block))
    query = select(Prefix.cidr, Prefix.role).where(
        Prefix.domain_code == domain, Prefix.cidr.in_([format_block(each) for each in blocks])
    )
    leaf = next((cidr for cidr, role in session.execute(query) if role == "leaf"), None)
    if leaf is not None:
        return str(leaf)
    ranges = select(AddressRange.first, AddressRange.last).where(
        AddressRange.domain_code == domain,
        AddressRange.family == block.family,
        AddressRange.lo <= to_hex(block.lo),
        AddressRange.hi >= to_hex(block.hi),
    )
    found = session.execute(ranges.limit(1)).first()
    return f"{found.first}-{found.last}" if found else None


def lock_domain(session: Session, domain: str) -> None:
    """Wait for this domain's free space and for imports to end.

    Held until the transaction ends. SQLite has one writer anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(
            text(
                "SELECT pg_advisory_xact_lock_shared(:imports),"
                " pg_advisory_xact_lock(:key, hashtext(:domain))"
            ),
            {"imports": Lock.IMPORT, "key": Lock.DOMAIN, "domain": domain},
        )


def containing(session: Session, block: Block) -> Sequence[Prefix]:
    """Prefixes of all domains that contain `block`, by domain, the widest first."""
    query = select(Prefix).where(
        Prefix.family == block.family, tuple_(Prefix.lo, Prefix.hi).in_(covering(block))
    )
    return session.scalars(query.order_by(Prefix.domain_code, Prefix.lo, Prefix.hi.desc())).all()


def holders(session: Session, address: str, limit: int) -> Sequence[Workload]:
    """Workloads whose addresses have `address`, by domain and code."""
    if session.get_bind().dialect.name == "postgresql":
        held = cast(Workload.addresses, JSONB).contains([address])
    else:
        each = func.json_each(Workload.addresses).table_valued("value")
        held = select(each.c.value).where(each.c.value == address).exists()
    query = select(Workload).where(held).order_by(Workload.domain_code, Workload.code)
    return session.scalars(query.limit(limit)).all()
