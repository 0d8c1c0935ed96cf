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
City = Annotated[
    str | None, Query(max_length=6, description="only what units of this division have")
]
State = Annotated[str | None, Query(max_length=20, description="only what is in this state")]
Quality = Annotated[
    int | None, Query(ge=0, le=100, description="only what has at most this data quality")
]
Cursor = Annotated[
    str | None,
    Query(max_length=2000, description="`next` or `previous` of another page, or `last`"),
]
Total = Annotated[bool, Query(description="false: do not count")]


def _list_endpoint(noun: str) -> Callable[..., Any]:
    def list_noun(
        *,
        session: ReadingSession,
        principal: Asking,
        unit: Code = None,
        city: City = None,
        state: State = None,
        quality: Quality = None,
        limit: Limit = 100,
        offset: Offset = 0,
        cursor: Cursor = None,
        total: Total = True,
    ) -> schemas.Page[Any]:
        return service.list_rows(
            session,
            principal,
            noun,
            unit=unit,
            city=city,
            state=state,
            quality=quality,
            limit=limit,
            offset=offset,
            cursor=cursor,
            total=total,
        )

    return list_noun


@router.get("/quality")
def list_quality(session: ReadingSession, principal: Asking) -> list[schemas.QualityRead]:
    """Data quality of what each unit has, the worst first."""
    return service.list_quality(session, principal)


for _noun, _read in service.READS.items():
    router.add_api_route(
        f"/{_noun}",
        _list_endpoint(_noun),
        response_model=schemas.Page[_read],  # type: ignore[valid-type]
        name=f"list_{_noun}",
        operation_id=f"list_{_noun}",
        summary=f"One page of {_noun}, by business key",
    )
