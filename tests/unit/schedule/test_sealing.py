"""Every server seals the audit record by its clock, and says once what keeps it from that."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.integration.execution.conftest import wait_for
from yunzhang import audit, clock, db, schedule
from yunzhang.audit import repository
from yunzhang.audit.anchors import anchor_file
from yunzhang.audit.keys import key_file

pytestmark = pytest.mark.usefixtures("running")


def write() -> None:
    with db.transaction() as session:
        audit.record(session, "wang", "approve", "plan", "plan-1")


def waiting() -> int:
    with db.reading() as session:
        return repository.count_waiting(session)


def test_entries_are_sealed_within_two_seconds_by_any_of_many_clocks() -> None:
    clocks = [schedule.start_clock(()) for _ in range(3)]
    try:
        for _ in range(2):
            write()
            begin = clock.monotonic()
            wait_for(lambda: waiting() == 0)
            # 2 s are promised; a busy machine gets some more
            assert clock.monotonic() - begin < 6
        wait_for(lambda: anchor_file().read_bytes().count(b"\n") == 2)
    finally:
        for each in clocks:
            each.shutdown()
    with db.reading() as session:
        seen = audit.examine(session)
    assert (seen.fault, seen.blocks, seen.entries, seen.anchors) == (None, 2, 2, 2)


def test_what_keeps_it_from_sealing_is_told_once(tmp_path: Path) -> None:
    sealing = schedule.Sealing()
    write()
    sealing()
    aside = key_file().rename(tmp_path / "aside")
    write()
    with capture_logs() as logs:
        for _ in range(3):
            sealing()
        aside.rename(key_file())
        for _ in range(2):
            sealing()
    assert [(line["log_level"], line["event"]) for line in logs] == [
        ("error", "audit record not sealed"),
        ("info", "audit record sealed again"),
    ]
    assert waiting() == 0
