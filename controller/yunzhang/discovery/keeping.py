"""Keeping what a source showed: one run, rows changed by identity, in memory of one chunk.

A reading is first spooled to a file, since reading a cloud takes minutes and a transaction must
not; then it is applied whole, in one transaction, or not at all. An item's hash is written in the
same statement as its content, so it can only say of what was applied that it needs no more work.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import IO, Any, NamedTuple

from yunzhang import audit, clock, settings
from yunzhang.db import Session
from yunzhang.discovery import repository
from yunzhang.discovery.machines import MACHINE_KINDS
from yunzhang.discovery.models import DiscoveryRun
from yunzhang.errors import Conflict, InputError
from yunzhang.kit.canonical import content_hash
from yunzhang.units.scope import Principal, doing

# As long as a platform's `cloud_name` may be, by which the register names its source.
LONGEST_NAME = 64


class Record(NamedTuple):
    """One item as a source showed it; `payload` None: the source says that it was deleted."""

    kind: str
    external_id: str
    name: str
    project_id: str | None
    digest: str
    payload: Any


@dataclass(frozen=True, slots=True)
class Reading:
    """What is said of a reading as a whole.

    `mode`: full, or delta with what changed since run `since`. `complete`: nothing was left out.
    `problems`: what could not be read, for people. `allow_shrink`: a person vouches that much less
    than before is right.
    """

    source: str
    kind: str
    started_at: datetime
    mode: str = "full"
    since: int | None = None
    complete: bool = True
    problems: tuple[str, ...] = ()
    allow_shrink: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run changed in the observed tables, per kind: new, changed, gone."""

    run_id: int
    guarded: bool = False
    seen: Mapping[str, int] = field(default_factory=dict)
    new: Mapping[str, int] = field(default_factory=dict)
    changed: Mapping[str, int] = field(default_factory=dict)
    gone: Mapping[str, int] = field(default_factory=dict)

    @property
    def changes(self) -> int:
        """All of them."""
        return sum(sum(counts.values()) for counts in (self.new, self.changed, self.gone))


def record(
    kind: str, external_id: str, name: str, payload: Any, *, project_id: str | None = None
) -> Record:
    """An item with its hash."""
    return Record(kind, external_id, name[:255], project_id, content_hash(payload), payload)


def deleted(kind: str, external_id: str) -> Record:
    """An item of which a delta says that it is gone."""
    return Record(kind, external_id, "", None, "", None)


class Spool:
    """Records of one reading on disk, to be read as often as is needed."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self.count = 0

    def add(self, item: Record) -> None:
        """Write one."""
        self._file.write(json.dumps(item, ensure_ascii=False, separators=(",", ":")) + "\n")
        self.count += 1

    def clear(self) -> None:
        """Forget all."""
        self._file.seek(0)
        self._file.truncate()
        self.count = 0

    def __iter__(self) -> Iterator[Record]:
        self._file.flush()
        self._file.seek(0)
        for line in self._file:
            yield Record(*json.loads(line))


@contextmanager
def spooling() -> Iterator[Spool]:
    """A spool under the instance's state; nothing of it stays."""
    folder = settings.current().state / "spool"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryFile("w+", encoding="utf-8", dir=folder) as file:
        yield Spool(file)


