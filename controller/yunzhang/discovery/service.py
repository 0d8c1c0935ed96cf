"""Surveys of clouds: kept as runs, given back to planning, summed up as capacity."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from yunzhang.clouds.observed import Observed, ObservedPool, Survey
from yunzhang.db import Session
from yunzhang.discovery import keeping, repository
from yunzhang.discovery.keeping import Outcome, Reading, Record
from yunzhang.discovery.models import DiscoveryRun
from yunzhang.errors import NotFound
from yunzhang.units.scope import Principal

CLOUD_KINDS = (
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
# Of clouds, of libvirt and of hosts that told their facts.
KINDS = (*CLOUD_KINDS, "domains", "hosts")


def cloud_record(kind: str, item: Observed) -> Record:
    """A thing of a cloud as it is kept."""
    project = getattr(item, "project_id", None)
    return keeping.record(
        kind, item.id, item.name, item.model_dump(mode="json"), project_id=project
    )


def _records(survey: Survey) -> Iterator[Record]:
    for kind in CLOUD_KINDS:
        for item in getattr(survey, kind):
            yield cloud_record(kind, item)


def keep_survey(
    session: Session,
    principal: Principal,
    survey: Survey,
    started_at: datetime,
    *,
    allow_shrink: bool = False,
) -> Outcome:
    """Store a complete survey as the latest run of its cloud. Raises as `keeping.keep`."""
    reading = Reading(survey.cloud, "openstack", started_at, allow_shrink=allow_shrink)
    return keeping.keep(session, principal, reading, _records(survey))


def load_survey(session: Session, cloud: str) -> tuple[DiscoveryRun, Survey]:
    """The latest run of a cloud and what it saw. Raises NotFound `discovery.never`."""
    run = repository.latest_run(session, cloud)
    if run is None or run.kind != "openstack":
        raise NotFound("discovery.never", cloud=cloud)
    payloads: dict[str, list[object]] = {kind: [] for kind in CLOUD_KINDS}
    for item in repository.items_of_run(session, run):
        payloads[item.kind].append(item.payload)
    return run, Survey.model_validate({"cloud": cloud, **payloads})


def pool_capacity(survey: Survey) -> dict[str, int]:
    """Class → what the cloud can hold in all."""
    return capacity_of(survey.pools)


def capacity_of(pools: Iterable[ObservedPool]) -> dict[str, int]:
    """Class → what pools can hold in all: (total - reserved) x ratio, rounded down."""
    capacity: dict[str, int] = {}
    for pool in pools:
        amount = int((pool.total - pool.reserved) * pool.ratio)
        capacity[pool.resource_class] = capacity.get(pool.resource_class, 0) + amount
    return capacity
