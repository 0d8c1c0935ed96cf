"""Secrets go in, are used by name, and come out nowhere."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from yunzhang import audit, clock, db, secrets, settings
from yunzhang.audit import AuditEntry
from yunzhang.cli.secret import group
from yunzhang.errors import Conflict, InputError, NotFound, YunzhangError
from yunzhang.secrets.service import LARGEST, secrets_folder
from yunzhang.units.scope import SYSTEM

pytestmark = pytest.mark.usefixtures("running")

OLD, NEW = b"s3cr3t-old", b"s3cr3t-new"


def add(name: str, content: bytes = OLD) -> None:
    with db.transaction() as session:
        secrets.add_secret(session, SYSTEM, name, content, ["cloud gov"])


def rotate(name: str, content: bytes) -> None:
    with db.transaction() as session:
        secrets.rotate_secret(session, SYSTEM, name, content)


def run(*arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(group, list(arguments), input=given)


def test_a_secret_is_kept_replaced_and_removed_and_each_act_recorded() -> None:
    add("gov-password")
    file = secrets.secret_file("gov-password")
    assert file.read_bytes() == OLD
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    rotate("gov-password", NEW)
    assert file.read_bytes() == NEW
    assert file.stat().st_mode & 0o777 == 0o600
    assert secrets.list_secrets()[0].used_by == ("cloud gov",)
    with db.transaction() as session:
        secrets.remove_secret(session, SYSTEM, "gov-password")
    assert secrets.list_secrets() == []
    assert list(secrets_folder().iterdir()) == []
    with db.reading() as session:
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
        assert [(e.act, e.reference) for e in entries] == [
            ("create", "gov-password"),
            ("rotate", "gov-password"),
            ("remove", "gov-password"),
        ]
        assert "s3cr3t" not in str([(e.details, e.before, e.after) for e in entries])


def test_age_counts_from_the_last_rotation() -> None:
    begin = clock.now()
    with clock.fixed(begin - timedelta(days=90)):
        add("a")
        add("b")
    with clock.fixed(begin - timedelta(days=2)):
        rotate("b", NEW)
    ages = {s.name: (begin - s.since).days for s in secrets.list_secrets()}
    assert ages == {"a": 90, "b": 2}


@pytest.mark.parametrize(
    "name",
    ["", "..", "../x", "a/b", ".hidden", "A", "a..b", "a b", "x" * 65, "密", "a\n", "a.key."],
)
def test_names_that_could_lead_elsewhere_are_refused(name: str) -> None:
    with pytest.raises(InputError) as raised:
        add(name)
    assert raised.value.code == "secrets.name_bad"


def test_refusals_leave_the_secret_and_the_record_alone() -> None:
    add("a")
    refusals: list[tuple[type[YunzhangError], str, str, bytes]] = [
        (Conflict, "secrets.same", "a", OLD),
        (InputError, "secrets.size", "a", b""),
        (InputError, "secrets.size", "a", b"x" * (LARGEST + 1)),
        (NotFound, "secrets.unknown", "b", NEW),
    ]
    for kind, code, name, content in refusals:
        with pytest.raises(kind) as raised:
            rotate(name, content)
        assert raised.value.code == code
    with pytest.raises(Conflict) as taken:
        add("a", NEW)
    assert taken.value.code == "secrets.taken"
    assert secrets.secret_file("a").read_bytes() == OLD
    with db.reading() as session:
        assert len(session.scalars(select(AuditEntry)).all()) == 1


def test_the_audit_key_is_not_handled_as_a_secret_but_listed(
    running: settings.Settings,
) -> None:
    add("a")
    audit.seal()
    listed = [(s.name, s.kept_by) for s in secrets.list_secrets()]
    assert listed == [("a", "secret"), ("audit.key", "settings")]
    for act in (add, secrets.secret_file):
        with pytest.raises(Conflict) as raised:
            act("audit.key")
        assert raised.value.code == "secrets.audit_key"


def test_a_secret_others_can_read_is_refused() -> None:
    add("a")
    secrets.secret_file("a").chmod(0o644)
    with pytest.raises(InputError) as raised:
        secrets.secret_file("a")
    assert raised.value.code == "secrets.open"


def test_a_crash_in_the_middle_leaves_the_old_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    add("a")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("power")))
        with pytest.raises(OSError, match="power"):
            rotate("a", NEW)
    assert secrets.secret_file("a").read_bytes() == OLD
    assert [s.name for s in secrets.list_secrets()] == ["a"]


def test_commands_never_show_a_secret(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_bytes(OLD)
    results = [
        run("set", "from-file", "--file", str(file), "--used-by", "gov"),
        run("set", "from-input", given="s3cr3t-new\n"),
        run("rotate", "from-file", given="s3cr3t-other"),
        run("list"),
        run("remove", "from-input", "--yes"),
    ]
    assert [r.exit_code for r in results] == [0] * 5, [r.output for r in results]
    assert not [r for r in results if "s3cr3t" in r.output]
    assert "gov" in results[3].output
    assert secrets.secret_file("from-file").read_bytes() == b"s3cr3t-other"
    assert "s3cr3t" not in run("--help").output
