"""Rules of addresses: the merge forecast, the next free prefix, whose an address is."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from yunzhang import audit, clock
from yunzhang.db import Session
from yunzhang.errors import Conflict, InputError, NotFound, Shortage
from yunzhang.estate import history
from yunzhang.estate.addresses import repository
from yunzhang.estate.addresses.blocks import (
    WIDTH,
    AddressError,
    Block,
    format_address,
    format_block,
    is_private,
    parse_address,
    parse_block,
    to_hex,
)
from yunzhang.estate.addresses.repository import DomainOwner, Pool
from yunzhang.estate.addresses.schemas import (
    ConflictReport,
    ConflictSide,
    FreePrefix,
    FreeRequest,
    WhoisDomain,
    WhoisPrefix,
    WhoisReport,
    WhoisWorkload,
)
from yunzhang.estate.history import Entry
from yunzhang.estate.importing.known import key_text
from yunzhang.estate.models import Prefix
from yunzhang.estate.pages import MAX_PAGE
from yunzhang.units.scope import Principal, demand, doing, unrestricted

# Workloads told about one address; more than these share a floating address only by mistake.
MAX_HOLDERS = 200


def find_conflicts(
    session: Session,
    principal: Principal,
    *,
    unit: str | None = None,
    network: str | None = None,
    limit: int = 100,
    offset: int = 0,
) -> ConflictReport:
    """Every overlap between address domains; `unit` or `network` narrows to their share.

    Who does not see the whole office gets their own domains' share, and of others in it the unit.
    """
    from yunzhang.estate.addresses import (
        conflicts,
        spans,  # numpy takes a while to import
    )

    demand(principal, "read")
    if not (0 <= limit <= MAX_PAGE) or offset < 0:
        raise InputError("estate.page_bad", limit=limit, offset=offset, maximum=MAX_PAGE)
    seen = None if principal.reach().office else repository.domain_owners(session).keys()
    with unrestricted(session):
        owners = list(repository.domain_owners(session).values())
        numbers = {owner.domain_code: number for number, owner in enumerate(owners)}
        found = spans.unpack(list(repository.packed_spans(session, numbers)))
    own = None
    if unit or network or seen is not None:
        own = frozenset(
            number
            for number, owner in enumerate(owners)
            if unit in (None, owner.unit_code)
            and network in (None, owner.network_code)
            and (seen is None or owner.domain_code in seen)
        )
    report = conflicts.Forecast(found, owners, own).report(limit, offset)
    return report if seen is None else _as_seen(report, seen)


def _as_seen(report: ConflictReport, seen: Collection[str]) -> ConflictReport:
    """Of the other side of a conflict, nothing but whose it is."""

    def told(side: ConflictSide) -> ConflictSide:
        if side.domain_code in seen:
            return side
        hidden = dict.fromkeys(("cidr", "role", "domain_code", "network_code", "network_name"), "")
        return side.model_copy(update=hidden)

    pairs = [
        pair.model_copy(update={"first": told(pair.first), "second": told(pair.second)})
        for pair in report.pairs
    ]
    return report.model_copy(update={"pairs": pairs})


def look_free(
    session: Session, principal: Principal, domain: str, asked: FreeRequest
) -> FreePrefix:
    """The prefix that `take_free` would take now. Raises as it does."""
    demand(principal, "read")
    if domain not in repository.domain_owners(session, [domain]):
        raise NotFound("addresses.domain_unknown", domain=domain)
    return _find(session, domain, asked)[0]


@doing("import")
def take_free(
    session: Session, principal: Principal, domain: str, asked: FreeRequest
) -> FreePrefix:
    """Declare the next free prefix of a domain's pools as a leaf; nobody else gets the same.

    Raises NotFound `addresses.domain_unknown`, `pool_unknown`; InputError `length_bad`,
    `pool_bad`; Conflict `pool_in_leaf`; Shortage `no_space`.
    """
    repository.lock_domain(session, domain)
    owner = repository.domain_owners(session, [domain]).get(domain)
    if owner is None:
        raise NotFound("addresses.domain_unknown", domain=domain)
    found, floors = _find(session, domain, asked)
    block = parse_block(found.cidr)
    now = clock.now()
    session.add(
        Prefix(
            domain_code=domain, cidr=found.cidr, family=block.family, lo=to_hex(block.lo),
            hi=to_hex(block.hi), role="leaf", network_name=asked.network_name, usage=asked.usage,
            state="draft", revision=1, created_at=now, updated_at=now,
        )
    )  # fmt: skip
    session.flush()
    repository.keep_floors(session, domain, asked.length, floors)
    after = {"cidr": found.cidr, "role": "leaf", "network_name": asked.network_name,
             "usage": asked.usage}  # fmt: skip
    key = key_text((domain, found.cidr))
    entry = Entry("prefixes", key, owner.unit_code, history.TAKE, None, after)
    # undoing the import that brought the pool asks for what was taken from it
    pool = key_text((domain, found.pool))
    history.log_changes(session, [entry], at=now, principal=principal.name, reason=pool)
    audit.record(session, principal, "take", "prefix", f"{domain}/{found.cidr}",
                 pool=found.pool, policy=asked.policy)  # fmt: skip
    return found.model_copy(update={"taken": True})


def _find(
    session: Session, domain: str, asked: FreeRequest
) -> tuple[FreePrefix, Mapping[str, int]]:
    """What is free, and below which address each pool looked at has nothing once it is taken."""
    from yunzhang.estate.addresses import spans
    from yunzhang.estate.addresses.free import find_free

    # a best fit may lie anywhere; only of a first one something can be said of all before it
    first = asked.policy == "first"
    known = repository.floors_of(session, domain, asked.length) if first else {}
    floors: dict[str, int] = {}
    for pool in _pools(session, domain, asked):
        block, floor = pool.block, known.get(pool.cidr, pool.block.lo)
        if floor > block.hi:
            continue
        occupied = spans.unpack(repository.spans_inside(session, domain, block, floor))
        found = find_free(block, occupied, asked.length, asked.policy)
        if first:
            floors[pool.cidr] = (found or block).hi + 1
        if found:
            free = FreePrefix(
                domain_code=domain, cidr=format_block(found), pool=pool.cidr,
                policy=asked.policy, taken=False,
            )  # fmt: skip
            return free, floors
    raise Shortage("addresses.no_space", domain=domain, length=asked.length)


def _pools(session: Session, domain: str, asked: FreeRequest) -> list[Pool]:
    """Pools to look in, in order; those that are too small for the length are left out."""
    cidr, family = None, asked.family
    if asked.pool is not None:
        block = _read_block(asked.pool)
        cidr, family = format_block(block), 6 if block.family == 6 else 4
    if asked.length > WIDTH[family]:
        raise InputError("addresses.length_bad", length=asked.length, maximum=WIDTH[family])
    found = repository.pools(session, domain, cidr=cidr, family=family)
    if not found:
        code = "addresses.pool_none" if cidr is None else "addresses.pool_unknown"
        raise NotFound(code, domain=domain, pool=cidr or "")
    if found[0].role == "leaf":
        raise InputError("addresses.pool_bad", pool=found[0].cidr)
    # a pool as a whole is declared already, and one domain declares a prefix once
    fitting = [
        pool
        for pool in found
        if pool.block.hi - pool.block.lo + 1 > 1 << (WIDTH[family] - asked.length)
    ]
    for pool in fitting:
        if leaf := repository.leaf_over(session, domain, pool.block):
            raise Conflict("addresses.pool_in_leaf", pool=pool.cidr, leaf=leaf)
    return fitting


def _read_block(text: str) -> Block:
    """A prefix, or one address. Raises InputError `estate.*` as parse_block's codes."""
    text = text.strip()
    try:
        if "/" in text or "-" in text:
            return parse_block(text)
        family, value = parse_address(text)
    except AddressError as error:
        raise InputError(f"estate.{error.code}", **error.values) from None
    return Block(family, value, value)


