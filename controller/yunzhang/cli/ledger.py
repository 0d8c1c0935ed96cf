"""`yunzhang ledger`: pools, what is held and committed, and whether the books agree."""

from __future__ import annotations

import click
from rich.table import Table

from yunzhang import texts
from yunzhang.allocation import repository, service
from yunzhang.allocation.models import Pool
from yunzhang.cli.context import output, principal
from yunzhang.db import reading
from yunzhang.errors import Conflict
from yunzhang.texts import text
from yunzhang.units.scope import demand_oversight


@click.group()
def ledger() -> None:
    """资源台账 / The ledger of capacity."""


@ledger.command()
def show() -> None:
    """各资源池的容量、预留与分配 / Capacity, held and committed of every pool."""
    columns = ("pool", "resource", "capacity", "held", "committed", "free")
    demand_oversight(principal())
    table = Table(*(text(f"cli.column_{name}") for name in columns))
    with reading() as session:
        for row in repository.list_counters(session):
            pool = session.get_one(Pool, row.pool_id)
            free = row.capacity - row.held - row.committed
            amounts = (row.capacity, row.held, row.committed, free)
            table.add_row(pool.cloud, row.resource_class, *(f"{a:,}" for a in amounts))
    output.print(table)


@ledger.command()
def verify() -> None:
    """核对台账、计数与分配 / Check that ledger, counters and allocations agree."""
    # of what one does not see nothing is wrong: to a unit any ledger would look sound
    demand_oversight(principal())
    with reading() as session:
        faults = service.verify_ledger(session)
    if faults:
        raise Conflict("cli.ledger_broken", faults=texts.listed(faults))
    output.print(text("cli.ledger_sound"))
