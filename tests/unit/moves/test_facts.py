"""Facts of a workload grow from step to step."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from yunzhang.moves.facts import Facts, gather_facts, merge_facts

AT = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)


def _copy(digest: str) -> dict[str, Any]:
    details = {"sha256": digest, "bytes": 1 << 30, "seconds": 2.5, "reused": False}
    return {"kind": "copy", "key": "web/disk0", "details": details}


def _facts(target: str) -> Facts:
    facts: Facts = {}
    for step, made in (("copy_disks", _copy("aa")), ("verify_disks", _copy(target))):
        facts = merge_facts(facts, gather_facts(step, [made], AT)["web"])
    return facts


def test_digests_of_both_reads_are_compared() -> None:
    assert _facts("aa")["digests_equal"] is True
    assert _facts("bb")["digests_equal"] is False


def test_one_read_proves_nothing() -> None:
    facts = merge_facts({}, gather_facts("copy_disks", [_copy("aa")], AT)["web"])
    assert facts["digests_equal"] is False


def test_source_found_off_keeps_the_time_it_was_stopped() -> None:
    stop = {"kind": "power", "key": "web", "created": True}
    seen = {**stop, "created": False}
    early, late = (
        {**item, "details": {"at": f"2026-11-23T04:0{minute}:00+00:00"}}
        for minute, item in enumerate((stop, seen))
    )
    facts = merge_facts({}, gather_facts("stop_sources", [early], AT)["web"])
    facts = merge_facts(facts, gather_facts("stop_sources", [late], AT)["web"])
    assert facts["stopped_at"] == "2026-11-23T04:00:00+00:00"


def test_downtime_is_from_stop_to_validation() -> None:
    stop = {"kind": "power", "key": "web", "details": {"at": "2026-11-23T04:00:00+00:00"}}
    seen = {
        "kind": "server",
        "key": "web",
        "details": {"at": "2026-11-23T04:01:30+00:00", "console_line": "READY"},
    }
    facts = merge_facts({}, gather_facts("stop_sources", [stop], AT)["web"])
    facts = merge_facts(facts, gather_facts("validate_targets", [seen], AT)["web"])
    assert (facts["seconds"], facts["guest_seen"]) == (90.0, True)
