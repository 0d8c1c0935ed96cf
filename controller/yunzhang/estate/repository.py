"""Queries of the register. What depends on the size of a file is read and written in sets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Table,
    Text,
    and_,
    bindparam,
    delete,
    func,
    or_,
    select,
    text,
    tuple_,
    type_coerce,
    update,
)

from yunzhang.db import Session
from yunzhang.db.locks import Lock
from yunzhang.errors import Conflict
from yunzhang.estate import bulk
from yunzhang.estate.addresses.blocks import WIDTH, Block, to_hex
from yunzhang.estate.addresses.models import FreeFloor
from yunzhang.estate.importing.known import Key, KnownPrefix, KnownUnit, Server
from yunzhang.estate.models import (
    AddressDomain,
    AddressRange,
    Circuit,
    CloudPlatform,
    Dependency,
    Disk,
    InfoSystem,
    InternetEgress,
    Nic,
    Opex,
    Prefix,
    PrivateNetwork,
    Responsibility,
    Segment,
    Site,
    Workload,
)
from yunzhang.estate.workbooks.sheets import BY_KEY
from yunzhang.units.models import Person, Unit
from yunzhang.units.scope import asker_of

MODELS: Mapping[str, Any] = {
    "units": Unit,
    "persons": Person,
    "sites": Site,
    "networks": PrivateNetwork,
    "domains": AddressDomain,
    "segments": Segment,
    "prefixes": Prefix,
    "ranges": AddressRange,
    "circuits": Circuit,
    "egresses": InternetEgress,
    "platforms": CloudPlatform,
    "systems": InfoSystem,
    "workloads": Workload,
    "disks": Disk,
    "nics": Nic,
    "dependencies": Dependency,
    "responsibilities": Responsibility,
    "opex": Opex,
}
# What a sheet's rows belong to when they do not name their unit themselves: column, its sheet.
OWNED_THROUGH: Mapping[str, tuple[str, str]] = {
    key: (model.owned_through, BY_KEY[key].by_key[model.owned_through].reference or "")
    for key, model in MODELS.items()
    if hasattr(model, "owned_through")
}
# Fewer parameters than any database allows in one statement.
CHUNK = 5_000


def table_of(sheet: str) -> Table:
    """The table of a sheet, for writing."""
    table: Table = MODELS[sheet].__table__
    return table


def stored_columns(sheet: str) -> list[str]:
    """The columns of a sheet that are kept in its table."""
    names = table_of(sheet).c.keys()
    return [column.key for column in BY_KEY[sheet].columns if column.key in names]


def _chunks(values: Iterable[Any]) -> Iterator[list[Any]]:
    ordered = sorted(values)
    for start in range(0, len(ordered), CHUNK):
        yield ordered[start : start + CHUNK]


def lock_register(session: Session) -> None:
    """Let one import write at a time; released with the transaction."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": Lock.IMPORT})


def existing_codes(session: Session, sheet: str, codes: Collection[str]) -> set[str]:
    """Those of `codes` that exist."""
    model = MODELS[sheet]
    found: set[str] = set()
    for chunk in _chunks(codes):
        found.update(session.scalars(select(model.code).where(model.code.in_(chunk))))
    return found


def current_rows(
    session: Session, sheet: str, keys: Collection[Key]
) -> dict[Key, Mapping[str, Any]]:
    """Stored rows that have one of `keys`, by key."""
    model, identity = MODELS[sheet], BY_KEY[sheet].identity
    names = ["id", "state", "revision", *stored_columns(sheet)]
    wanted = set(keys)
    found: dict[Key, Mapping[str, Any]] = {}
    # of several key columns the one with most different values narrows best
    place = max(range(len(identity)), key=lambda at: len({key[at] for key in wanted}), default=0)
    narrow = getattr(model, identity[place])
    for chunk in _chunks({key[place] for key in wanted}):
        query = select(*(getattr(model, name) for name in names)).where(narrow.in_(chunk))
        for values in session.execute(query):
            row = dict(zip(names, values, strict=True))
            key = tuple(row[name] for name in identity)
            if key in wanted:
                found[key] = row
    return found


