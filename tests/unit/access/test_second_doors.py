"""Checks that stand behind another one: taken away, no route shows it, so they are asked here."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from yunzhang.access import service
from yunzhang.access.dependencies import overseeing
from yunzhang.errors import Forbidden
from yunzhang.units.scope import Principal


def refused(raised: pytest.ExceptionInfo[Forbidden], act: str) -> None:
    assert raised.value.code == "units.forbidden"
    assert raised.value.values["act"] == act


def test_an_office_account_with_a_narrow_token_oversees_nothing() -> None:
    narrow = Principal("op", frozenset({"operator"}), 1, token_acts=frozenset({"read"}))
    with pytest.raises(Forbidden) as raised:
        overseeing(narrow)
    refused(raised, "oversee")


def test_who_may_not_set_up_makes_no_account(session: Session) -> None:
    with pytest.raises(Forbidden) as raised:
        service.create_account(
            session,
            Principal("op", frozenset({"operator"}), 1),
            name="new",
            display_name="new",
            roles=["operator"],
            password="some unrelated words",
        )
    refused(raised, "setup")
