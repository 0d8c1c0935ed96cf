"""Guessing is counted where it happens, and nobody else's guesses keep a person from signing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import datetime, timedelta

import pytest
from click.testing import CliRunner

from tests.estates import PASSWORD, make_accounts, make_submitted_plan
from yunzhang import clock, db, settings
from yunzhang.access import sessions, throttle
from yunzhang.cli.app import yunzhang
from yunzhang.errors import Throttled, Unauthenticated, YunzhangError
from yunzhang.plans import service as plans
from yunzhang.plans.models import PlanVersion
from yunzhang.units.scope import Principal

FREE = throttle.FREE["signature"]


@pytest.fixture
def reviewer(running: settings.Settings, noon: datetime) -> Principal:
    """Li, who reviews the plan `demo` that was submitted."""
    with db.transaction() as session:
        wang, li = make_accounts(session)
        make_submitted_plan(session, wang)
    return li


def approve(li: Principal, password: str, name: str = "demo") -> str:
    """Sign as the command does; what came of it."""
    try:
        with throttle.signing(li.name), db.transaction() as session:
            signed = plans.get_version(session, name).hash
            plans.approve_plan(session, li, name, signed_hash=signed, password=password)
    except YunzhangError as error:
        return error.code
    return "approved"


def approve_by_command(li: Principal, password: str) -> str:
    """`yunzhang plan approve`, with the password typed; what came of it."""
    words = ["--account", li.name, "plan", "approve", "demo"]
    found = CliRunner().invoke(yunzhang, words, input=f"{password}\n").exception
    assert found is None or isinstance(found, YunzhangError), found
    return found.code if found else "approved"


def state() -> str:
    """Of the plan."""
    with db.reading() as session:
        return session.query(PlanVersion.state).scalar() or ""


def test_password_at_approval_could_be_guessed_without_end(reviewer: Principal) -> None:
    told = [approve_by_command(reviewer, f"wrong words {n}") for n in range(FREE + 3)]
    assert told == ["access.password_wrong"] * FREE + ["access.wait"] * 3
    # now not even the right one tells anything
    assert approve_by_command(reviewer, PASSWORD) == "access.wait"
    assert state() == "submitted"
    with clock.fixed(clock.now() + timedelta(seconds=31)):
        assert approve_by_command(reviewer, PASSWORD) == "approved"


def test_guesses_at_once_are_all_counted(reviewer: Principal) -> None:
    with ThreadPoolExecutor(4) as pool:
        guesses = [
            pool.submit(copy_context().run, approve, reviewer, f"wrong words {n}")
            for n in range(2 * FREE)
        ]
        told = [guess.result() for guess in guesses]
    assert told.count("access.password_wrong") == FREE


def test_guessing_did_not_begin_anew_after_another_refusal(reviewer: Principal) -> None:
    """What fails for another reason takes back its own attempt alone."""
    told = []
    for number in range(FREE):
        told.append(approve(reviewer, f"wrong words {number}"))
        assert approve(reviewer, PASSWORD, "unknown") in {"plans.unknown", "access.wait"}
    assert told == ["access.password_wrong"] * FREE
    assert approve(reviewer, PASSWORD) == "access.wait"


def test_refusals_for_other_reasons_lock_nobody_out(reviewer: Principal) -> None:
    for _ in range(2 * FREE):
        assert approve(reviewer, PASSWORD, "unknown") == "plans.unknown"
    assert approve(reviewer, PASSWORD) == "approved"


def test_nobody_is_kept_from_approving_by_others_guesses(reviewer: Principal) -> None:
    for number in range(3 * FREE):
        with pytest.raises((Unauthenticated, Throttled)):
            sessions.authenticate("li", f"wrong words {number}", f"192.0.2.{number}")
    with pytest.raises(Throttled):
        sessions.authenticate("li", PASSWORD, "192.0.2.99")
    assert approve(reviewer, PASSWORD) == "approved"


def test_success_begins_anew(running: settings.Settings, noon: datetime) -> None:
    for _ in range(3 * FREE):
        with throttle.signing("li"):
            pass


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("local", "LOCAL ", True),
    ],
)
def test_every_address_of_a_subscriber_counted_as_another(
    first: str, second: str, same: bool
) -> None:
    """Whoever has one IPv6 address has 2^64 of them."""
    found = throttle.subject_of_address(first) == throttle.subject_of_address(second)
    assert found is same


def test_one_subscriber_guesses_at_many_names(running: settings.Settings, noon: datetime) -> None:
    def guess(number: int) -> None:
        sessions.authenticate(f"name{number}", "wrong words", f"2001:db8::{number:x}")

    for number in range(throttle.FREE["address"]):
        with pytest.raises(Unauthenticated):
            guess(number)
    with pytest.raises(Throttled):
        guess(99)