@doing("discover")
def keep(
    session: Session, principal: Principal, reading: Reading, records: Iterable[Record]
) -> Outcome:
    """Apply a reading as the latest run of its source.

    Raises InputError `discovery.name_long`, Conflict `discovery.kind_changed` when the source's
    name belongs to one of another kind, and `discovery.delta_stale` when a delta does not follow
    the source's present base.
    """
    base = _check(session, reading)
    run = DiscoveryRun(
        cloud=reading.source,
        kind=reading.kind,
        mode=reading.mode,
        complete=reading.complete,
        started_at=reading.started_at,
        finished_at=clock.now(),
        principal=principal.name,
        counts={},
        problems=list(reading.problems),
    )
    session.add(run)
    session.flush()
    tally = _Tally()
    for chunk in _chunks(records):
        _apply(session, run, chunk, tally)
    if reading.mode == "delta" and base is not None:
        repository.touch_rest(session, base, run, tally.deleted_ids)
    counts = Counter(tally.seen)
    if reading.mode == "delta":
        counts = Counter(repository.count_between(session, run.cloud, run.id, run.id + 1))
    run.counts = dict(counts)
    run.machines = counts[MACHINE_KINDS[reading.kind]]
    run.guarded = _shrunk(reading, base, run)
    gone: dict[str, int] = {}
    if base is not None and reading.complete and not run.guarded:
        gone = repository.count_between(session, run.cloud, base.id, run.id)
    session.flush()
    audit.record(
        session, principal, "discover", "source", reading.source,
        counts=run.counts, mode=run.mode, complete=run.complete, guarded=run.guarded,
        allow_shrink=reading.allow_shrink,
    )  # fmt: skip
    return Outcome(run.id, run.guarded, run.counts, tally.new, tally.changed, gone)


def _check(session: Session, reading: Reading) -> DiscoveryRun | None:
    if len(reading.source) > LONGEST_NAME:
        raise InputError("discovery.name_long", name=reading.source, limit=LONGEST_NAME)
    kind = repository.source_kinds(session).get(reading.source, reading.kind)
    if kind != reading.kind:
        raise Conflict("discovery.kind_changed", name=reading.source, kind=kind)
    base = repository.base_run(session, reading.source)
    if reading.mode == "delta" and (base is None or base.id != reading.since):
        raise Conflict("discovery.delta_stale", name=reading.source)
    return base


def _shrunk(reading: Reading, base: DiscoveryRun | None, run: DiscoveryRun) -> bool:
    """Whether a complete full run saw so few machines that it is rather the source that is ill."""
    if base is None or reading.mode != "full" or not reading.complete or reading.allow_shrink:
        return False
    return run.machines * 100 < base.machines * settings.current().shrink_percent


@dataclass(slots=True)
class _Tally:
    seen: Counter[str] = field(default_factory=Counter)
    new: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    deleted_ids: list[int] = field(default_factory=list)


def _chunks(records: Iterable[Record]) -> Iterator[list[Record]]:
    """Chunks in which every item stands once; a page may show one twice, the later is right."""
    waiting = iter(records)
    while taken := list(islice(waiting, repository.CHUNK)):
        yield list({(item.kind, item.external_id): item for item in taken}.values())


def _apply(session: Session, run: DiscoveryRun, chunk: list[Record], tally: _Tally) -> None:
    known = repository.known_items(session, run.cloud, sorted({r.external_id for r in chunk}))
    inserted, updated, touched = [], [], []
    for item in chunk:
        row = known.get((item.kind, item.external_id))
        if item.payload is None:
            if row is not None:
                tally.deleted_ids.append(row.id)
            continue
        if row is None or row.last_run_id != run.id:
            tally.seen[item.kind] += 1
        if row is None:
            tally.new[item.kind] += 1
            inserted.append(_new_row(run, item))
        elif row.content_hash != item.digest:
            tally.changed[item.kind] += 1
            updated.append({"id": row.id, "changed_run_id": run.id, **_content(run, item)})
        else:
            touched.append(row.id)
    repository.insert_items(session, inserted)
    repository.update_items(session, updated)
    repository.touch_items(session, touched, run)


def _content(run: DiscoveryRun, item: Record) -> dict[str, Any]:
    return {
        "content_hash": item.digest,
        "payload": item.payload,
        "name": item.name,
        "project_id": item.project_id,
        "last_run_id": run.id,
        "last_seen_at": run.finished_at,
    }


def _new_row(run: DiscoveryRun, item: Record) -> dict[str, Any]:
    return {
        "cloud": run.cloud,
        "kind": item.kind,
        "external_id": item.external_id,
        "first_run_id": run.id,
        "changed_run_id": run.id,
        "first_seen_at": run.finished_at,
        **_content(run, item),
    }
