"""Reading the register over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from yunzhang import clock
from yunzhang.access.dependencies import Asking, ReadingSession
from yunzhang.db.paging import Asked
from yunzhang.errors import InputError
from yunzhang.estate import schemas, service
from yunzhang.estate.pages import MAX_PAGE

router = APIRouter(prefix="/estate", tags=["estate"])


Limit = Annotated[int, Query(ge=1, le=MAX_PAGE)]
Offset = Annotated[int, Query(ge=0, le=2**31 - 1)]  # what a database can count
Code = Annotated[str | None, Query(max_length=64)]
City = Annotated[
    str | None, Query(max_length=6, description="only what units of this division have")
]
Noun = StrEnum("Noun", {noun: noun for noun in service.READS})  # type: ignore[misc]
Who = Annotated[str | None, Query(max_length=80, description="only what this account did")]
State = Annotated[str | None, Query(max_length=20, description="only what is in this state")]
Quality = Annotated[
    int | None, Query(ge=0, le=100, description="only what has at most this data quality")
]
Cursor = Annotated[
    str | None,
    Query(max_length=2000, description="`next` or `previous` of another page, or `last`"),
]
Total = Annotated[bool, Query(description="false: do not count")]
Since = Annotated[datetime | None, Query(description="from this time on; Beijing's without a zone")]
Until = Annotated[datetime | None, Query(description="before this time")]


def asked_page(
    limit: Limit = 100, offset: Offset = 0, cursor: Cursor = None, total: Total = True
) -> Asked:
    """The page that a request asks for."""
    return Asked(limit, offset, cursor, total)


Paging = Annotated[Asked, Depends(asked_page)]


def moment(given: datetime | None) -> datetime | None:
    """A time of a request in UTC; one without a zone is Beijing's.

    Raises InputError `estate.moment_bad` for one that no calendar of UTC has.
    """
    if given is None:
        return None
    told = given if given.tzinfo else given.replace(tzinfo=clock.BEIJING)
    try:
        return told.astimezone(UTC)
    except OverflowError:
        raise InputError("estate.moment_bad", value=given.isoformat()) from None


def _list_endpoint(noun: str) -> Callable[..., Any]:
    def list_noun(
        *,
        session: ReadingSession,
        principal: Asking,
        asked: Paging,
        unit: Code = None,
        city: City = None,
        state: State = None,
        quality: Quality = None,
    ) -> schemas.Page[Any]:
        return service.list_rows(
            session,
            principal,
            noun,
            unit=unit,
            city=city,
            state=state,
            quality=quality,
            limit=asked.limit,
            offset=asked.offset,
            cursor=asked.cursor,
            total=asked.counted,
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
