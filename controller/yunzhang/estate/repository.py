"""Queries of the register. What depends on the size of a file is read and written in sets."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Table,
    bindparam,
    delete,
    func,
    select,
    text,
    update,
)

from yunzhang.db import Session
from yunzhang.db.locks import Lock
from yunzhang.errors import Conflict
from yunzhang.estate import bulk
from yunzhang.estate.addresses.models import FreeFloor
from yunzhang.estate.importing.known import Key
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


def chunks(values: Iterable[Any]) -> Iterator[list[Any]]:
    """Values in parts that one statement takes."""
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
    for chunk in chunks(codes):
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
    for chunk in chunks({key[place] for key in wanted}):
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
    for chunk in chunks(codes):
        query = select(model.code, _owner(sheet)).where(model.code.in_(chunk))
        if sheet in OWNED_THROUGH:
            column, parent = OWNED_THROUGH[sheet]
            query = query.join(MODELS[parent], getattr(model, column) == MODELS[parent].code)
        found.update((code, unit) for code, unit in session.execute(query))
    return found


def _owner(sheet: str) -> Any:
    owner = OWNED_THROUGH[sheet][1] if sheet in OWNED_THROUGH else sheet
    return MODELS[owner].unit_code


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
