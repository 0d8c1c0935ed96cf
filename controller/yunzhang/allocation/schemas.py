"""What is told about pools, allocations and the ledger.

Amounts are by resource class, in its units: VCPU cores, MEMORY_MB MiB, VOLUME_GB GiB.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel


class CounterRead(BaseModel):
    """What a pool can hold of a class; `free` is negative where the pool shrank below promises."""

    cloud: str
    resource_class: str
    capacity: int
    held: int
    committed: int
    free: int


class AllocationRead(BaseModel):
    """What a unit holds or was promised; `origin` names the act (`plan:<hash>/<workload>`)."""

    id: int
    origin: str
    cloud: str
    unit: str
    state: str
    created_at: datetime
    needed_from: datetime | None
    amounts: dict[str, int]


class LedgerCheck(BaseModel):
    """Whether ledger, counters and allocations agree; a line for every place where not."""

    sound: bool
    faults: list[str]
