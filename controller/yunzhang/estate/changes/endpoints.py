"""Changes of the register over HTTP: of one item, and of all that the asker may see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query

from yunzhang.access.dependencies import Asking, ReadingSession
from yunzhang.estate import service
from yunzhang.estate.changes.service import list_changes, list_item_changes
from yunzhang.estate.endpoints import Code, Noun, Paging, Since, Until, Who, moment
from yunzhang.estate.history import ChangeFilter
from yunzhang.estate.importing.known import key_text
from yunzhang.estate.items.editing import parse_key
from yunzhang.estate.items.keys import key_path
from yunzhang.estate.schemas import ChangeRead, Page
from yunzhang.estate.workbooks.sheets import BY_KEY, Sheet

router = APIRouter(prefix="/estate", tags=["changes"])

Batch = Annotated[
    int | None, Query(ge=1, le=2**31 - 1, description="only what this import changed")
]
Act = Annotated[str | None, Query(max_length=20, description="only changes of this kind")]


@router.get("/changes", summary="Changes of the register")
def get_changes(
    *,
    session: ReadingSession,
    principal: Asking,
    asked: Paging,
    noun: Noun | None = None,
    unit: Code = None,
    who: Who = None,
    batch: Batch = None,
    act: Act = None,
    since: Since = None,
    until: Until = None,
) -> Page[ChangeRead]:
    """One page of the changes of items that were the asker's to see then, newest first."""
    wanted = ChangeFilter(
        sheet=str(noun) if noun else None,
        unit_code=unit,
        principal=who,
        batch_id=batch,
        act=act,
        since=moment(since),
        until=moment(until),
    )
    return list_changes(session, principal, wanted, asked)


def _history(sheet: Sheet) -> Callable[..., Any]:
    def history(
        *, key: str, session: ReadingSession, principal: Asking, asked: Paging
    ) -> Page[ChangeRead]:
        """One page of what happened to a thing, newest first, also once it is removed."""
        written = key_text(parse_key(sheet, key))
        return list_item_changes(session, principal, sheet.key, written, asked)

    return history


for _noun in service.READS:
    router.add_api_route(
        f"{key_path(BY_KEY[_noun])}/history",
        _history(BY_KEY[_noun]),
        methods=["GET"],
        name=f"get_{_noun}_history",
        operation_id=f"get_{_noun}_history",
        summary=f"Changes of one of {_noun}, by business key",
    )
