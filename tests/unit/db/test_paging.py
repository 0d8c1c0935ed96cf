"""Pages by key join up to the whole list, forward and backward, also while it changes."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, event, insert, select
from sqlalchemy.orm import Session, aliased

from yunzhang.db import paging
from yunzhang.db.paging import (
    LAST,
    Asked,
    Totals,
    by_cursor,
    by_offset,
    read_cursor,
    read_page,
    write_cursor,
)
from yunzhang.errors import InputError
from yunzhang.units.models import Division

CODES = [f"{number:06}" for number in range(0, 46, 2)]
BY_CODE = [Division.code]
# not unique alone: names repeat
BY_NAME = [Division.name, Division.code]


@pytest.fixture
def filled(session: Session) -> Session:
    rows = [{"code": code, "name": f"市{code[-1]}", "level": "city"} for code in CODES]
    session.execute(insert(Division), rows)
    return session


def keys(rows: Any, columns: list[Any]) -> list[tuple[str, ...]]:
    return [tuple(getattr(row, column.key) for column in columns) for row in rows]


@pytest.mark.parametrize("columns", [BY_CODE, BY_NAME])
@pytest.mark.parametrize("limit", [1, 4, 22, 23, 24, 500])
def test_pages_join_up_both_ways(filled: Session, columns: list[Any], limit: int) -> None:
    whole = keys(filled.scalars(select(Division).order_by(*columns)), columns)
    forward, page = [], by_cursor(filled, select(Division), columns, None, limit)
    assert page.previous is None
    forward += keys(page.rows, columns)
    while page.next:
        page = by_cursor(filled, select(Division), columns, page.next, limit)
        forward += keys(page.rows, columns)
    assert forward == whole
    page = by_cursor(filled, select(Division), columns, LAST, limit)
    assert page.next is None
    backward = keys(page.rows, columns)
    while page.previous:
        page = by_cursor(filled, select(Division), columns, page.previous, limit)
        backward = keys(page.rows, columns) + backward
    assert backward == whole


def test_a_page_goes_on_where_its_last_row_was_deleted(filled: Session) -> None:
    page = by_cursor(filled, select(Division), BY_CODE, None, 3)
    filled.execute(delete(Division).where(Division.code == CODES[2]))
    after = by_cursor(filled, select(Division), BY_CODE, page.next, 2)
    assert [row.code for row in after.rows] == CODES[3:5]


def test_an_empty_list_has_no_neighbours(session: Session) -> None:
    for cursor in (None, LAST, write_cursor("after", ["450000"])):
        page = by_cursor(session, select(Division), BY_CODE, cursor, 5)
        assert (list(page.rows), page.next, page.previous) == ([], None, None)


@pytest.mark.parametrize("columns", [BY_CODE, BY_NAME])
@pytest.mark.parametrize("told", [True, False])
def test_offsets_from_either_end_are_slices(
    filled: Session, columns: list[Any], told: bool
) -> None:
    whole = keys(filled.scalars(select(Division).order_by(*columns)), columns)
    for offset in range(26):
        for limit in (1, 3, 7):
            page = by_offset(
                filled, select(Division), columns, offset=offset, limit=limit,
                total=len(whole) if told else None,
            )  # fmt: skip
            assert keys(page.rows, columns) == whole[offset : offset + limit]
            if page.next:
                after = by_cursor(filled, select(Division), columns, page.next, 2)
                assert keys(after.rows, columns) == whole[offset + limit : offset + limit + 2]


@pytest.mark.parametrize(
    "cursor",
    [
        "", "x", "last ", "é", "W10", "e30", "bnVsbA", "A" * 3000, "W" * 1999,
        write_cursor("after", []),
        write_cursor("after", [1]),
        write_cursor("after", ["a", "b"]),
        write_cursor("after", ["a\0"]),
        write_cursor("sideways", ["a"]),  # type: ignore[arg-type]
        base64.urlsafe_b64encode(b'["after","\\ud800"]').decode().rstrip("="),
    ],
)  # fmt: skip
def test_what_is_no_cursor_is_refused(filled: Session, cursor: str) -> None:
    with pytest.raises(InputError) as refused:
        by_cursor(filled, select(Division), BY_CODE, cursor, 5)
    assert refused.value.code == "db.cursor_bad"


def test_the_list_ended_at_a_name_that_is_not_printable(session: Session) -> None:
    """Such names are stored (private use characters of old fonts, U+2028 of web pages)."""
    names = ["a\ue000", "a\u2028b", "a\u200b", "a\x1f", "a\U000f0000", "a\uffff"]
    session.execute(
        insert(Division),
        [{"code": f"{n:06}", "name": name, "level": "city"} for n, name in enumerate(names)],
    )
    seen: list[str] = []
    cursor: str | None = None
    for _ in names:
        page = by_cursor(session, select(Division), BY_NAME, cursor, 1)
        seen += [row.name for row in page.rows]
        cursor = page.next
    assert (sorted(seen), cursor) == (sorted(names), None)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60))
def test_cursors_carry_any_key(code: str) -> None:
    assert read_cursor(write_cursor("before", [code]), BY_CODE) == ("before", [code])


def test_slow_counts_are_kept_per_reader(filled: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    statements: list[str] = []
    engine = filled.get_bind()
    event.listen(engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    # on a busy machine anything is slow
    monkeypatch.setattr(paging, "SLOW", 60.0)
    totals, query = Totals(), select(Division).where(Division.code > CODES[0])
    fresh = [totals.count(filled, query, "a") for _ in range(2)]
    assert (fresh, len(statements)) == ([22, 22], 2)
    monkeypatch.setattr(paging, "SLOW", -1.0)
    assert [totals.count(filled, query, reader) for reader in "aabb"] == [22] * 4
    assert len(statements) == 4
    assert totals.count(filled, select(Division).where(Division.code > CODES[1]), "a") == 21
    monkeypatch.setattr(paging, "KEPT", 0.0)
    totals = Totals()
    filled.execute(delete(Division).where(Division.code == CODES[5]))
    assert totals.count(filled, query, "a") == 21


@pytest.mark.parametrize("limit", [1, 4, 22, 23, 24, 500])
@pytest.mark.parametrize("columns", [BY_CODE, BY_NAME])
def test_pages_of_the_newest_first_join_up_both_ways(
    filled: Session, columns: list[Any], limit: int
) -> None:
    order = [column.desc() for column in columns]
    whole = keys(filled.scalars(select(Division).order_by(*order)), columns)
    seen: list[Any] = []
    asked: Asked | None = Asked(limit)
    while asked:
        page, total = read_page(filled, select(Division), columns, asked, "me", newest=True)
        assert total == len(whole)
        seen += keys(page.rows, columns)
        asked = Asked(limit, cursor=page.next) if page.next else None
    assert seen == whole
    asked, seen = Asked(limit, cursor=LAST), []
    while asked:
        page, _ = read_page(filled, select(Division), columns, asked, "me", newest=True)
        seen = keys(page.rows, columns) + seen
        asked = Asked(limit, cursor=page.previous) if page.previous else None
    assert seen == whole
    for offset in range(len(whole) + 2):
        for counted in (True, False):
            asked = Asked(limit, offset, counted=counted)
            page, total = read_page(filled, select(Division), columns, asked, "me", newest=True)
            assert keys(page.rows, columns) == whole[offset : offset + limit]
            assert (total is None) is not counted


def test_rows_of_several_things_are_paged_by_columns_of_any(filled: Session) -> None:
    other = aliased(Division)
    query = select(Division, other.name).join(other, other.code == Division.code)
    columns = [other.name, Division.code]
    whole = [(row.code, name) for row, name in filled.execute(query.order_by(*columns)).all()]
    seen, cursor = [], None
    for _ in whole:
        page, total = read_page(filled, query, columns, Asked(2, cursor=cursor), "me")
        assert total == len(whole)
        seen += [(row.code, name) for row, name in page.rows]
        cursor = page.next
        if cursor is None:
            break
    assert seen == whole
    page, _ = read_page(filled, query, columns, Asked(3, offset=20), "me")
    assert [(row.code, name) for row, name in page.rows] == whole[20:23]
