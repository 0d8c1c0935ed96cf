"""An account's own roles change by another administrator's word, and never without one left."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from yunzhang import audit, db, settings
from yunzhang.access import grants, repository, service
from yunzhang.errors import Conflict, Forbidden, InputError, NotFound, YunzhangError
from yunzhang.units.scope import SYSTEM, Principal

PASSWORD = "some unrelated words"
DAY = timedelta(days=1)


def make_root(session: Session) -> Principal:
    """The first administrator."""
    service.create_first_administrator(session, name="root", display_name="r", password=PASSWORD)
    return service.principal_of(session, "root")


def make(session: Session, root: Principal, name: str, *roles: str) -> Principal:
    """An account with these roles."""
    service.create_account(
        session, root, name=name, display_name=name, roles=list(roles), password=PASSWORD
    )
    return service.principal_of(session, name)


@pytest.fixture
def root(session: Session, noon: datetime) -> Principal:
    """The administrator; zhao operates."""
    found = make_root(session)
    make(session, found, "zhao", "operator")
    return found


def test_change_is_recorded_before_and_after(session: Session, root: Principal) -> None:
    service.change_roles(session, root, "zhao", ["engineer", "operator", "engineer"])
    assert service.principal_of(session, "zhao").roles == {"engineer", "operator"}
    service.change_roles(session, root, "zhao", ["operator", "engineer"])  # changes nothing
    query = select(audit.AuditEntry).where(audit.AuditEntry.act == "change_roles")
    (entry,) = session.scalars(query).all()
    assert (entry.principal, entry.reference) == ("root", "zhao")
    assert entry.before == {"roles": ["operator"]}
    assert entry.after == {"roles": ["engineer", "operator"]}


@pytest.mark.parametrize(
    ("name", "roles", "error", "code"),
    [
        ("zhao", ["emperor"], InputError, "role_unknown"),
        ("zhao", ["operator", "reviewer"], Conflict, "duties"),
        ("root", ["administrator", "auditor"], Forbidden, "own_roles"),
        ("nobody", [], NotFound, "unknown"),
    ],
)
def test_changes_that_are_refused(
    session: Session,
    root: Principal,
    name: str,
    roles: list[str],
    error: type[YunzhangError],
    code: str,
) -> None:
    with pytest.raises(error) as raised:
        service.change_roles(session, root, name, roles)
    assert raised.value.code == f"access.{code}"


def test_only_administrators_change_roles(session: Session, root: Principal) -> None:
    for asker in (SYSTEM, service.principal_of(session, "zhao")):
        with pytest.raises(Forbidden):
            service.change_roles(session, asker, "zhao", [])


@pytest.mark.parametrize("begins", [0, 30])
def test_duties_are_kept_apart_from_what_is_granted_now_and_later(
    session: Session, root: Principal, noon: datetime, begins: int
) -> None:
    grants.give(
        session, root, account="zhao", role="engineer", kind="wave", reference="1",
        starts_at=noon + begins * DAY,
    )  # fmt: skip
    with pytest.raises(Conflict) as raised:
        service.change_roles(session, root, "zhao", ["reviewer"])
    assert raised.value.code == "access.duties"


def test_last_administrator_is_kept(session: Session, root: Principal, noon: datetime) -> None:
    """By somebody, too, who administers for a time only."""
    deputy = make(session, root, "qian")
    grants.give(
        session, root, account="qian", role="administrator", kind="office", ends_at=noon + DAY
    )
    deputy = service.principal_of(session, "qian")
    with pytest.raises(Conflict) as raised:
        service.change_roles(session, deputy, "root", [])
    assert raised.value.code == "access.last_administrator"
    make(session, root, "sun", "administrator")
    service.disable_account(session, root, "sun")
    with pytest.raises(Conflict):
        service.change_roles(session, deputy, "root", ["operator"])
    service.enable_account(session, root, "sun")
    service.change_roles(session, deputy, "root", ["operator"])


def test_of_two_administrators_who_depose_each_other_one_is_left(
    running: settings.Settings,
) -> None:
    with db.transaction() as session:
        first = make_root(session)
        second = make(session, first, "toor", "administrator")

    def depose(by: Principal, whom: str) -> None:
        try:
            with db.transaction() as session:
                service.change_roles(session, by, whom, [])
        except YunzhangError as error:
            assert error.code == "access.last_administrator"  # noqa: PT017

    with ThreadPoolExecutor(2) as pool:
        acts = [(first, "toor"), (second, "root")] * 3
        for done in [pool.submit(depose, *act) for act in acts]:
            done.result()
    with db.reading() as session:
        left = [a.name for a in repository.list_accounts(session) if "administrator" in a.roles]
    assert len(left) == 1


def test_first_administrator_is_one_also_when_several_are_made_at_once(
    running: settings.Settings,
) -> None:
    def attempt(number: int) -> str:
        try:
            with db.transaction() as session:
                service.create_first_administrator(
                    session, name=f"root{number}", display_name="r", password=PASSWORD
                )
        except YunzhangError as error:
            return error.code
        return "made"

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(attempt, range(6)))
    assert sorted(told) == ["access.administrator_exists"] * 5 + ["made"]


def test_what_was_lent_ends_with_the_lenders_role(
    session: Session, root: Principal, noon: datetime
) -> None:
    make(session, root, "qian")
    zhao = service.principal_of(session, "zhao")
    grants.delegate(session, zhao, account="qian", role="operator", ends_at=noon + DAY)
    assert service.principal_of(session, "qian").reach().office
    service.change_roles(session, root, "zhao", [])
    assert service.principal_of(session, "qian").grants == frozenset()


def test_account_that_was_made_twice_at_once_was_a_fault_of_ours(
    running: settings.Settings,
) -> None:
    with db.transaction() as session:
        root = make_root(session)

    def attempt(number: int) -> str:
        try:
            with db.transaction() as session:
                make(session, root, "zhao" if number % 2 else "Zhao", "operator")
        except YunzhangError as error:
            return error.code
        return "made"

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(attempt, range(6)))
    assert sorted(told) == ["access.taken"] * 5 + ["made"]


@pytest.mark.parametrize("name", ["Zhao", "ZHAO"])
def test_account_whose_name_differed_by_case_alone(
    session: Session, root: Principal, name: str
) -> None:
    with pytest.raises(Conflict) as raised:
        make(session, root, name)
    assert raised.value.code == "access.taken"


@pytest.mark.parametrize(
    "name", ["", " zhao", "zhao\n", "zhao ", "-zhao", "赵", "z\x1b[31m", "z" * 81]
)
def test_name_that_would_not_be_read_as_it_is(session: Session, root: Principal, name: str) -> None:
    with pytest.raises(InputError) as raised:
        make(session, root, name)
    assert raised.value.code == "access.name_bad"
