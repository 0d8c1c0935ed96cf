"""Reading sources and keeping what they show: asked for by a person, or by the clock.

Reading takes minutes, a transaction must not: a source is read into a spool first and kept whole.
What goes wrong with one source is told and stops no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from functools import partial

from yunzhang import clock, settings
from yunzhang.clouds.connection import cloud_names
from yunzhang.db import Session, reading, transaction
from yunzhang.discovery import hosts, keeping, repository, service
from yunzhang.discovery.keeping import Outcome, Reading, Record
from yunzhang.errors import YunzhangError
from yunzhang.units.scope import Principal

# Sources read at a time; a cloud takes eight threads of its own.
TOGETHER = 4

# Told a cloud's capacity by class in the transaction that keeps its reading.
Capacity = Callable[[Session, str, Mapping[str, int]], object]


@dataclass(frozen=True, slots=True)
class Collected:
    """A source that was read and kept. `before`: machines of the reading it stands against."""

    source: str
    reading: Reading
    outcome: Outcome
    seconds: float
    before: int | None = None
    capacity: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """How sources are to be read. `changes`: what changed, where that will do; `shrink`: a person
    vouches that less than before is right; `capacity`: who is told what a cloud can hold.
    """

    changes: bool = False
    shrink: bool = False
    capacity: Capacity | None = None


def collect_cloud(principal: Principal, name: str, asked: Asked) -> Collected:
    """Read a cloud of clouds.yaml. Raises what `service.read_cloud` and `keeping.keep` do."""
    begun = clock.monotonic()
    with reading() as session:
        base = service.delta_base(session, name) if asked.changes else None
    since, known = base or (None, None)
    with keeping.spooling() as spool:
        told = service.read_cloud(name, spool, changes_since=since, known=known)
        told = replace(told, allow_shrink=asked.shrink)
        capacity = service.capacity_of(service.pools_of(spool))
        with transaction() as session:
            before = repository.base_run(session, name)
            outcome = keeping.keep(session, principal, told, spool)
            if capacity and asked.capacity:
                asked.capacity(session, name, capacity)
    machines = before.machines if before else None
    return Collected(name, told, outcome, clock.monotonic() - begun, machines, capacity)


def collect_hosts(
    principal: Principal,
    name: str,
    read: Callable[[], tuple[Reading, list[Record]]],
    asked: Asked,
) -> Collected:
    """Keep what `read` tells of hosts. Raises what it and `keeping.keep` do."""
    begun = clock.monotonic()
    told, records = read()
    told = replace(told, allow_shrink=asked.shrink)
    with transaction() as session:
        before = repository.base_run(session, name)
        outcome = keeping.keep(session, principal, told, records)
    machines = before.machines if before else None
    return Collected(name, told, outcome, clock.monotonic() - begun, machines)


def collect_all(
    principal: Principal, clouds: Sequence[str], asked: Asked
) -> Iterator[tuple[str, Collected | YunzhangError]]:
    """Read clouds several at a time, each kept when it is whole; what came of each as it ends."""
    asks = {name: partial(collect_cloud, principal, name, asked) for name in clouds}
    return _together(asks)


def collect_regularly(
    principal: Principal, asked: Asked
) -> Iterator[tuple[str, Collected | YunzhangError]]:
    """Every cloud of clouds.yaml, and the hosts and folders of the settings, as they end."""
    current = settings.current()
    clouds = cloud_names() if current.clouds.exists() else []
    asks = {name: partial(collect_cloud, principal, name, asked) for name in clouds}
    for name, uris in current.farms.items():
        read = partial(hosts.read_farm, name, uris)
        asks[name] = partial(collect_hosts, principal, name, read, asked)
    for name, folder in current.facts.items():
        read = partial(hosts.read_folder, name, folder)
        asks[name] = partial(collect_hosts, principal, name, read, asked)
    return _together(asks)


def _together(
    asks: Mapping[str, Callable[[], Collected]],
) -> Iterator[tuple[str, Collected | YunzhangError]]:
    with ThreadPoolExecutor(TOGETHER, thread_name_prefix="discover") as pool:
        begun = {pool.submit(copy_context().run, ask): name for name, ask in asks.items()}
        for done in as_completed(begun):
            try:
                yield begun[done], done.result()
            except YunzhangError as error:
                yield begun[done], error
