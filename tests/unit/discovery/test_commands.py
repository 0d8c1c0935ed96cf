"""`yunzhang finding` and `yunzhang discover --reconcile`: what is printed, and what is written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from tests.estates import make_accounts
from tests.factories import make_register
from tests.surveys import source_survey
from tests.unit.hosts.test_facts import FACTS
from yunzhang import clock, db
from yunzhang.cli.app import yunzhang
from yunzhang.discovery.models import DiscoveryRun, Finding
from yunzhang.discovery.service import keep_survey
from yunzhang.errors import Conflict, InputError, Outside
from yunzhang.estate.models import Workload
from yunzhang.settings import Settings
from yunzhang.units.scope import SYSTEM


@pytest.fixture(autouse=True)
def estate(running: Settings) -> None:
    with db.transaction() as session:
        make_register(session)
        make_accounts(session)
        keep_survey(session, SYSTEM, source_survey(), clock.now())


def run(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(yunzhang, ["--account", "wang", *arguments])


def states() -> dict[str, int]:
    with db.reading() as session:
        found = session.scalars(select(Finding.state)).all()
    return {state: found.count(state) for state in set(found)}


def test_reconcile_says_what_is_open_and_decide_settles_it() -> None:
    told = run("discover", "--reconcile").output
    assert "匹配 6 台" in told
    assert "待决定的差异" in told
    assert "hrss-app" in run("finding", "list", "--kind", "differs").output
    before = states()
    rehearsed = run("finding", "decide", "accept_observed", "--kind", "differs", "--dry-run")
    assert (rehearsed.exit_code, "没有写入" in rehearsed.output) == (0, True)
    assert states() == before
    assert run("finding", "decide", "accept_observed", "--kind", "differs").exit_code == 0
    with db.reading() as session:
        rows = session.execute(select(Workload.vcpu).where(Workload.unit_code != "U-lz"))
        assert {row.vcpu for row in rows} == {1}
    assert "已消除 6" in run("discover", "--reconcile").output
    assert "没有变化" in run("discover", "--reconcile").output
    assert "100.0%" in run("finding", "accuracy").output


def test_show_says_fields_and_decision() -> None:
    run("discover", "--reconcile")
    with db.reading() as session:
        row = session.scalars(select(Finding).where(Finding.kind == "differs")).first()
    assert row is not None
    number = str(row.id)
    run("finding", "decide", number, "except_until", "--reason", "批文", "--until", "2099-01-01")
    assert "待决定" in run("finding", "show", number).output
    run("finding", "decide", number, "keep_declared", "--reason", "另有安排")
    told = run("finding", "show", number).output
    assert "另有安排" in told
    assert "内存" in told


def test_decide_needs_numbers_or_a_filter() -> None:
    result = run("finding", "decide", "keep_declared", "--reason", "x")
    assert isinstance(result.exception, InputError)
    assert result.exception.code == "finding.which"
    result = run("discover")
    assert isinstance(result.exception, InputError)
    assert result.exception.code == "discovery.nothing_named"


@pytest.mark.skipif(shutil.which("virsh") is None, reason="virsh is not installed")
def test_a_libvirt_farm_and_a_host_that_does_not_answer() -> None:
    told = run("discover", "--libvirt", "test:///default", "--as", "farm")
    assert (told.exit_code, "虚拟机（libvirt）" in told.output) == (0, True)
    both = ("--libvirt", "test:///default", "--libvirt", "test:///no/such.xml")
    assert run("discover", *both, "--as", "farm").exit_code == 0
    with db.reading() as session:
        runs = session.execute(
            select(DiscoveryRun.complete, DiscoveryRun.machines).where(DiscoveryRun.cloud == "farm")
        ).all()
    assert [tuple(row) for row in runs] == [(True, 1), (False, 1)]


def test_one_source_failing_does_not_stop_the_others(tmp_path: Path) -> None:
    (tmp_path / "w.json").write_text(json.dumps({"ansible_facts": FACTS}))
    told = run("discover", "--libvirt", "test:///no/such.xml", "--facts", str(tmp_path))
    assert isinstance(told.exception, Outside)
    assert told.exception.code == "discovery.some_failed"
    with db.reading() as session:
        assert session.scalars(
            select(DiscoveryRun.machines).where(DiscoveryRun.kind == "facts")
        ).all() == [1]


def number_of(kind: str) -> str:
    with db.reading() as session:
        return str(session.scalars(select(Finding.id).where(Finding.kind == kind)).one())


def test_the_same_facts_twice_change_nothing(tmp_path: Path) -> None:
    (tmp_path / "w.json").write_text(json.dumps({"ansible_facts": FACTS}))
    assert run("discover", "--facts", str(tmp_path)).exit_code == 0
    again = run("discover", "--facts", str(tmp_path))
    assert (again.exit_code, "没有变化" in again.output) == (0, True)


def test_a_machine_in_no_register_is_registered_by_command(tmp_path: Path) -> None:
    (tmp_path / "w.json").write_text(json.dumps({"ansible_facts": FACTS}))
    run("discover", "--facts", str(tmp_path), "--as", "rack")
    number = number_of("observed_only")
    neither = run("finding", "register", number)
    assert isinstance(neither.exception, InputError)
    assert neither.exception.code == "finding.rule_which"
    rule = ("--system", "Y-lz", "--platform", "P-lz", "--disk", "80", "--code", "lz-phys")
    rehearsed = run("finding", "register", number, *rule, "--dry-run")
    assert (rehearsed.exit_code, "没有写入" in rehearsed.output) == (0, True)
    told = run("finding", "register", number, *rule)
    assert (told.exit_code, "lz-phys" in told.output) == (0, True)
    with db.reading() as session:
        made = session.scalars(select(Workload).where(Workload.code == "lz-phys")).one()
    assert (made.state, made.unit_code, made.disk_gib) == ("draft", "U-lz", 80)
    again = run("finding", "register", number, *rule)
    assert isinstance(again.exception, Conflict)
    assert "没有变化" not in run("discover", "--reconcile").output
    assert "已消除" in run("finding", "show", number).output


def test_rules_register_what_they_fit_and_the_rest_is_told(tmp_path: Path) -> None:
    (tmp_path / "w.json").write_text(json.dumps({"ansible_facts": FACTS}))
    run("discover", "--facts", str(tmp_path), "--as", "rack")
    rules = tmp_path / "rules.csv"
    rules.write_text("名称,信息系统编号,云平台编号\nnothing-like-it,Y-lz,P-lz\n")
    told = run("finding", "register", "--source", "rack", "--rules", str(rules))
    assert isinstance(told.exception, Conflict)
    assert "没有规则适用" in " ".join(told.output.split())
