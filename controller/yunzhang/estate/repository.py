"""Queries of the register. What depends on the size of a file is read and written in sets."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Table, bindparam, insert, select, text, update

from yunzhang.db import Session
from yunzhang.errors import Conflict
from yunzhang.estate.addresses import Block
from yunzhang.estate.known import Key, KnownPrefix
from yunzhang.estate.models import (
    AddressDomain,
    CloudPlatform,
    Dependency,
    ImportBatch,
    InfoSystem,
    Prefix,
    PrivateNetwork,
    Site,
    Workload,
)
from yunzhang.estate.sheets import BY_KEY
from yunzhang.units.models import Unit

MODELS: Mapping[str, Any] = {
    "units": Unit,
    "sites": Site,
    "networks": PrivateNetwork,
    "domains": AddressDomain,
    "prefixes": Prefix,
    "platforms": CloudPlatform,
    "systems": InfoSystem,
    "workloads": Workload,
    "dependencies": Dependency,
}
# Fewer parameters than any database allows in one statement.
CHUNK = 5_000
# Key of the PostgreSQL advisory lock of imports; SQLite has one writer anyway.
IMPORT_LOCK = 5_930_202


def _table(sheet: str) -> Table:
    table: Table = MODELS[sheet].__table__
    return table


def _chunks(values: Iterable[Any]) -> Iterator[list[Any]]:
    ordered = sorted(values)
    for start in range(0, len(ordered), CHUNK):
        yield ordered[start : start + CHUNK]


def lock_register(session: Session) -> None:
    """Let one import write at a time; released with the transaction."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": IMPORT_LOCK})


def existing_codes(session: Session, sheet: str, codes: Collection[str]) -> set[str]:
    """Those of `codes` that exist."""
    code = _table(sheet).c.code
    found: set[str] = set()
    for chunk in _chunks(codes):
        found.update(session.scalars(select(code).where(code.in_(chunk))))
    return found


def current_rows(
    session: Session, sheet: str, keys: Collection[Key]
) -> dict[Key, Mapping[str, Any]]:
    """Stored rows that have one of `keys`, by key."""
    table, identity = _table(sheet), BY_KEY[sheet].identity
    names = ["id", "state", "revision", *(c.key for c in BY_KEY[sheet].columns if c.key in table.c)]
    wanted = set(keys)
    found: dict[Key, Mapping[str, Any]] = {}
    first = table.c[identity[0]]
    for chunk in _chunks({key[0] for key in wanted}):
        query = select(*(table.c[name] for name in names)).where(first.in_(chunk))
        for values in session.execute(query):
            row = dict(zip(names, values, strict=True))
            key = tuple(row[name] for name in identity)
            if key in wanted:
                found[key] = row
    return found


def parents(session: Session, sheet: str) -> dict[str, str]:
    """Code → parent's code of all rows of a tree that have a parent."""
    table = _table(sheet)
    query = select(table.c.code, table.c.parent_code).where(table.c.parent_code.is_not(None))
    return {row[0]: row[1] for row in session.execute(query)}


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


def insert_rows(session: Session, sheet: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add rows; all have the same columns."""
    if rows:
        session.execute(insert(_table(sheet)), rows)


def update_rows(session: Session, sheet: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Change rows by `id` and the `revision` they were seen at; all have the same columns.

    Raises Conflict `estate.changed_meanwhile` when somebody else changed one of them first.
    """
    if not rows:
        return
    table = _table(sheet)
    names = [name for name in rows[0] if name not in {"id", "revision"}]
    statement = (
        update(table)
        .where(table.c.id == bindparam("row_id"), table.c.revision == bindparam("seen"))
        .values({name: bindparam(f"new_{name}") for name in names})
        .values(revision=table.c.revision + 1)
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


def add_batch(session: Session, batch: ImportBatch) -> ImportBatch:
    """Add a batch; it has its number afterwards."""
    session.add(batch)
    session.flush()
    return batch


def all_rows(session: Session, sheet: str) -> Iterator[Mapping[str, Any]]:
    """Every row of a sheet by key, as the workbook lists it."""
    table, described = _table(sheet), BY_KEY[sheet]
    names = [column.key for column in described.columns if column.key in table.c]
    order = [table.c[name] for name in described.identity]
    if sheet == "prefixes":
        order = [table.c.domain_code, table.c.family, table.c.lo, table.c.hi]
    for row in session.execute(select(*(table.c[name] for name in names)).order_by(*order)):
        yield dict(zip(names, row, strict=True))
