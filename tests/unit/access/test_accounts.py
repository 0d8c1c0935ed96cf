"""Accounts sign with their password; the system principal decides nothing."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from yunzhang.access import service
from yunzhang.errors import Conflict, Forbidden, InputError, NotFound
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
