"""How changes of an item are shown to people."""

from __future__ import annotations

import pytest

from tests.conftest import NOON
from yunzhang.cli import context
from yunzhang.cli.estate_views import show_changes
from yunzhang.estate.schemas import ChangeRead, Page


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal on which nothing is wrapped."""
    monkeypatch.setattr(context.output, "width", 200)


def _shown(noun: str, **change: object) -> str:
    told = ChangeRead.model_validate(
        {
            "id": 1,
            "at": NOON,
            "principal": "wang",
            "batch_id": None,
            "sheet": noun,
            "key": "n1",
            "unit_code": "u1",
            "before": None,
            "reason": "",
        }
        | change
    )
    with context.output.capture() as capture:
        show_changes(noun, Page[ChangeRead](items=[told], total=1, limit=20, offset=0))
    return capture.get()


def test_changes_were_shown_as_dictionaries_and_in_another_time() -> None:
    shown = _shown(
        "networks", act="update", before={"opex_fen": 1_000_000}, after={"opex_fen": 2_500_000}
    )
    assert "2026-11-23 12:00" in shown  # noon is told in UTC
    assert "修改" in shown
    assert "年运维经费(万元)：2.5" in shown
    assert "{" not in shown


def test_a_change_of_state_is_told_with_what_it_was_proven_by() -> None:
    after = {"state": "closed", "evidence": "桂数发1号"}
    shown = _shown("单位", act="state", before={"state": "verified"}, after=after)
    assert "状态：已核实" in shown
    assert "依据材料：桂数发1号" in shown
