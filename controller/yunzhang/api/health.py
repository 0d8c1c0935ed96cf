"""Whether this instance works, and which one it is."""

from __future__ import annotations

from fastapi import APIRouter, Response
from sqlalchemy.exc import SQLAlchemyError

from yunzhang import __version__, db
from yunzhang.api.schemas import Health, VersionInfo, WorkerRead
from yunzhang.db.migration import current_revision
from yunzhang.workflows import executors
from yunzhang.workflows import repository as workers

router = APIRouter(tags=["instance"])


@router.get("/version", summary="Version")
def get_version() -> VersionInfo:
    """Which version of the product answers."""
    return VersionInfo(name="yunzhang", version=__version__, api="v1")


@router.get(
    "/health",
    summary="Health",
    responses={503: {"model": Health, "description": "The database does not answer"}},
)
def get_health(response: Response) -> Health:
    """Whether the database answers, at which revision it is, and which workers are alive."""
    try:
        revision = current_revision()
        found = _workers()
    except SQLAlchemyError:
        response.status_code = 503
        return Health(status="down", database=False, revision=None, workers=[])
    status = "ok" if any(worker.alive for worker in found) else "idle"
    return Health.model_validate(
        {"status": status, "database": True, "revision": revision, "workers": found}
    )


def _workers() -> list[WorkerRead]:
    with db.reading() as session:
        return [
            WorkerRead(
                executor_id=worker.executor_id,
                host=worker.host,
                started_at=worker.started_at,
                beat_at=worker.beat_at,
                alive=not executors.is_dead(session, worker),
            )
            for worker in workers.list_workers(session)
        ]
