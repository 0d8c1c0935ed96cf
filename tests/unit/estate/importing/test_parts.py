"""Disks and interfaces are compared with the row of their server, in the file and stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.unit.estate.whole import load_whole, whole_rows, write_whole
from yunzhang.estate import service
from yunzhang.estate.workbooks.report import Fault
from yunzhang.units.scope import SYSTEM


def told(faults: list[Fault]) -> list[tuple[Any, ...]]:
    return [(f.sheet, f.row, f.column, f.code, f.severity, f.values["parts"], f.values["whole"])
            for f in faults]  # fmt: skip


def check(session: Session, folder: Path, rows: Any) -> list[Fault]:
    return service.check_workbook(session, SYSTEM, write_whole(folder / "b.xlsx", rows)).faults


@pytest.mark.parametrize("stored", [False, True])
def test_disks_that_do_not_add_up_are_told_with_both_figures(
    session: Session, tmp_path: Path, stored: bool
) -> None:
    if stored:
        load_whole(session, tmp_path)
    rows = whole_rows()
    rows["disks"][1]["size_gib"] = 400
    found = check(session, tmp_path, rows)
    assert told(found) == [("磁盘", 4, "大小(GiB)", "disks_differ", "warning", 440, 540)]


@pytest.mark.parametrize("stored", [False, True])
def test_addresses_of_interfaces_and_server_are_told_when_they_differ(
    session: Session, tmp_path: Path, stored: bool
) -> None:
    if stored:
        load_whole(session, tmp_path)
    rows = whole_rows()
    rows["nics"][0]["addresses"] = ["10.1.0.12"]
    found = check(session, tmp_path, rows)
    assert told(found) == [
        ("网卡", 3, "地址", "addresses_differ", "warning", "10.1.0.12", "10.1.0.11")]  # fmt: skip


def test_a_server_is_compared_with_the_disks_that_are_stored(
    session: Session, tmp_path: Path
) -> None:
    load_whole(session, tmp_path)
    rows = whole_rows()
    del rows["disks"], rows["nics"]
    assert check(session, tmp_path, rows) == []
    rows["workloads"][1]["data_gib"] = 900
    found = check(session, tmp_path, rows)
    assert told(found) == [("虚拟机", 4, "数据盘合计(GiB)", "disks_differ", "warning", 540, 940)]


def test_disks_alone_are_compared_with_the_server_that_is_stored(
    session: Session, tmp_path: Path
) -> None:
    load_whole(session, tmp_path)
    rows = {"disks": [{"workload_code": "w1", "name": "vdb", "size_gib": 5, "boot": False}]}
    assert [f[3:] for f in told(check(session, tmp_path, rows))] == [
        ("disks_differ", "warning", 45, 40)]  # fmt: skip


def test_a_mac_of_another_server_that_is_stored_is_told(session: Session, tmp_path: Path) -> None:
    load_whole(session, tmp_path)
    nic = whole_rows()["nics"][0]
    assert check(session, tmp_path, {"nics": [nic]}) == []
    found = check(session, tmp_path, {"nics": [nic | {"name": "eth9", "addresses": []}]})
    assert [(f.code, f.severity, f.values["other"]) for f in found] == [
        ("mac_stored", "warning", "w1/eth0")]  # fmt: skip
