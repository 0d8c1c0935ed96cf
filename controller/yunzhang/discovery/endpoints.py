"""Reading what was observed over HTTP. The list of all runs stands in `api.lists`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Path, Query

from yunzhang.access.dependencies import Overseeing, ReadingSession
from yunzhang.discovery import repository, schemas, service
from yunzhang.errors import NotFound
from yunzhang.estate.endpoints import Limit, Offset
from yunzhang.estate.schemas import Page

router = APIRouter(prefix="/discovery", tags=["discovery"])

CloudName = Annotated[str, Path(max_length=80, description="the cloud's name in clouds.yaml")]
Kind = StrEnum("Kind", {name: name for name in service.KINDS})  # type: ignore[misc]


@router.get("/clouds/{cloud}", summary="Latest reading of a cloud")
def get_latest_run(
    cloud: CloudName, session: ReadingSession, principal: Overseeing
) -> schemas.RunRead:
    """When a cloud was last read completely, and how many resources of each kind it had."""
    run = repository.latest_run(session, cloud)
    if run is None:
        raise NotFound("discovery.never", cloud=cloud)
    return schemas.RunRead.model_validate(run)


@router.get("/clouds/{cloud}/items", summary="Resources of a cloud")
def list_items(
    *,
    cloud: CloudName,
    session: ReadingSession,
    principal: Overseeing,
    kind: Annotated[Kind | None, Query(description="only this kind")] = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> Page[schemas.ItemRead]:
    """One page of what the latest run of a cloud saw, by kind and name; none before any run."""
    wanted = str(kind) if kind else None
    total, rows = repository.list_items(session, cloud, wanted, limit=limit, offset=offset)
    items = [schemas.ItemRead.model_validate(row) for row in rows]
    return Page(items=items, total=total, limit=limit, offset=offset)