def parents(session: Session, sheet: str, column: str) -> dict[str, str]:
    """Code → code named in `column`, of all rows of a tree that name one."""
    model = MODELS[sheet]
    named = getattr(model, column)
    return {
        row[0]: row[1]
        for row in session.execute(select(model.code, named).where(named.is_not(None)))
    }


def owning_units(session: Session, sheet: str, codes: Collection[str]) -> dict[str, str]:
    """Code → the unit it belongs to, of those of `codes` that exist."""
    model = MODELS[sheet]
    found: dict[str, str] = {}
    for chunk in _chunks(codes):
        query = select(model.code, _owner(sheet)).where(model.code.in_(chunk))
        if sheet in OWNED_THROUGH:
            column, parent = OWNED_THROUGH[sheet]
            query = query.join(MODELS[parent], getattr(model, column) == MODELS[parent].code)
        found.update((code, unit) for code, unit in session.execute(query))
    return found


def _owner(sheet: str) -> Any:
    owner = OWNED_THROUGH[sheet][1] if sheet in OWNED_THROUGH else sheet
    return MODELS[owner].unit_code


def unit_names(session: Session) -> list[KnownUnit]:
    """Names of all units, and the successors of those that are closed."""
    query = select(
        Unit.code, Unit.name, Unit.aliases, Unit.uscc, Unit.valid_to, Unit.replaced_by
    ).order_by(Unit.code)
    return [KnownUnit(*row) for row in session.execute(query)]


def zones_of(session: Session, domains: Collection[str]) -> dict[str, str]:
    """Address domain → network zone of its network."""
    found: dict[str, str] = {}
    for chunk in _chunks(domains):
        query = select(AddressDomain.code, PrivateNetwork.zone).join(
            PrivateNetwork, AddressDomain.network_code == PrivateNetwork.code
        )
        found.update((c, z) for c, z in session.execute(query.where(AddressDomain.code.in_(chunk))))
    return found


def network_zones(session: Session, networks: Collection[str]) -> dict[str, str]:
    """Network → its zone."""
    found: dict[str, str] = {}
    for chunk in _chunks(networks):
        query = select(PrivateNetwork.code, PrivateNetwork.zone)
        found.update(
            (c, z) for c, z in session.execute(query.where(PrivateNetwork.code.in_(chunk)))
        )
    return found


def platform_uuids(session: Session, uuids: Collection[str]) -> dict[tuple[str, str], str]:
    """(platform, uuid) → workload, of those that are stored."""
    found: dict[tuple[str, str], str] = {}
    for chunk in _chunks(uuids):
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
    for chunk in _chunks(platforms):
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
    for chunk in _chunks(persons):
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
    for chunk in _chunks(domains):
        query = select(
            Prefix.domain_code, Prefix.cidr, Prefix.role, Prefix.network_name,
            Prefix.family, Prefix.lo, Prefix.hi,
        ).where(Prefix.domain_code.in_(chunk))  # fmt: skip
        found.extend(
            KnownPrefix(domain, cidr, role, name, Block(family, int(lo, 16), int(hi, 16)))
            for domain, cidr, role, name, family, lo, hi in session.execute(query)
        )
    return found


def quality_totals(session: Session) -> dict[str, tuple[int, int, int]]:
    """Unit → its things, how many of them were measured, the sum of their data quality."""
    found: dict[str, tuple[int, int, int]] = {}
    for model in MODELS.values():
        if hasattr(model, "unit_code"):
            measured = func.count(model.data_quality), func.sum(model.data_quality)
            query = select(model.unit_code, func.count(), *measured).group_by(model.unit_code)
            for unit, *sums in session.execute(query):
                before = found.get(unit, (0, 0, 0))
                items, many, points = (
                    had + int(new or 0) for had, new in zip(before, sums, strict=True)
                )
                found[unit] = items, many, points
    return found


def servers_of(session: Session, codes: Collection[str]) -> dict[str, Server]:
    """Server → what its row sums up of its parts."""
    found: dict[str, Server] = {}
    for chunk in _chunks(codes):
        query = select(Workload.code, Workload.disk_gib + Workload.data_gib, Workload.addresses)
        for code, size, addresses in session.execute(query.where(Workload.code.in_(chunk))):
            found[code] = Server(size, addresses)
    return found


