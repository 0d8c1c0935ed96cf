"""Overlaps with other networks are told during an import, one note a network, never as faults."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from tests.unit.estate.whole import load_whole, whole_rows, write_whole
from yunzhang import texts
from yunzhang.estate import service
from yunzhang.estate.addresses.blocks import Block, format_block, parse_block
from yunzhang.estate.importing import overlap_notes
from yunzhang.estate.importing.overlap_notes import MAX_STRETCHES, stretches
from yunzhang.estate.workbooks.report import ImportReport
from yunzhang.units.scope import SYSTEM


def other_network(prefixes: list[str], number: int = 2, role: str = "leaf") -> dict[str, Any]:
    network = whole_rows()["networks"][0] | {"code": f"n{number}", "unit_code": "u1"}
    return {
        "networks": [network],
        "domains": [{"code": f"d{number}", "name": "另一域", "network_code": f"n{number}"}],
        "prefixes": [
            {"domain_code": f"d{number}", "cidr": cidr, "role": role} for cidr in prefixes
        ],
    }


def check(session: Session, folder: Path, rows: Any) -> ImportReport:
    report = service.check_workbook(session, SYSTEM, write_whole(folder / "b.xlsx", rows))
    assert report.faults == []
    return report


@pytest.mark.parametrize(
    ("cidrs", "code", "count", "pairs"),
    [
        (["10.1.0.0/22"], "overlap_equal", 1, 1),
        (["10.1.1.0/24", "10.1.2.0/24"], "overlap_inside", 2, 2),
        (["10.0.0.0/8"], "overlap_around", 1, 1),
        (["fd00::/16"], "overlap_around", 1, 1),
        (["10.2.0.0/24"], None, 0, 0),
    ],
)
def test_a_network_is_told_what_is_stored_of_others(
    session: Session, tmp_path: Path, cidrs: list[str], code: str | None, count: int, pairs: int
) -> None:
    load_whole(session, tmp_path)
    notes = check(session, tmp_path, other_network(cidrs)).notes
    if code == "overlap_around":
        pairs = notes[0].values["pairs"]  # ranges that are stored count as well
        assert pairs >= 1
    assert [(n.code, n.severity, n.values["network"], n.values["count"], n.values["unit"])
            for n in notes] == ([(code, "info", "n2", count, "u2")] if code else [])  # fmt: skip
    for note in notes:
        for language in texts.LANGUAGES:
            with texts.in_language(language):
                assert note.message
                assert note.suggestion


def test_networks_of_one_file_and_the_stored_are_each_counted_once(
    session: Session, tmp_path: Path
) -> None:
    rows = whole_rows()
    for key, more in other_network(["10.1.1.0/24"]).items():
        rows[key] += more
    path = write_whole(tmp_path / "a.xlsx", rows)
    first = service.import_workbook(session, SYSTEM, path, "all")
    again = service.check_workbook(session, SYSTEM, path)
    for report in (first, again):
        assert {(n.values["network"], n.values["count"]) for n in report.notes} == {
            ("n1", 1), ("n2", 1)}  # fmt: skip
    assert [n.values["pairs"] for n in again.notes if n.values["network"] == "n2"] == [1]


def test_summaries_meet_nobody(session: Session, tmp_path: Path) -> None:
    load_whole(session, tmp_path)
    assert check(session, tmp_path, other_network(["10.0.0.0/8"], role="container")).notes == []


def test_notes_are_few_however_many_networks(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overlap_notes, "MAX_NOTES", 3)
    rows: dict[str, Any] = {"networks": [], "domains": [], "prefixes": []}
    for number in range(2, 12):
        for key, more in other_network(["10.1.0.0/24"], number).items():
            rows[key] += more
    load_whole(session, tmp_path)
    codes = [note.code for note in check(session, tmp_path, rows).notes]
    assert sorted(codes) == ["overlap_equal"] * 3 + ["overlap_more"]


BLOCKS = st.lists(
    st.tuples(st.integers(0, 2**32 - 1), st.integers(8, 32)).map(
        lambda pair: Block(4, pair[0] >> (32 - pair[1]) << (32 - pair[1]),
                           pair[0] | ((1 << (32 - pair[1])) - 1))
    ), max_size=80,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(blocks=BLOCKS)
def test_stretches_are_few_and_hold_everything(blocks: list[Block]) -> None:
    found = stretches(blocks)
    assert len(found) <= MAX_STRETCHES
    assert all(any(s.lo <= b.lo and b.hi <= s.hi for s in found) for b in blocks)


def test_counts_are_those_of_comparing_everything(session: Session, tmp_path: Path) -> None:
    random = Random(3)
    load_whole(session, tmp_path)

    def some(number: int) -> list[str]:
        return sorted({
            format_block(parse_block(f"10.1.{random.randrange(4) * 4}.{place * 16}/28"))
            for place in range(number)
        })  # fmt: skip

    stored, mine = some(12), some(14)
    rows = other_network(stored, 2)
    path = write_whole(tmp_path / "a.xlsx", rows)
    assert service.import_workbook(session, SYSTEM, path, "all").written
    (note,) = check(session, tmp_path, other_network(mine, 3)).notes
    others = [parse_block(cidr) for cidr in [*stored, "10.1.0.0/22"]]
    others += [Block(4, parse_block("10.1.0.11/32").lo, parse_block("10.1.0.99/32").hi)]
    met = [sum(o.lo <= b.hi and b.lo <= o.hi for o in others) for b in map(parse_block, mine)]
    assert note.values["pairs"] == sum(met)
    assert note.values["count"] == sum(each > 0 for each in met)
