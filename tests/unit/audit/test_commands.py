"""`yunzhang audit`: what is printed, what is written, and the exit codes."""

from __future__ import annotations

import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, text

from tests.unit.audit.attacks import attacking
from yunzhang import audit, clock, db
from yunzhang.audit.anchors import anchor_file
from yunzhang.audit.keys import key_file
from yunzhang.cli.audit import group
from yunzhang.cli.context import local_user
from yunzhang.errors import Conflict, InputError, NotFound, YunzhangError

pytestmark = pytest.mark.usefixtures("running")


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(group, [str(argument) for argument in arguments])


def error(result: Result) -> YunzhangError:
    assert isinstance(result.exception, YunzhangError), result.output
    return result.exception


def write(count: int, at: datetime | None = None) -> None:
    with clock.fixed(at or clock.now()), db.transaction() as session:
        for number in range(count):
            audit.record(session, "wang", "approve", "plan", f"[plan-{number}]", note="签")


def test_seal_then_verify_says_what_was_checked(tmp_path: Path) -> None:
    write(3)
    unsealed = run("verify")
    assert (unsealed.exit_code, "3 条" in unsealed.output) == (0, True)
    assert "锚点文件" in unsealed.output
    assert "3" in run("seal").output
    write(1)
    sound = run("verify")
    assert (sound.exit_code, "1 个区块" in sound.output) == (0, True)
    assert "尚未封存的记录：1 条" in sound.output
    anchors = shutil.copy(anchor_file(), tmp_path / "anchors")
    key = shutil.copy(key_file(), tmp_path / "key")
    assert run("verify", "--anchor", anchors, "--key", key).exit_code == 0
    assert "未用密钥" in run("verify", "--no-key", "--anchor", anchors).output
    assert "1" in run("head").output
    assert local_user() not in run("list").output


def test_a_broken_record_exits_with_5_and_names_the_place(engine: Engine) -> None:
    write(3)
    run("seal")
    with attacking(engine) as connection:
        connection.execute(text("UPDATE audit_entry SET principal = 'li' WHERE id = 2"))
    broken = error(run("verify"))
    assert isinstance(broken, Conflict)
    assert broken.exit_code == 5
    assert "第 2 条" in str(broken)
    assert broken.hint


def test_entries_are_listed_shown_and_exported(tmp_path: Path) -> None:
    write(2, clock.now() - timedelta(days=2))
    run("seal")
    write(1)
    listed = run("list", "--who", "wang", "--limit", "2").output
    assert "[plan-0]" in listed
    assert listed.count("approve") == 2
    assert "[plan-1]" not in run("list", "--since", f"{clock.now():%Y-%m-%d}").output
    shown = run("show", "1").output
    assert '"note": "签"' in shown
    assert isinstance(error(run("show", "99")), NotFound)
    for given in ("tomorrow", "0001-01-01"):  # the second is no time in UTC
        assert isinstance(error(run("list", "--since", given)), InputError)
    file = tmp_path / "out.jsonl"
    assert run("export", file, "--noun", "plan").exit_code == 0
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert [(line["id"], line["block"]) for line in lines] == [(1, 1), (2, 1), (3, None)]
    with db.reading() as session:
        assert audit.get_entry(session, 4).act == "export"


def test_rotating_the_key_goes_on_and_is_recorded() -> None:
    write(1)
    run("seal")
    assert run("rotate-key").exit_code == 0
    run("seal")
    assert len(key_file().read_text().split()) == 2
    assert run("verify").exit_code == 0
    told = run("list", "--act", "rotate").output
    assert key_file().read_text().split()[1] not in told
