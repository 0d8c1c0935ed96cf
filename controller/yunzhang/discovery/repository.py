"""Queries on readings and what they saw."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, func, insert, or_, select, update

from yunzhang.db import Session
from yunzhang.discovery.models import DiscoveryRun, ObservedItem

# Rows a statement reads or writes; fewer parameters than any database allows.
CHUNK = 1_000
# Rows of a few columns held at a time.
PAGE = 10_000


def latest_run(session: Session, cloud: str) -> DiscoveryRun | None:
    """The latest complete reading of a source."""
    return session.scalar(
        select(DiscoveryRun)
        .where(DiscoveryRun.cloud == cloud, DiscoveryRun.complete)
        .order_by(DiscoveryRun.id.desc())
        .limit(1)
    )


def base_run(session: Session, cloud: str, *, mode: str | None = None) -> DiscoveryRun | None:
    """The latest reading of a source that is complete and not guarded; optionally of one mode.

    What it or a later one saw is there; what only earlier ones saw is not seen any more.
    """
    query = select(DiscoveryRun).where(
        DiscoveryRun.cloud == cloud, DiscoveryRun.complete, ~DiscoveryRun.guarded
    )
    if mode:
        query = query.where(DiscoveryRun.mode == mode)
    return session.scalar(query.order_by(DiscoveryRun.id.desc()).limit(1))


def source_kinds(session: Session) -> dict[str, str]:
    """Source → its kind, of every source that was ever read."""
    rows = session.execute(select(DiscoveryRun.cloud, DiscoveryRun.kind).distinct())
    return {row.cloud: row.kind for row in rows}


def list_runs(session: Session, limit: int = 50) -> Sequence[DiscoveryRun]:
    """The latest readings of all sources, newest first."""
    return session.scalars(select(DiscoveryRun).order_by(DiscoveryRun.id.desc()).limit(limit)).all()


def items_of_run(session: Session, run: DiscoveryRun) -> Iterable[ObservedItem]:
    """What a source's latest complete run, or a partial one after it, saw."""
    return session.scalars(
        select(ObservedItem)
        .where(ObservedItem.cloud == run.cloud, ObservedItem.last_run_id >= run.id)
        .order_by(ObservedItem.kind, ObservedItem.name, ObservedItem.external_id)
        .execution_options(yield_per=CHUNK)
    )


def present_payloads(
    session: Session, cloud: str, kind: str, since: int
) -> Iterator[tuple[str, Any]]:
    """Identifier and payload of the items of a kind that run `since` or a later one saw."""
    query = select(ObservedItem.external_id, ObservedItem.payload).where(
        ObservedItem.cloud == cloud, ObservedItem.kind == kind, ObservedItem.last_run_id >= since
    )
    for row in session.execute(query.execution_options(yield_per=CHUNK)):
        yield row.external_id, row.payload


def present_ids(session: Session, cloud: str, kind: str, since: int) -> set[str]:
    """Identifiers of the items of a kind that run `since` or a later one saw."""
    query = select(ObservedItem.external_id).where(
        ObservedItem.cloud == cloud, ObservedItem.kind == kind, ObservedItem.last_run_id >= since
    )
    return set(session.scalars(query))


def names_of(session: Session, cloud: str, kind: str) -> dict[str, str]:
    """Identifier → name of a source's items of a kind, also of those that are gone."""
    query = select(ObservedItem.external_id, ObservedItem.name)
    rows = session.execute(query.where(ObservedItem.cloud == cloud, ObservedItem.kind == kind))
    return {row.external_id: row.name for row in rows}


class Link(NamedTuple):
    """An item that was matched with a workload, and what its payload says of its power."""

    cloud: str
    external_id: str
    workload_code: str
    matched_by: str
    status: str | None
    power: str | None


def links(session: Session) -> Iterator[Link]:
    """All items that were ever matched, the latest seen last."""
    query = select(
        ObservedItem.cloud, ObservedItem.external_id, ObservedItem.workload_code,
        ObservedItem.matched_by, ObservedItem.payload["status"].as_string(),
        ObservedItem.payload["power"].as_string(),
    )  # fmt: skip
    query = query.where(ObservedItem.workload_code.is_not(None))
    order = (ObservedItem.last_run_id, ObservedItem.id)
    for row in session.execute(query.order_by(*order).execution_options(yield_per=CHUNK)):
        yield Link(*row)


def link_items(
    session: Session, kinds: Iterable[str], wanted: Mapping[str, tuple[str, str]]
) -> int:
    """Let the machines of `kinds` be matched as `wanted` (reference → workload, rung) says.

    Items that are not wanted lose a match that no person made only when their workload is now
    matched with another item; else it is how their workload was last seen. How many changed.
    """
    taken = {code for code, _ in wanted.values()}
    changed = 0
    for page in _pages(session, kinds):
        changes = []
        for row_id, cloud, external_id, code, rung in page:
            matched = wanted.get(f"{cloud}/{external_id}")
            if matched is None and code in taken and rung != "person":
                matched = (None, None)  # type: ignore[assignment]
            if matched is not None and matched != (code, rung):
                changes.append(
                    {"id": row_id, "workload_code": matched[0], "matched_by": matched[1]}
                )
        update_items(session, changes)
        changed += len(changes)
    return changed


