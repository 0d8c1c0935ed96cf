"""`yunzhang estate`: what is printed and the exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.unit.estate.books import BAD, DEMO
from tests.unit.estate.whole import write_whole
from yunzhang.access.models import Account
from yunzhang.access.service import create_account
from yunzhang.cli.context import Acting
from yunzhang.cli.estate import group
from yunzhang.db import Base, database_engine
from yunzhang.db.tables import load_tables
from yunzhang.errors import Conflict, InputError
from yunzhang.settings import Settings
from yunzhang.units.scope import SYSTEM


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


def as_wang(*arguments: str | Path) -> Result:
    """A command of Wang, who is an operator."""
    with database_engine().begin() as connection, Session(connection) as session:
        if not session.scalar(select(Account.id).where(Account.name == "wang")):
            create_account(session, SYSTEM, name="wang", display_name="Wang", roles=["operator"],
                           password="correct horse battery")  # fmt: skip
            session.commit()
    return CliRunner().invoke(group, [str(a) for a in arguments], obj=Acting("wang"))


def test_an_import_is_listed_and_undone() -> None:
    run("import", DEMO, "--write", "all")
    assert "register.xlsx" in run("batches").output
    assert "批次 1 导入过" in run("import", DEMO).output
    assert "新建" in run("history", "workloads", "hrss-web").output
    assert "未改动" in run("undo", "1", "--dry-run").output
    assert run("undo", "1").exit_code == 0
    assert json.loads(run("list", "workloads", "--format", "json").output)["total"] == 0
    assert isinstance(run("undo", "1").exception, Conflict)


def test_bad_rows_are_saved(tmp_path: Path) -> None:
    run("import", DEMO, "--write", "all")
    bad = tmp_path / "bad.xlsx"
    result = run("import", BAD / "host_bits-prefixes.csv", "--write", "good", "--bad", bad)
    assert (result.exit_code, bad.exists()) == (2, True)
    assert "bad.xlsx" in result.output.replace("\n", "")


def test_states_and_reforms_by_command(tmp_path: Path) -> None:
    run("import", DEMO, "--write", "all")
    assert as_wang("advance", "workloads", "hrss-web", "--to", "submitted").exit_code == 0
    told = as_wang("return", "workloads", "hrss-web", "--field", "vcpu", "过小")
    assert (told.exit_code, "退回" in told.output) == (0, True)
    assert isinstance(as_wang("advance", "networks", "hrss-wan", "--to", "closed").exception,
                      Conflict)  # fmt: skip
    assert as_wang("rename", "mib", "自治区医保局").exit_code == 0
    assert as_wang("transfer", "systems:mib-pay", "--into", "hrss").exit_code == 0
    assert as_wang("merge", "mib", "--into", "hrss", "--dry-run").exit_code == 0
    assert as_wang("merge", "mib", "--into", "hrss").exit_code == 0
    found = json.loads(run("list", "units", "--format", "json").output)["items"]
    assert [unit["replaced_by"] for unit in found if unit["code"] == "mib"] == ["hrss"]
    assert run("export", tmp_path / "线路.csv", "--sheet", "线路").exit_code == 0


def test_people_by_command(tmp_path: Path) -> None:
    run("import", write_whole(tmp_path / "whole.xlsx"), "--write", "all")
    assert as_wang("handover", "p2", "--to", "p1", "--on", "2026-12-01").exit_code == 0
    assert isinstance(as_wang("erase-person", "p1").exception, Conflict)
    assert as_wang("advance", "网卡", "w1/eth0", "--to", "submitted", "--dry-run").exit_code == 0
