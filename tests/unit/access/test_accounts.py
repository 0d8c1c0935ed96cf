"""Accounts sign with their password; the system principal decides nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import pytest
from argon2 import PasswordHasher
from sqlalchemy.orm import Session

from yunzhang import settings
from yunzhang.access import passwords, service, sessions, throttle
from yunzhang.errors import Conflict, Forbidden, InputError, NotFound, YunzhangError
from yunzhang.units.scope import SYSTEM, demand

PASSWORD = "correct horse battery"


def _make(session: Session, **changes: object) -> None:
    values = {"name": "wang", "display_name": "王工", "roles": ["reviewer"], "password": PASSWORD}
    service.create_account(session, SYSTEM, **{**values, **changes})  # type: ignore[arg-type]


def test_password_is_asked_again(session: Session) -> None:
    _make(session)
    wang = service.principal_of(session, "wang")
    service.check_password(session, wang, PASSWORD)
    with pytest.raises(Forbidden, match="wang"):
        service.check_password(session, wang, "wrong horse battery")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"password": "short"}, InputError),
        ({"roles": ["emperor"]}, InputError),
        ({}, Conflict),
    ],
)
def test_bad_accounts_are_refused(
    session: Session, changes: dict[str, object], error: type[Exception]
) -> None:
    _make(session)
    with pytest.raises(error):
        _make(session, **changes)


def test_unknown_account_has_no_principal(session: Session) -> None:
    with pytest.raises(NotFound, match="nobody"):
        service.principal_of(session, "nobody")


def test_only_a_reviewer_approves(session: Session) -> None:
    _make(session)
    demand(service.principal_of(session, "wang"), "approve")
    with pytest.raises(Forbidden):
        demand(SYSTEM, "approve")


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("short words", "password_short"),
        ("x" * 201, "password_long"),
        ("wang-wang-wang!", "password_name"),
        ("Wang12345678", None),
        ("1234-5678-9012", "password_common"),
        ("Password 12345", "password_common"),
        ("aaaaaaaaaabb", "password_common"),
        ("四个不相干的词语放在一处", None),
    ],
)
def test_password_policy(password: str, code: str | None) -> None:
    if code is None:
        passwords.check_policy("wang", password)
        return
    with pytest.raises(InputError) as raised:
        passwords.check_policy("wang", password)
    assert raised.value.code == f"access.{code}"


def test_unknown_account_costs_the_same_work(monkeypatch: pytest.MonkeyPatch) -> None:
    worked: list[str] = []

    class Counting(PasswordHasher):
        def verify(self, kept: str | bytes, password: str | bytes) -> Literal[True]:
            worked.append(str(kept))
            return super().verify(kept, password)

    hasher = Counting(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr("yunzhang.access.passwords._hasher", hasher)
    assert not passwords.matches(None, PASSWORD)
    assert not passwords.matches(hasher.hash("another"), PASSWORD)
    first, second = (kept.split("$")[1:4] for kept in worked)
    assert first == second


def test_first_administrator_is_made_once(session: Session) -> None:
    def make(name: str) -> None:
        service.create_first_administrator(session, name=name, display_name=name, password=PASSWORD)

    make("root")
    with pytest.raises(Conflict) as raised:
        make("toor")
    assert raised.value.code == "access.administrator_exists"
    with pytest.raises(Forbidden):
        _make(session, name="other", roles=["administrator"])


def test_guesses_at_once_are_all_counted(running: settings.Settings) -> None:
    def guess(_: int) -> str:
        try:
            sessions.authenticate("wang", "wrong words again", "here")
        except YunzhangError as error:
            return error.code
        return "in"

    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(guess, range(16)))
    assert told.count("access.login_failed") == throttle.FREE["account"]
    assert told.count("access.wait") == 16 - throttle.FREE["account"]
