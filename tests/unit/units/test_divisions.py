"""Division codes are dated, and loading them twice changes nothing."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy.orm import Session

from yunzhang.errors import Forbidden
from yunzhang.units import service
from yunzhang.units.divisions import city_of, read_divisions
from yunzhang.units.scope import SYSTEM, Principal


def test_shipped_file_has_all_of_guangxi() -> None:
    divisions = read_divisions()
    levels = [row.level for row in divisions if row.valid_to is None]
    assert (levels.count("region"), levels.count("city"), levels.count("county")) == (1, 14, 111)
    codes = {row.code for row in divisions}
    assert all(row.parent_code in codes for row in divisions if row.level != "region")
    assert all(city_of(row.code) == row.parent_code for row in divisions if row.level == "county")


def test_hengzhou_took_over_from_heng_county() -> None:
    known = {row.code: row for row in read_divisions()}
    before, after = date(2021, 2, 2), date(2021, 2, 3)
    assert known["450127"].is_valid(before)
    assert not known["450127"].is_valid(after)
    assert known["450127"].replaced_by == "450181"
    assert known["450181"].is_valid(after)
    assert not known["450181"].is_valid(before)


def test_loading_twice_adds_once(session: Session) -> None:
    assert service.known_divisions(session)["450100"].name == "南宁市"
    assert service.load_divisions(session, SYSTEM) == len(read_divisions())
    assert service.load_divisions(session, SYSTEM) == 0
    session.commit()
    assert service.known_divisions(session) == {row.code: row for row in read_divisions()}


def test_reviewers_load_nothing(session: Session) -> None:
    with pytest.raises(Forbidden):
        service.load_divisions(session, Principal("li", frozenset({"reviewer"}), 1))
