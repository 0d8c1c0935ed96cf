"""Commands act as who is logged in; naming an account is the local administrator's."""

from __future__ import annotations

import stat
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from sqlalchemy import func, select, update

from tests.factories import make_register
from yunzhang import db, settings
from yunzhang.access import service
from yunzhang.allocation.models import PoolCounter
from yunzhang.allocation.service import sync_pool
from yunzhang.cli import context
from yunzhang.cli.account import account
from yunzhang.cli.app import yunzhang
from yunzhang.cli.server import check_host
from yunzhang.errors import Conflict, Forbidden, InputError, Unauthenticated, YunzhangError
from yunzhang.estate.models import Workload
from yunzhang.units import scope
from yunzhang.units.scope import SYSTEM, Principal

PASSWORD = "some unrelated words"
ROOT = Principal("root", frozenset({"administrator"}), 1)


@pytest.fixture
def password(running: settings.Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An instance with a manager of U-mib; the file with everybody's password."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n")
    with db.transaction() as session:
        make_register(session)
        service.create_account(
            session, SYSTEM, name="zhao", display_name="z", roles=["reviewer"], password=PASSWORD
        )
    return file


def run(*words: str, kind: type[YunzhangError] | None = None) -> str:
    """Run a command; what it printed, or the code of the error it raised."""
    with context.output.capture() as said:
        result = CliRunner().invoke(yunzhang, words)
    if kind is not None:
        assert isinstance(result.exception, kind), result.output
        return result.exception.code
    assert result.exception is None, result.exception
    return said.get()


def whoami() -> Principal:
    """Who a command without `--account` acts as."""
    with click.Context(yunzhang, obj=context.Acting()):
        return context.principal()


def test_login_is_kept_for_its_owner_alone_and_logout_ends_it(password: Path) -> None:
    assert whoami() == SYSTEM
    run("login", "zhao", "--password-file", str(password))
    assert stat.S_IMODE(context.token_file().stat().st_mode) == 0o600
    assert (whoami().name, "approve" in whoami().acts) == ("zhao", True)
    secret = context.kept_token()
    assert secret is not None
    run("logout")
    assert whoami() == SYSTEM
    context.token_file().write_text(secret)
    context.token_file().chmod(0o600)
    with pytest.raises(Unauthenticated, match="登录已失效"):
        whoami()


def test_token_that_others_may_read_is_not_used(password: Path) -> None:
    run("login", "zhao", "--password-file", str(password))
    context.token_file().chmod(0o644)
    with pytest.raises(InputError):
        whoami()


def test_wrong_password(password: Path) -> None:
    password.write_text("some other words\n")
    words = "login", "zhao", "--password-file", str(password)
    assert run(*words, kind=Unauthenticated) == "access.login_failed"
    assert not context.token_file().exists()


def test_accounts_are_named_by_the_local_administrator(
    password: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.current().state.mkdir(parents=True, exist_ok=True)
    assert "zhao" in run("account", "list")
    monkeypatch.setattr("os.geteuid", lambda: 4321)
    for words in (("account", "list"), ("--account", "zhao", "account", "list")):
        assert run(*words, kind=Forbidden) == "access.not_local"


def test_first_administrator_once(password: Path) -> None:
    words = "account", "first-admin", "root", "--password-file", str(password)
    run(*words)
    assert run(*words, kind=Conflict) == "access.administrator_exists"


def test_commands_pass_the_restriction(password: Path) -> None:
    file = str(password)
    run("account", "first-admin", "root", "--password-file", file)
    run("account", "add", "qian", "--password-file", file)
    run("--account", "root", "account", "grant", "qian", "manager", "unit", "U-mib")
    assert "qian" in run("--account", "root", "account", "grants")
    run("login", "qian", "--password-file", file)

    scope.act_as(whoami)
    try:
        with db.reading() as session:
            assert session.scalar(select(func.count(Workload.id))) == 3
    finally:
        scope.act_as(None)
    assert run("estate", "list", "workloads").count("hrss-") == 0


def test_a_unit_was_told_that_the_ledger_is_sound(password: Path) -> None:
    """It saw no counter of any pool, so that there was nothing wrong with what it saw."""
    file = str(password)
    with db.transaction() as session:
        sync_pool(session, SYSTEM, "gov", {"VCPU": 8})
        session.execute(update(PoolCounter).values(held=3))
    run("account", "first-admin", "root", "--password-file", file)
    run("account", "add", "qian", "--password-file", file)
    run("login", "qian", "--password-file", file)
    assert run("ledger", "verify", kind=Forbidden) == "units.forbidden"
    # a role that oversees, within one unit
    run("--account", "root", "account", "grant", "qian", "operator", "unit", "U-mib")
    for command in ("verify", "show"):
        assert run("ledger", command, kind=Forbidden) == "units.forbidden"
    run("login", "zhao", "--password-file", file)
    assert run("ledger", "verify", kind=Conflict) == "cli.ledger_broken"
    assert "gov" in run("ledger", "show")


def test_password_is_changed_with_the_old_one(password: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    new.write_text("quite other words here\n")
    words = ["account", "password", "zhao", "--password-file", str(password)]
    run(*words, "--new-password-file", str(new))
    run("login", "zhao", "--password-file", str(new))


def test_other_addresses_need_a_proxy(
    running: settings.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert check_host("::1") == "::1"
    with pytest.raises(InputError):
        check_host("0.0.0.0")
    monkeypatch.setenv("YUNZHANG_PUBLIC_URL", "https://yun.example")
    settings.current.cache_clear()
    assert check_host("0.0.0.0") == "0.0.0.0"
    for wrong in ("http://yun.example", "https://yun.example/path", "yun.example"):
        with pytest.raises(ValueError, match="origin"):
            settings.Settings(public_url=wrong)


def test_every_command_of_accounts_is_named() -> None:
    wanted = {
        "add",
        "first-admin",
        "grant",
        "lend",
        "revoke",
        "password",
        "reset",
        "disable",
        "enable",
        "roles",
        "link",
        "unlink",
        "identities",
        "grants",
        "list",
    }
    assert wanted <= set(account.commands)


def test_roles_are_changed_by_command(password: Path) -> None:
    with db.transaction() as session:
        service.create_first_administrator(
            session, name="root", display_name="r", password=PASSWORD
        )
    assert run("account", "roles", "zhao", "auditor", kind=Forbidden) == "units.forbidden"
    assert "auditor" in run("--account", "root", "account", "roles", "zhao", "auditor")
    assert run("--account", "zhao", "account", "list", kind=Forbidden) == "units.forbidden"
    told = run("--account", "root", "account", "roles", "root", "--none", kind=Forbidden)
    assert told == "access.own_roles"
    run("--account", "root", "account", "roles", "zhao", "--none")
    with db.reading() as session:
        assert service.get_account(session, "zhao").roles == []
    for words in ((), ("auditor", "--none")):
        asked = ["--account", "root", "account", "roles", "zhao", *words]
        assert CliRunner().invoke(yunzhang, asked).exit_code == 2
