"""Surveys of clouds: kept as runs, given back to planning, summed up as capacity."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from datetime import datetime, timedelta

from yunzhang import clock, settings
from yunzhang.clouds.changes import stream_changes
from yunzhang.clouds.observed import Observed, ObservedPool, Survey
from yunzhang.clouds.survey import Progress, stream_cloud
from yunzhang.db import Session
from yunzhang.discovery import keeping, repository
from yunzhang.discovery.keeping import Outcome, Reading, Record, Spool
from yunzhang.discovery.models import DiscoveryRun
from yunzhang.errors import NotFound
from yunzhang.units.scope import Principal

Known = Mapping[str, Set[str]]

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


def read_cloud(
    cloud: str,
    spool: Spool,
    *,
    changes_since: DiscoveryRun | None = None,
    known: Known | None = None,
    progress: Progress | None = None,
) -> Reading:
    """Read a cloud into a spool: what changed since a run where that will do, else everything."""
    started = clock.now()

    def take(kind: str, thing: Observed) -> None:
        spool.add(cloud_record(kind, thing))

    if changes_since is not None and known is not None:

        def gone(server: str) -> None:
            spool.add(keeping.deleted("servers", server))

        if stream_changes(cloud, changes_since.started_at, known, take, gone):
            return Reading(cloud, "openstack", started, mode="delta", since=changes_since.id)
        spool.clear()
    stream_cloud(cloud, take, progress)
    return Reading(cloud, "openstack", started)


def delta_base(session: Session, cloud: str) -> tuple[DiscoveryRun, Known] | None:
    """The run a delta may stand on, with what it knew; None when a full reading is due."""
    base = repository.base_run(session, cloud)
    full = repository.base_run(session, cloud, mode="full")
    latest = repository.latest_run(session, cloud)
    hours = timedelta(hours=settings.current().full_hours)
    if base is None or full is None or latest is None or latest.id != base.id:
        return None  # the latest was guarded: in doubt
    if base.kind != "openstack" or clock.now() - full.started_at > hours:
        return None
    kinds = ("projects", "networks", "security_groups")
    return base, {kind: repository.present_ids(session, cloud, kind, base.id) for kind in kinds}


def pools_of(records: Iterable[Record]) -> list[ObservedPool]:
    """The pools among what was read of a cloud."""
    return [ObservedPool.model_validate(r.payload) for r in records if r.kind == "pools"]


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
