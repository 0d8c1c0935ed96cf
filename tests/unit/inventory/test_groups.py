"""Groups of different units, clouds and systems stay apart, and the reading stays lean."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from tests.unit.estate.books import demo_cells, save
from tests.unit.inventory.test_plugin import ansible_inventory, plain
from yunzhang.estate import service
from yunzhang.estate.host_repository import load_hosts
from yunzhang.estate.hosts import Hosts, read_hosts
from yunzhang.estate.workbooks.files import read_file
from yunzhang.units.scope import SYSTEM

UNITS = {"gx-01": "甲厅", "GX.01": "乙局"}


def twins(path: Path) -> Path:
    """The demo's workbook, its machines owned by two units whose codes are nearly the same."""
    cells = demo_cells()
    codes = dict(zip(("hrss", "mib"), UNITS, strict=True))
    for rows in cells.values():
        for row in rows[2:]:
            row[:] = [codes.get(cell, cell) if isinstance(cell, str) else cell for cell in row]
    return save(path, cells)


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return twins(tmp_path / "register.xlsx")


def members(hosts: Hosts) -> dict[str, set[str]]:
    return {
        name: {hosts.facts[host]["unit"] for host in found}
        for name, found in hosts.groups.items()
        if name.startswith("unit_")
    }


def test_groups_of_two_units_were_one(book: Path, session: Session) -> None:
    hosts = read_hosts(book)
    assert members(hosts) == {"unit_gx_01_ee91d965": {"gx-01"}, "unit_gx_01_65c3db83": {"GX.01"}}
    assert hosts.alike["unit_gx_01"] == ["unit_gx_01_65c3db83", "unit_gx_01_ee91d965"]
    report = service.import_workbook(session, SYSTEM, book, "all")
    assert report.written, [fault.message for fault in report.faults]
    loaded = load_hosts(session)
    assert members(loaded) == members(hosts)
    assert (loaded.groups.keys(), loaded.alike) == (hosts.groups.keys(), hosts.alike)


def test_names_depend_on_the_code_only() -> None:
    assert Hosts().name_groups("unit", ["a.1"]) == {"a.1": "unit_a_1"}
    two = Hosts().name_groups("unit", ["a.1", "a-1", "b"])
    three = Hosts().name_groups("unit", ["A_1", "a-1", "a.1"])
    assert len(set(three.values())) == 3
    assert {code: three[code] for code in ("a.1", "a-1")} == {
        code: name for code, name in two.items() if code != "b"
    }


def test_a_code_written_like_anothers_name_does_not_share_its_group() -> None:
    taken = Hosts().name_groups("unit", ["a-1", "a.1"])["a-1"].removeprefix("unit_")
    hosts = Hosts()
    names = hosts.name_groups("unit", ["a-1", "a.1", taken])
    assert len(set(names.values())) == 3
    assert names["a-1"] == f"unit_{taken}"
    assert sorted(hosts.alike) == ["unit_a_1", f"unit_{taken}"]


def test_a_unit_without_machines_counts_as_well(book: Path, tmp_path: Path) -> None:
    # or the first machine of the other unit would rename this one's group
    cells = {sheet.title: sheet.rows for sheet in read_file(book).sheets}
    machines = cells["虚拟机"]
    machines[2:] = [row for row in machines[2:] if row[3] == "gx-01"]
    assert machines[2:]
    hosts = read_hosts(save(tmp_path / "less.xlsx", cells))
    assert members(hosts) == {"unit_gx_01_ee91d965": {"gx-01"}}


def test_the_plugin_tells_of_names_that_are_alike(book: Path, tmp_path: Path) -> None:
    source = tmp_path / "register.yunzhang.yml"
    source.write_text(f"plugin: yunzhang_register\nworkbook: {book}\n", "utf-8")
    result = ansible_inventory(source, tmp_path)
    assert result.returncode == 0
    assert "unit_gx_01_65c3db83" in result.stderr.replace("\n", "")


def test_a_host_called_like_a_group_was_taken_for_the_group(tmp_path: Path) -> None:
    cells = demo_cells()
    for rows in cells.values():
        for row in rows[2:]:
            row[:] = ["unit_mib" if cell == "hrss-web" else cell for cell in row]
    book = save(tmp_path / "register.xlsx", cells)
    source = tmp_path / "register.yunzhang.yml"
    source.write_text(f"plugin: yunzhang_register\nworkbook: {book}\n", "utf-8")
    found = plain(json.loads(ansible_inventory(source, tmp_path).stdout))
    assert sorted(found["unit_mib"]["hosts"]) == ["mib-app", "mib-db", "mib-web"]
    assert sorted(found["unit_hrss"]["hosts"]) == ["hrss-app", "hrss-db", "unit_mib"]


def test_reading_a_workbook_imported_the_database() -> None:
    code = "import sys, yunzhang.estate.hosts; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {"sqlalchemy", "yunzhang.db", "yunzhang.settings", "pydantic", "numpy"}
