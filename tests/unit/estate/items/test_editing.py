"""Many things saved at once are found by the keys their cells will have."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from tests.unit.estate.whole import load_whole
from yunzhang.estate.items.editing import save_items
from yunzhang.estate.items.records import Record
from yunzhang.estate.workbooks.sheets import BY_KEY
from yunzhang.units.scope import SYSTEM


def actions(session: Session, sheet: str, *records: Record) -> list[tuple[str, str]]:
    report = save_items(session, SYSTEM, BY_KEY[sheet], records, None)
    return [(change.key, change.action) for change in report.changes]


def codes(session: Session, sheet: str, *records: Record) -> list[tuple[str, str]]:
    report = save_items(session, SYSTEM, BY_KEY[sheet], records, None)
    return [(fault.column, fault.code) for fault in report.faults]


def test_a_key_no_database_holds_was_looked_up(session: Session, tmp_path: Path) -> None:
    """Keys went to the driver as they were sent, which raised OverflowError."""
    load_whole(session, tmp_path)
    ends = {"source_code": "w1", "target_code": "w2", "kind": "hard"}
    port = BY_KEY["dependencies"].by_key["port"].header
    found = codes(session, "dependencies", {**ends, "port": 10**30}, {**ends, "port": 5})
    assert found == [(port, "number_range")]


@pytest.mark.parametrize(
    ("sheet", "record", "key"),
    [
        ("prefixes", {"domain_code": "d1", "cidr": " 10.1.0.0 / 22 "}, "d1/10.1.0.0/22"),
        ("prefixes", {"domain_code": "ｄ1", "cidr": "FD00:1:0::/64"}, "d1/fd00:1::/64"),
        ("sites", {"code": " ｄｃ１"}, "dc1"),
    ],
)
def test_a_known_key_in_other_letters_was_not_found(
    session: Session, tmp_path: Path, sheet: str, record: dict[str, str], key: str
) -> None:
    """So that its columns that were not named were missed: "required"."""
    load_whole(session, tmp_path)
    assert actions(session, sheet, record | {"note": "新"}) == [(key, "update")]
    assert codes(session, sheet, record | {"note": "新"}) == []


def test_a_key_part_left_out_is_its_default(session: Session, tmp_path: Path) -> None:
    load_whole(session, tmp_path)
    ends = {"source_code": "w1", "target_code": "w2"}
    assert save_items(
        session, SYSTEM, BY_KEY["dependencies"], [{**ends, "kind": "hard", "port": 0}], "all"
    ).written
    for told in ({}, {"port": None}, {"port": 0}):
        assert actions(session, "dependencies", {**ends, **told, "kind": "soft"})[0][1] == "update"
        assert codes(session, "dependencies", {**ends, **told, "note": "新"}) == []
