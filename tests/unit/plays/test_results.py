"""What is kept of a play's events."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from yunzhang.plays.results import (
    RESULT_LENGTH,
    TEXT_LENGTH,
    PlayResult,
    clean_text,
    event_row,
    trim,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
def test_whatever_is_kept_can_be_stored_everywhere(value: Any) -> None:
    stored = json.dumps(trim(value), ensure_ascii=False)
    assert "\\u0000" not in stored
    stored.encode("utf-8")


@given(st.text(alphabet=st.characters(), max_size=50), st.integers(1, 20))
def test_texts_are_cut(text: str, length: int) -> None:
    assert len(clean_text(text, length)) <= length + 1


def test_lone_surrogates_are_replaced() -> None:
    assert clean_text("a\udc80b", 10) == "a?b"


def test_a_row_leaves_out_what_is_long_or_ansibles_own() -> None:
    result = {"msg": "x" * 5000, "invocation": {"a": 1}, "_ansible_no_log": False, "n": [1] * 99}
    event = {
        "event": "runner_on_ok",
        "created": "2026-11-23T04:00:00",
        "event_data": {"host": "localhost", "task": "t", "res": result},
    }
    row = event_row("step", 1, 7, event)
    assert row["at"] == datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
    assert set(row["result"]) == {"msg", "n"}
    assert len(row["result"]["msg"]) == TEXT_LENGTH + 1
    assert len(row["result"]["n"]) == 50

    event["event_data"] = {"res": {str(n): "x" * 900 for n in range(40)}}
    assert row != (huge := event_row("step", 1, 8, event))
    assert huge["result"]["omitted_characters"] > RESULT_LENGTH


def test_results_by_task_and_host_and_only_real_failures() -> None:
    result = PlayResult()

    def add(kind: str, host: str, **more: Any) -> None:
        res = {"msg": f"{kind} {host}"}
        result.add({"event": kind, "event_data": {"host": host, "task": "t", "res": res, **more}})

    add("runner_on_ok", "a")
    add("runner_on_failed", "b", ignore_errors=True)
    add("runner_on_failed", "c")
    add("runner_on_unreachable", "d")
    add("runner_item_on_ok", "e")
    result.add({"event": "playbook_on_stats"})
    assert set(result.by_host) == {"a", "b", "c"}
    assert result.results["t"]["msg"] == "runner_on_failed c"
    assert [failure["host"] for failure in result.failures] == ["c", "d"]
