"""Pages of long lists, by key: a page at row 900,000 costs as much as the first.

A cursor says after (or before) which key a page begins; it is opaque to clients, and what is no
cursor of this list is refused. `LAST` asks for the last page. Pages by offset stay for people who
jump: far ones are reached from the nearer end, over the keys alone.
"""

from __future__ import annotations

import base64
import binascii
import json
import threading
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from sqlalchemy import Select, func, literal, select, tuple_

from yunzhang import clock
from yunzhang.db.session import Session
from yunzhang.errors import InputError

LAST = "last"
# A count that took longer than SLOW seconds is told again for KEPT seconds.
SLOW = 0.02
KEPT = 10.0
_MOST_KEPT = 1_000
_LONGEST = 2_000

Direction = Literal["after", "before"]
# Of a key.
Part = str | int | date


@dataclass(frozen=True, slots=True)
class Slice:
    """Rows of one page; cursors of the pages beside it, None where the list ends."""

    rows: Sequence[Any]
    next: str | None
    previous: str | None


def write_cursor(direction: Direction, key: Sequence[Part]) -> str:
    """The cursor of the page that begins after, or ends before, the row with this key."""
    parts = [part.isoformat() if isinstance(part, date) else part for part in key]
    text = json.dumps([direction, *parts], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(cursor: str, columns: Sequence[Any]) -> tuple[Direction, list[Part]]:
    """Direction and key of a list sorted by `columns`. Raises InputError `db.cursor_bad`."""
    try:
        if len(cursor) > _LONGEST:
            raise ValueError
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        direction, *key = json.loads(base64.b64decode(padded, b"-_", validate=True))
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise InputError("db.cursor_bad") from None
    kinds = [column.type.python_type for column in columns]
    if direction not in ("after", "before") or len(key) != len(kinds):
        raise InputError("db.cursor_bad")
    return direction, [_read_part(part, kind) for part, kind in zip(key, kinds, strict=True)]


def _read_part(part: Any, kind: type[Part]) -> Part:
    if kind is date and type(part) is str:
        try:
            return date.fromisoformat(part)
        except ValueError:
            raise InputError("db.cursor_bad") from None
    # PostgreSQL takes no NUL in a text and no number beyond 8 bytes
    if kind is str and isinstance(part, str) and "\0" not in part and part.isprintable():
        return part
    if kind is int and type(part) is int and abs(part) < 2**63:
        return part
    raise InputError("db.cursor_bad")


def by_cursor(
    session: Session, query: Select[Any], columns: Sequence[Any], cursor: str | None, limit: int
) -> Slice:
    """One page of `query` (entities), sorted by `columns`, which are unique together.

    One statement. Raises InputError `db.cursor_bad`.
    """
    direction: Direction = "before" if cursor == LAST else "after"
    if cursor is not None and cursor != LAST:
        direction, key = read_cursor(cursor, columns)
        here, there = tuple_(*columns), tuple_(*(literal(part) for part in key))
        query = query.where(here > there if direction == "after" else here < there)
    order = [column.asc() if direction == "after" else column.desc() for column in columns]
    # one more row than asked for tells whether the list goes on
    found = list(session.scalars(query.order_by(*order).limit(limit + 1)))
    more, rows = len(found) > limit, found[:limit]
    if direction == "before":
        rows.reverse()
        before, after = more, cursor != LAST
    else:
        before, after = cursor is not None, more
    names = [column.key for column in columns]

    def key_of(row: Any) -> list[str | int]:
        return [getattr(row, name) for name in names]

    return Slice(
        rows,
        write_cursor("after", key_of(rows[-1])) if rows and after else None,
        write_cursor("before", key_of(rows[0])) if rows and before else None,
    )


def by_offset(
    session: Session,
    query: Select[Any],
    columns: Sequence[Any],
    *,
    offset: int,
    limit: int,
    total: int | None,
) -> Slice:
    """Rows `offset` to `offset + limit`; with `total` from the nearer end. One statement."""
    backward = total is not None and offset > total // 2
    first = offset
    if backward and total is not None:
        limit = min(limit, total - offset)
        first = total - offset - limit
        if limit <= 0:
            return Slice([], None, None)
    order = [column.desc() if backward else column.asc() for column in columns]
    asked = query
    if first > limit:
        # walk the index only; the rows themselves are fetched for the page alone
        keys = query.with_only_columns(*columns).order_by(*order).offset(first).limit(limit)
        model = query.column_descriptions[0]["entity"]
        asked = select(model).where(tuple_(*columns).in_(keys))
    else:
        asked = asked.offset(first)
    rows = list(session.scalars(asked.order_by(*order).limit(limit)))
    if backward:
        rows.reverse()
    names = [column.key for column in columns]
    more = bool(rows) and (len(rows) == limit if total is None else offset + len(rows) < total)
    return Slice(
        rows,
        write_cursor("after", [getattr(rows[-1], name) for name in names]) if more else None,
        write_cursor("before", [getattr(rows[0], name) for name in names])
        if rows and offset
        else None,
    )


class Totals:
    """How many rows a query has. Counting a long list costs more than a page of it, so that what
    was slow to count is told again for a while; quick counts are always fresh."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, tuple[float, int]] = {}
        self._lock = threading.Lock()

    def count(self, session: Session, query: Select[Any], reader: Hashable) -> int:
        """Rows of `query`. `reader`: who asks, since two readers may see different rows."""
        compiled = query.compile(dialect=session.get_bind().dialect)
        asked = tuple(sorted((name, repr(value)) for name, value in compiled.params.items()))
        key = (str(session.get_bind().engine.url), reader, str(compiled), asked)
        begun = clock.monotonic()
        with self._lock:
            until, total = self._kept.get(key, (0.0, 0))
        if begun < until:
            return total
        counted = query.with_only_columns(func.count(), maintain_column_froms=True)
        total = session.scalar(counted.order_by(None)) or 0
        ended = clock.monotonic()
        with self._lock:
            self._kept.pop(key, None)
            if ended - begun > SLOW:
                if len(self._kept) >= _MOST_KEPT:
                    self._kept.clear()
                self._kept[key] = (ended + KEPT, total)
        return total


totals = Totals()
