"""Keeping what surveys saw: one run, items updated by identity, nothing declared touched."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pydantic import BaseModel

from yunzhang import audit, clock
from yunzhang.clouds.observed import Observed, Survey
from yunzhang.db import Session
from yunzhang.discovery import repository
from yunzhang.discovery.models import DiscoveryRun, ObservedItem
from yunzhang.errors import NotFound
from yunzhang.kit.canonical import content_hash
from yunzhang.units.scope import Principal, demand

KINDS = (
    "projects",
    "flavors",
    "keypairs",
    "images",
    "networks",
    "routers",
    "security_groups",
    "volumes",
    "servers",
    "pools",
)


class Outcome(BaseModel):
    """What a run changed in the observed tables, per kind: new, changed, unchanged, gone."""

    run_id: int
    seen: dict[str, int]
    new: dict[str, int]
    changed: dict[str, int]
    gone: dict[str, int]


def _items(survey: Survey) -> Iterator[tuple[str, Observed]]:
    for kind in KINDS:
        for item in getattr(survey, kind):
            yield kind, item


def keep_survey(
    session: Session, principal: Principal, survey: Survey, started_at: datetime
) -> Outcome:
    """Store a complete survey as the latest run of its cloud."""
    demand(principal, "discover")
    previous = repository.latest_run(session, survey.cloud)
    known = {(i.kind, i.external_id): i for i in repository.items_of_cloud(session, survey.cloud)}
    counts = {kind: len(getattr(survey, kind)) for kind in KINDS}
    run = DiscoveryRun(
        cloud=survey.cloud,
        started_at=started_at,
        finished_at=clock.now(),
        principal=principal.name,
        counts=counts,
    )
    session.add(run)
    session.flush()
    new, changed = dict.fromkeys(KINDS, 0), dict.fromkeys(KINDS, 0)
    for kind, item in _items(survey):
        payload = item.model_dump(mode="json")
        digest = content_hash(payload)
        row = known.get((kind, item.id))
        if row is None:
            new[kind] += 1
            row = ObservedItem(
                cloud=survey.cloud,
                kind=kind,
                external_id=item.id,
                first_run_id=run.id,
                changed_run_id=run.id,
                content_hash="",
            )
            session.add(row)
        elif row.content_hash != digest:
            changed[kind] += 1
            row.changed_run_id = run.id
        if row.content_hash != digest:
            row.content_hash, row.payload, row.name = digest, payload, item.name
            row.project_id = getattr(item, "project_id", None)
        row.last_run_id = run.id
    session.flush()
    gone = dict.fromkeys(KINDS, 0)
    for (kind, _), row in known.items():
        if previous is not None and row.last_run_id == previous.id:
            gone[kind] += 1
    audit.record(session, principal.name, "discover", "cloud", survey.cloud, counts=counts)
    return Outcome(run_id=run.id, seen=counts, new=new, changed=changed, gone=gone)


def load_survey(session: Session, cloud: str) -> tuple[DiscoveryRun, Survey]:
    """The latest run of a cloud and what it saw. Raises NotFound `discovery.never`."""
    run = repository.latest_run(session, cloud)
    if run is None:
        raise NotFound("discovery.never", cloud=cloud)
    payloads: dict[str, list[object]] = {kind: [] for kind in KINDS}
    for item in repository.items_of_run(session, run):
        payloads[item.kind].append(item.payload)
    return run, Survey.model_validate({"cloud": cloud, **payloads})


def pool_capacity(survey: Survey) -> dict[str, int]:
    """Class → what the cloud can hold in all: (total - reserved) x ratio, rounded down."""
    capacity: dict[str, int] = {}
    for pool in survey.pools:
        amount = int((pool.total - pool.reserved) * pool.ratio)
        capacity[pool.resource_class] = capacity.get(pool.resource_class, 0) + amount
    return capacity