def _pages(session: Session, kinds: Iterable[str]) -> Iterator[Sequence[Any]]:
    """Items of `kinds` with how they are matched, a page at a time, so that they may be changed."""
    query = select(
        ObservedItem.id, ObservedItem.cloud, ObservedItem.external_id,
        ObservedItem.workload_code, ObservedItem.matched_by,
    ).where(ObservedItem.kind.in_(list(kinds)))  # fmt: skip
    query, last = query.order_by(ObservedItem.id).limit(PAGE), 0
    while page := session.execute(query.where(ObservedItem.id > last)).all():
        yield page
        last = page[-1].id


class Known(NamedTuple):
    """What keeping must know of an item."""

    id: int
    content_hash: str
    last_run_id: int


def known_items(
    session: Session, cloud: str, external_ids: Sequence[str]
) -> dict[tuple[str, str], Known]:
    """Items of a source with these identifiers, by kind and identifier."""
    query = select(
        ObservedItem.kind, ObservedItem.external_id, ObservedItem.id,
        ObservedItem.content_hash, ObservedItem.last_run_id,
    ).where(ObservedItem.cloud == cloud, ObservedItem.external_id.in_(external_ids))  # fmt: skip
    return {(row.kind, row.external_id): Known(*row[2:]) for row in session.execute(query)}


def insert_items(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add items."""
    if rows:
        session.execute(insert(ObservedItem), rows)


def update_items(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Change items by `id`; all rows have the same columns."""
    if rows:
        session.execute(update(ObservedItem), rows)


def touch_items(session: Session, ids: Sequence[int], run: DiscoveryRun) -> None:
    """Let items be seen by `run`."""
    for start in range(0, len(ids), CHUNK):
        _touch(session, ObservedItem.id.in_(ids[start : start + CHUNK]), run)


def touch_rest(session: Session, base: DiscoveryRun, run: DiscoveryRun, but: Sequence[int]) -> None:
    """Let everything that `base` or a later run saw be seen by `run` too, except `but`."""
    of_base = (ObservedItem.cloud == run.cloud) & (ObservedItem.last_run_id >= base.id)
    _touch(session, of_base & ObservedItem.id.not_in(but), run)


def _touch(session: Session, which: Any, run: DiscoveryRun) -> None:
    session.execute(
        update(ObservedItem)
        .where(which)
        .values(last_run_id=run.id, last_seen_at=run.finished_at)
        .execution_options(synchronize_session=False)
    )


def count_between(session: Session, cloud: str, first: int, before: int) -> dict[str, int]:
    """Kind → items of a source whose last run is one of `first` to below `before`."""
    rows = session.execute(
        select(ObservedItem.kind, func.count())
        .where(
            ObservedItem.cloud == cloud,
            ObservedItem.last_run_id >= first,
            ObservedItem.last_run_id < before,
        )
        .group_by(ObservedItem.kind)
    )
    return {row[0]: row[1] for row in rows}


def list_items(
    session: Session, cloud: str, kind: str | None, *, limit: int, offset: int
) -> tuple[int, Sequence[ObservedItem]]:
    """How many items of a kind the latest run of `cloud` saw, and one page of them."""
    run = latest_run(session, cloud)
    if run is None:
        return 0, []
    chosen = select(ObservedItem).where(
        ObservedItem.cloud == cloud, ObservedItem.last_run_id >= run.id
    )
    if kind:
        chosen = chosen.where(ObservedItem.kind == kind)
    total = session.scalar(select(func.count()).select_from(chosen.subquery())) or 0
    page = chosen.order_by(ObservedItem.kind, ObservedItem.name, ObservedItem.id)
    return total, session.scalars(page.limit(limit).offset(offset)).all()


def find_items(
    session: Session, cloud: str, kind: str, external_ids: Iterable[str]
) -> Iterator[ObservedItem]:
    """Items of a source's kind with these identifiers, also those that are gone."""
    ordered = sorted(external_ids)
    query = select(ObservedItem).where(ObservedItem.cloud == cloud, ObservedItem.kind == kind)
    for start in range(0, len(ordered), CHUNK):
        chunk = ordered[start : start + CHUNK]
        yield from session.scalars(query.where(ObservedItem.external_id.in_(chunk)))


def confirm_item(session: Session, kinds: Iterable[str], ref: str, workload: str) -> None:
    """Let a person's word match the machine `ref` (source/identifier) with a workload."""
    query = select(ObservedItem).where(ObservedItem.kind.in_(list(kinds)))
    whose = (ObservedItem.workload_code == workload) & (ObservedItem.matched_by == "person")
    for item in session.scalars(query.where(whose)):
        item.matched_by = None  # one word replaces another
    for item in session.scalars(query.where(_named(ref))):
        item.workload_code, item.matched_by = workload, "person"
    session.flush()


def _named(ref: str) -> ColumnElement[bool]:
    """The items a reference may mean: either part may have slashes itself."""
    slashes = [place for place, letter in enumerate(ref) if letter == "/"]
    return or_(
        *(
            (ObservedItem.cloud == ref[:place]) & (ObservedItem.external_id == ref[place + 1 :])
            for place in slashes
        )
    )
