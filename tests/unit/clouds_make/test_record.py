"""The record of intents, and the order they are undone in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from yunzhang.clouds.intents import Intent, Made
from yunzhang.clouds.steps.record import append, read_intents
from yunzhang.clouds.steps.rolling_back import MAKERS, in_order
from yunzhang.errors import InputError, NotFound


def intent(kind: str, key: str = "k", **changes: Any) -> Intent:
    """An intent of the target."""
    return Intent(**{"cloud": "gov", "kind": kind, "key": key, "act": "create"} | changes)


def test_identifiers_come_from_what_was_made(tmp_path: Path) -> None:
    record = tmp_path / "new" / "record.jsonl"
    append(record, "intent", [intent("network"), intent("port")])
    append(record, "made", [Made(cloud="gov", kind="network", key="k", id="n1", created=True)])
    found = read_intents(record)
    assert [(i.kind, i.id) for i in found] == [("network", "n1"), ("port", None)]


def test_a_line_cut_by_a_crash_is_left_out(tmp_path: Path) -> None:
    record = tmp_path / "record.jsonl"
    append(record, "intent", [intent("network")])
    with record.open("a") as file:
        file.write('{"intent": {"cloud": "gov", "ki')
    assert [i.kind for i in read_intents(record)] == ["network"]


def test_a_plain_list_is_a_record_too(tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    record.write_text(f"[{intent('port', id='x').model_dump_json()}]")
    assert read_intents(record) == [intent("port", id="x")]


def test_bad_records(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as missing:
        read_intents(tmp_path / "none")
    assert missing.value.code == "clouds_make.no_record"
    (tmp_path / "bad").write_text("nonsense\n")
    with pytest.raises(InputError) as bad:
        read_intents(tmp_path / "bad")
    assert bad.value.code == "clouds_make.bad_record"


def test_the_first_announcement_has_the_state_of_before() -> None:
    first = intent("source_power", act="change", before={"status": "ACTIVE"})
    second = intent("source_power", act="change", before={"status": "SHUTOFF"}, id="s1")
    (one,) = in_order([first, second])
    assert one.before == {"status": "ACTIVE"}
    assert one.id == "s1"


def test_targets_go_before_sources_come_whatever_the_record_says() -> None:
    early = [intent("server"), intent("source_power"), intent("volume"), intent("project")]
    assert [i.kind for i in in_order(early)] == ["server", "source_power", "volume", "project"]


def test_last_made_goes_first_within_a_kind() -> None:
    order = in_order([intent("network", "a"), intent("network", "b"), intent("subnet", "c")])
    assert [i.key for i in order] == ["c", "b", "a"]


def test_unknown_kinds_are_refused_before_anything_is_undone() -> None:
    with pytest.raises(InputError):
        in_order([intent("server"), intent("moon")])


def test_every_target_kind_is_undone_before_sources_come_up() -> None:
    kinds = list(MAKERS)
    assert kinds.index("server") > max(map(kinds.index, ("source_power", "source_port")))
