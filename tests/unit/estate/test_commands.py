"""`yunzhang estate`: what is printed and the exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.unit.estate.books import BAD, DEMO
from yunzhang.cli.estate import group
from yunzhang.db import Base, database_engine
from yunzhang.db.tables import load_tables
from yunzhang.errors import InputError
from yunzhang.settings import Settings


@pytest.fixture(autouse=True)
def tables(instance: Settings) -> None:
    load_tables()
    Base.metadata.create_all(database_engine())


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(group, [str(argument) for argument in arguments])


def test_import_shows_then_writes_then_lists(tmp_path: Path) -> None:
    shown = run("import", DEMO)
    assert (shown.exit_code, "没有写入" in shown.output) == (0, True)
    assert json.loads(run("list", "workloads", "--format", "json").output)["total"] == 0
    assert run("import", DEMO, "--write", "all").exit_code == 0
    assert json.loads(run("list", "虚拟机", "--format", "json").output)["total"] == 6
    assert "hrss-wan" in run("list", "networks").output
    assert run("export", tmp_path / "out.xlsx").exit_code == 0
    assert run("import", tmp_path / "out.xlsx").exit_code == 0
    found = json.loads(run("conflicts", "--format", "json").output)
    assert found["total"] == 1
    assert "相同" in run("conflicts").output


def test_faults_are_shown_saved_and_exit_2(tmp_path: Path) -> None:
    run("import", DEMO, "--write", "all")
    faults = tmp_path / "faults.csv"
    result = run("import", BAD / "host_bits-prefixes.csv", "--faults", faults)
    assert result.exit_code == 2
    assert "192.168.30.0/24" in result.output
    assert "host_bits" in faults.read_text("utf-8-sig")
    result = run("import", BAD / "unknown_column-prefixes.csv", "--limit", "0")
    assert result.exit_code == 2
    assert "--faults" in result.output


def test_unusable_files_raise_for_the_command_line() -> None:
    result = run("import", BAD / "wrong_type.xlsx")
    assert isinstance(result.exception, InputError)
    assert result.exception.exit_code == 2


def test_template_and_example(tmp_path: Path) -> None:
    assert run("template", tmp_path / "template.xlsx").exit_code == 0
    assert isinstance(run("import", tmp_path / "none.xlsx").exception, InputError)
    assert run("import", tmp_path / "template.xlsx").exit_code == 0
    assert run("example", tmp_path / "province.xlsx", "--seed", "7").exit_code == 0
    assert run("import", tmp_path / "province.xlsx").exit_code == 0
