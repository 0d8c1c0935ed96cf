"""Pages of long lists, by key: a page at row 900,000 costs as much as the first.

A cursor says after (or before) which key a page begins; it is opaque to clients, and what is no
cursor of this list is refused. `LAST` asks for the last page. Pages by offset stay for people who
jump: far ones are reached from the nearer end, over the keys alone.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
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
# In names stands much that is not printable: private use characters, separators of lines.
_UNKEPT = re.compile("[\0\ud800-\udfff]")

Direction = Literal["after", "before"]
# What selects entities, several or with more columns.
Rows = Select[*tuple[Any, ...]]
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
    # no database takes NUL or half a surrogate pair in a text, nor a number beyond 8 bytes
    if kind is str and isinstance(part, str) and not _UNKEPT.search(part):
        return part
    if kind is int and type(part) is int and abs(part) < 2**63:
        return part
    raise InputError("db.cursor_bad")


@dataclass(frozen=True, slots=True)
class Asked:
    """Which page is asked for: by `cursor`, or from row `offset` on; `counted`: with the total."""

    limit: int = 100
    offset: int = 0
    cursor: str | None = None
    counted: bool = True


def read_page(
    session: Session,
    query: Rows,
    columns: Sequence[Any],
    asked: Asked,
    reader: Hashable,
    *,
    newest: bool = False,
) -> tuple[Slice, int | None]:
    """A page of `query` by `columns` and how many rows there are for `reader`; two statements.

    `newest`: from the largest key down. Raises InputError `db.cursor_bad`.
    """
    total = totals.count(session, query, reader) if asked.counted else None
    if asked.cursor is not None or not asked.offset:
        page = by_cursor(session, query, columns, asked.cursor, asked.limit, newest=newest)
    else:
        page = by_offset(
            session, query, columns,
            offset=asked.offset, limit=asked.limit, total=total, newest=newest,
        )  # fmt: skip
    return page, total


def _read_rows(
    session: Session, query: Rows, columns: Sequence[Any]
) -> list[tuple[Any, list[Part]]]:
    """Rows with their keys. A row is what the query selects: an entity, or a tuple of several."""
    if len(query.column_descriptions) == 1:
        names = [column.key for column in columns]
        return [(row, [getattr(row, name) for name in names]) for row in session.scalars(query)]
    width = len(columns)
    found = session.execute(query.add_columns(*columns))
    return [(tuple(row[:-width]), list(row[-width:])) for row in found]


def by_cursor(
    session: Session,
    query: Rows,
    columns: Sequence[Any],
    cursor: str | None,
    limit: int,
    *,
    newest: bool = False,
) -> Slice:
    """One page of `query`, sorted by `columns`, which are unique together; `newest`: downward.

    One statement. Raises InputError `db.cursor_bad`.
    """
    direction: Direction = "before" if cursor == LAST else "after"
    key: list[Part] | None = None
    if cursor is not None and cursor != LAST:
        direction, key = read_cursor(cursor, columns)
    upward = (direction == "after") != newest
    if key is not None:
        here, there = tuple_(*columns), tuple_(*(literal(part) for part in key))
        query = query.where(here > there if upward else here < there)
    order = [column.asc() if upward else column.desc() for column in columns]
    # one more row than asked for tells whether the list goes on
    found = _read_rows(session, query.order_by(*order).limit(limit + 1), columns)
    more, rows = len(found) > limit, found[:limit]
    if direction == "before":
        rows.reverse()
        before, after = more, cursor != LAST
    else:
        before, after = cursor is not None, more
    return _slice(rows, after=after, before=before)


def _slice(rows: Sequence[tuple[Any, list[Part]]], *, after: bool, before: bool) -> Slice:
    return Slice(
        [row for row, _ in rows],
        write_cursor("after", rows[-1][1]) if rows and after else None,
        write_cursor("before", rows[0][1]) if rows and before else None,
    )


def by_offset(
    session: Session,
    query: Rows,
    columns: Sequence[Any],
    *,
    offset: int,
    limit: int,
    total: int | None,
    newest: bool = False,
) -> Slice:
    """Rows `offset` to `offset + limit`; with `total` from the nearer end. One statement."""
    backward = total is not None and offset > total // 2
    first = offset
    if backward and total is not None:
        limit = min(limit, total - offset)
        first = total - offset - limit
        if limit <= 0:
            return Slice([], None, None)
    order = [column.desc() if backward != newest else column.asc() for column in columns]
    asked = query
    plain = len(query.column_descriptions) == 1 and not newest
    if first > limit and plain:
        # walk the index only; the rows themselves are fetched for the page alone
        keys = query.with_only_columns(*columns).order_by(*order).offset(first).limit(limit)
        model = query.column_descriptions[0]["entity"]
        asked = select(model).where(tuple_(*columns).in_(keys))
    else:
        asked = asked.offset(first)
    rows = _read_rows(session, asked.order_by(*order).limit(limit), columns)
    if backward:
        rows.reverse()
    more = bool(rows) and (len(rows) == limit if total is None else offset + len(rows) < total)
    return _slice(rows, after=more, before=bool(offset))


class Totals:
    """How many rows a query has. Counting a long list costs more than a page of it, so that what
    was slow to count is told again for a while; quick counts are always fresh."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, tuple[float, int]] = {}
        self._lock = threading.Lock()

    def count(self, session: Session, query: Rows, reader: Hashable) -> int:
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
