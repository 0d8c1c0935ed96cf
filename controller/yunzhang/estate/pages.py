"""Pages as they are asked for and told: the same for every list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from yunzhang.db.paging import Asked, Slice
from yunzhang.errors import InputError
from yunzhang.estate.schemas import Page

MAX_PAGE = 500


def check_page(asked: Asked) -> None:
    """Raises InputError `estate.page_bad` for what is no page."""
    if not (0 < asked.limit <= MAX_PAGE) or asked.offset < 0 or (asked.cursor and asked.offset):
        raise InputError(
            "estate.page_bad", limit=asked.limit, offset=asked.offset, maximum=MAX_PAGE
        )


def told_page(
    found: tuple[Slice, int | None], asked: Asked, told: Callable[[Any], Any]
) -> Page[Any]:
    """A page that was read, each row as `told` says it."""
    page, total = found
    return Page[Any](
        items=[told(row) for row in page.rows],
        total=total,
        limit=asked.limit,
        offset=None if asked.cursor else asked.offset,
        next=page.next,
        previous=page.previous,
    )