def parts_of(
    session: Session, model: type[Disk] | type[Nic], column: str, codes: Collection[str]
) -> dict[str, dict[str, Any]]:
    """Server → its disks or interfaces by name, with what stands in `column`."""
    found: dict[str, dict[str, Any]] = {}
    for chunk in _chunks(codes):
        query = select(model.workload_code, model.name, getattr(model, column))
        for code, name, value in session.execute(query.where(model.workload_code.in_(chunk))):
            found.setdefault(code, {})[name] = value
    return found


def serial_holders(session: Session, serials: Collection[str]) -> dict[str, str]:
    """Serial number → server."""
    found: dict[str, str] = {}
    for chunk in _chunks(serials):
        query = select(Workload.serial, Workload.code).where(Workload.serial.in_(chunk))
        found.update((serial, code) for serial, code in session.execute(query))
    return found


def mac_holders(session: Session, macs: Collection[str]) -> dict[str, tuple[str, str]]:
    """MAC address → server and interface."""
    found: dict[str, tuple[str, str]] = {}
    for chunk in _chunks(macs):
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


def insert_rows(
    session: Session, sheet: str, names: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Add rows of values in the order of the columns `names`."""
    bulk.insert_rows(session, table_of(sheet), names, rows)


def update_rows(session: Session, sheet: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Change rows by `id` and the `revision` they were seen at; all have the same columns.

    Who changed them is the session's asker, unless the rows say it.
    Raises Conflict `estate.changed_meanwhile` when somebody else changed one of them first.
    """
    if not rows:
        return
    table = table_of(sheet)
    names = [name for name in rows[0] if name not in {"id", "revision"}]
    by = {} if "updated_by" in names else {"updated_by": asker_of(session).name}
    statement = (
        update(table)
        .where(table.c.id == bindparam("row_id"), table.c.revision == bindparam("seen"))
        .values({name: bindparam(f"new_{name}") for name in names})
        .values(revision=table.c.revision + 1, **by)
    )
    changed = session.connection().execute(
        statement,
        [
            {"row_id": row["id"], "seen": row["revision"]}
            | {f"new_{name}": row[name] for name in names}
            for row in rows
        ],
    )
    if changed.rowcount != len(rows):
        raise Conflict("estate.changed_meanwhile", sheet=BY_KEY[sheet].title)


def delete_rows(session: Session, sheet: str, rows: Sequence[tuple[int, int]]) -> None:
    """Remove rows by id and the revision they were seen at.

    Raises Conflict `estate.changed_meanwhile` when somebody changed one of them first.
    """
    table = table_of(sheet)
    statement = delete(table).where(
        table.c.id == bindparam("row_id"), table.c.revision == bindparam("seen")
    )
    if rows:
        removed = session.connection().execute(
            statement, [{"row_id": row, "seen": revision} for row, revision in rows]
        )
        if removed.rowcount != len(rows):
            raise Conflict("estate.changed_meanwhile", sheet=BY_KEY[sheet].title)
        if "lo" in table.c:  # there may be free space where there was none
            session.execute(delete(FreeFloor))


def count_rows(session: Session, sheet: str) -> int:
    """How many rows `all_rows` gives."""
    return session.scalar(select(func.count(MODELS[sheet].id))) or 0


def all_rows(session: Session, sheet: str) -> Iterator[Mapping[str, Any]]:
    """Every row of a sheet by key, as the workbook lists it."""
    model, described = MODELS[sheet], BY_KEY[sheet]
    names = stored_columns(sheet)
    order = [getattr(model, name) for name in described.identity]
    if "lo" in table_of(sheet).c:
        order = [model.domain_code, model.family, model.lo, model.hi]
    query = select(*(getattr(model, name) for name in names)).order_by(*order)
    # closed also where whoever asked stops in the middle
    with session.execute(query.execution_options(yield_per=CHUNK)) as found:
        for row in found:
            yield dict(zip(names, row, strict=True))
