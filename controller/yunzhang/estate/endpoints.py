"""Reading the register over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query

from yunzhang.access.dependencies import Asking, ReadingSession
from yunzhang.estate import schemas, service

router = APIRouter(prefix="/estate", tags=["estate"])


Limit = Annotated[int, Query(ge=1, le=service.MAX_PAGE)]
Offset = Annotated[int, Query(ge=0, le=2**31 - 1)]  # what a database can count
Code = Annotated[str | None, Query(max_length=64)]


def _list_endpoint(noun: str) -> Callable[..., Any]:
    def list_noun(
        *,
        session: ReadingSession,
        principal: Asking,
        unit: Code = None,
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> schemas.Page[Any]:
        return service.list_rows(session, principal, noun, unit=unit, limit=limit, offset=offset)

    return list_noun


for _noun, _read in service.READS.items():
    router.add_api_route(
        f"/{_noun}",
        _list_endpoint(_noun),
        response_model=schemas.Page[_read],  # type: ignore[valid-type]
        name=f"list_{_noun}",
        operation_id=f"list_{_noun}",
        summary=f"One page of {_noun}, by business key",
    )


@router.get("/conflicts", operation_id="find_conflicts")
def find_conflicts(
    *,
    session: ReadingSession,
    principal: Asking,
    unit: Code = None,
    network: Code = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> schemas.ConflictReport:
    """The merge forecast with one page of overlapping pairs."""
    return service.find_conflicts(
        session, principal, unit=unit, network=network, limit=limit, offset=offset
    )