def whois(session: Session, principal: Principal, address: str) -> WhoisReport:
    """Whose an address or prefix is, in every address domain that declares it.

    Raises InputError `estate.address_bad` and what else parse_block finds wrong.
    """
    demand(principal, "read")
    block = _read_block(address)
    single = block.lo == block.hi
    written = format_address(block.family, block.lo) if single else format_block(block)
    prefixes = repository.containing(session, block)
    workloads = list(repository.holders(session, written, MAX_HOLDERS + 1)) if single else []
    codes = {prefix.domain_code for prefix in prefixes}
    codes |= {workload.domain_code for workload in workloads if workload.domain_code}
    told = {
        code: _domain(owner)
        for code, owner in repository.domain_owners(session, sorted(codes)).items()
    }
    for prefix in prefixes:
        told[prefix.domain_code].prefixes.append(
            WhoisPrefix.model_validate(prefix, from_attributes=True)
        )
    for workload in workloads[:MAX_HOLDERS]:
        # whom a cloud was given sees its workloads, not the domains they are in
        if workload.domain_code in told:
            told[workload.domain_code].workloads.append(
                WhoisWorkload.model_validate(workload, from_attributes=True)
            )
    return WhoisReport(
        address=written,
        public=not is_private(block),
        domains=list(told.values()),
        workloads_cut=len(workloads) > MAX_HOLDERS,
    )


def _domain(owner: DomainOwner) -> WhoisDomain:
    return WhoisDomain(
        domain_code=owner.domain_code,
        domain_name=owner.domain_name,
        network_code=owner.network_code,
        network_name=owner.network_name,
        unit_code=owner.unit_code,
        unit_name=owner.unit_name,
        prefixes=[],
        workloads=[],
    )
