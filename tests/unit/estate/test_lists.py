"""Lists of the register: narrowed, paged both ways, in a fixed number of statements."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, update
from sqlalchemy.orm import Session

from tests.unit.estate.address_book import add_owners, add_prefixes, add_systems, add_workloads
from tests.unit.estate.books import INVENTORY
from yunzhang.db import paging
from yunzhang.errors import InputError
from yunzhang.estate import service
from yunzhang.estate.models import Workload
from yunzhang.units.models import Unit
from yunzhang.units.scope import SYSTEM


@contextmanager
def counting(session: Session) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(*told: Any) -> None:
        statements.append(told[2])

    event.listen(session.get_bind(), "before_cursor_execute", note)
    yield statements
    event.remove(session.get_bind(), "before_cursor_execute", note)


@pytest.fixture
def workloads(session: Session) -> Session:
    add_owners(session, 3)
    add_systems(session)
    session.execute(update(Unit).where(Unit.code == "u001").values(division_code="450100"))
    add_workloads(
        session,
        [{"code": f"w{n:03}", "unit_code": f"u{n % 3:03}"} for n in range(100)],
    )
    session.execute(update(Workload).where(Workload.code < "w050").values(state="verified"))
    return session


@pytest.mark.parametrize("rows", [1, 100])
@pytest.mark.parametrize("noun", sorted(service.READS))
def test_every_list_takes_two_statements_whatever_its_size(
    session: Session, noun: str, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "SLOW", 3600.0)  # a busy machine counts slowly
    service.import_workbook(session, SYSTEM, INVENTORY / "example" / "province.xlsx", "all")
    session.commit()
    first = service.list_rows(session, SYSTEM, noun, limit=rows)
    asks: list[dict[str, Any]] = [
        {}, {"offset": 2}, {"cursor": "last"}, {"unit": "x", "city": "4501", "state": "draft"},
    ]  # fmt: skip
    if first.next:
        asks.append({"cursor": first.next})
    for ask in asks:
        with counting(session) as statements:
            service.list_rows(session, SYSTEM, noun, limit=rows, **ask)
        assert len(statements) == 2, (ask, statements)
        with counting(session) as statements:
            page = service.list_rows(session, SYSTEM, noun, limit=rows, total=False, **ask)
        assert (len(statements), page.total) == (1, None)


def test_filters_are_exact_on_every_page(workloads: Session) -> None:
    def ask(**values: Any) -> list[str]:
        found: list[str] = []
        page = service.list_rows(workloads, SYSTEM, "workloads", limit=7, **values)
        total = page.total
        found += [item.code for item in page.items]
        while page.next:
            page = service.list_rows(
                workloads, SYSTEM, "workloads", limit=7, cursor=page.next, **values
            )
            found += [item.code for item in page.items]
        assert total == len(found)
        return found

    every = [f"w{n:03}" for n in range(100)]
    assert ask() == every
    assert ask(state="verified") == every[:50]
    assert ask(unit="u002") == every[2::3]
    assert ask(unit="u002", state="verified") == every[2:50:3]
    assert ask(city="450100") == ask(city="4501") == ask(city="45") == every
    assert ask(city="450200") == ask(city="450102") == []


def test_the_last_page_by_city_and_state(workloads: Session) -> None:
    page = service.list_rows(
        workloads, SYSTEM, "workloads", city="4501", state="draft", cursor="last", limit=4
    )
    assert [item.code for item in page.items] == ["w096", "w097", "w098", "w099"]
    assert (page.total, page.offset, page.next) == (50, None, None)
    before = service.list_rows(workloads, SYSTEM, "workloads", cursor=page.previous, limit=2)
    assert [item.code for item in before.items] == ["w094", "w095"]


def test_prefixes_are_narrowed_through_their_domains(workloads: Session) -> None:
    add_prefixes(workloads, [("d000", "10.0.0.0/8", "leaf"), ("d001", "10.0.0.0/8", "leaf")])
    page = service.list_rows(workloads, SYSTEM, "prefixes", unit="u001", city="45")
    assert [item.domain_code for item in page.items] == ["d001"]


@pytest.mark.parametrize(
    "values",
    [{"city": "4"}, {"city": "南宁"}, {"city": "45%"}, {"cursor": "x"},
     {"cursor": "last", "offset": 1}],
)  # fmt: skip
def test_what_cannot_be_asked(session: Session, values: dict[str, Any]) -> None:
    with pytest.raises(InputError) as refused:
        service.list_rows(session, SYSTEM, "units", **values)
    assert refused.value.message
