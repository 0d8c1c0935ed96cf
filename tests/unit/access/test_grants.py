"""Grants are dated, lent no wider or longer than held, not lent on, and end with their source."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from yunzhang import clock
from yunzhang.access import grants, repository, service
from yunzhang.access.tokens import acts_within
from yunzhang.errors import Conflict, Forbidden, InputError, NotFound, YunzhangError
from yunzhang.units.roles import ROLE_ACTS, clash_of
from yunzhang.units.scope import SYSTEM, Granted, Principal, demand

PASSWORD = "some unrelated words"
DAY = timedelta(days=1)
UNIT = Granted("manager", "unit", "U-1")


@pytest.fixture
def root(session: Session, noon: datetime) -> Principal:
    """The administrator; accounts zhao, qian and sun without roles, li who reviews."""
    service.create_first_administrator(session, name="root", display_name="r", password=PASSWORD)
    for name, roles in (("zhao", []), ("qian", []), ("sun", []), ("li", ["reviewer"])):
        service.create_account(
            session, SYSTEM, name=name, display_name=name, roles=roles, password=PASSWORD
        )
    return service.principal_of(session, "root")


def give(session: Session, root: Principal, name: str = "zhao", **changes: object) -> int:
    values = {"account": name, "role": "manager", "kind": "unit", "reference": "U-1", **changes}
    return grants.give(session, root, **values).id  # type: ignore[arg-type]


def held(session: Session, name: str) -> frozenset[Granted]:
    return service.principal_of(session, name).grants


def test_grant_begins_and_ends(session: Session, root: Principal, noon: datetime) -> None:
    give(session, root, starts_at=noon + DAY, ends_at=noon + 2 * DAY)
    for at, found in ((noon, set()), (noon + DAY, {UNIT}), (noon + 2 * DAY, set())):
        with clock.fixed(at):
            assert held(session, "zhao") == found


def test_revoked_at_once_and_once(session: Session, root: Principal) -> None:
    number = give(session, root)
    grants.revoke(session, root, number)
    grants.revoke(session, root, number)
    assert held(session, "zhao") == frozenset()


@pytest.mark.parametrize(
    ("changes", "error", "code"),
    [
        ({"name": "root"}, Forbidden, "own_grant"),
        ({"name": "nobody"}, NotFound, "unknown"),
        ({"role": "emperor"}, InputError, "role_unknown"),
        ({"kind": "planet"}, InputError, "kind_unknown"),
        ({"reference": ""}, InputError, "scope_missing"),
        ({"kind": "office", "reference": ""}, InputError, "office_scope"),
        ({"kind": "wave", "reference": "first"}, InputError, "wave_bad"),
        ({"kind": "wave", "reference": "９"}, InputError, "wave_bad"),
        ({"role": "administrator"}, InputError, "scope_missing"),
        ({"name": "li", "role": "engineer"}, Conflict, "duties"),
        ({"ends_at": datetime.fromisoformat("2020-01-01T00:00Z")}, InputError, "dates_bad"),
    ],
)
def test_grants_that_are_refused(
    session: Session,
    root: Principal,
    changes: dict[str, object],
    error: type[YunzhangError],
    code: str,
) -> None:
    with pytest.raises(error) as raised:
        give(session, root, **changes)  # type: ignore[arg-type]
    assert raised.value.code == f"access.{code}"


def test_only_administrators_grant(session: Session, root: Principal) -> None:
    for asker in (SYSTEM, service.principal_of(session, "li")):
        with pytest.raises(Forbidden):
            give(session, asker)


def lend(session: Session, by: str, to: str, number: int | None, ends_at: datetime) -> int:
    asker = service.principal_of(session, by)
    role = "manager" if number else "reviewer"
    made = grants.delegate(session, asker, account=to, role=role, grant_id=number, ends_at=ends_at)
    return made.id


def test_lent_for_a_time(session: Session, root: Principal, noon: datetime) -> None:
    number = give(session, root, ends_at=noon + 5 * DAY)
    lend(session, "zhao", "qian", number, noon + DAY)
    assert held(session, "qian") == {UNIT}
    with clock.fixed(noon + DAY):
        assert held(session, "qian") == frozenset()
        assert held(session, "zhao") == {UNIT}


def test_not_longer_than_held_nor_lent_on(
    session: Session, root: Principal, noon: datetime
) -> None:
    number = give(session, root, ends_at=noon + 5 * DAY)
    with pytest.raises(InputError) as raised:
        lend(session, "zhao", "qian", number, noon + 6 * DAY)
    assert raised.value.code == "access.longer_than_held"
    lent = lend(session, "zhao", "qian", number, noon + DAY)
    with pytest.raises(Forbidden) as refused:
        lend(session, "qian", "sun", lent, noon + DAY)
    assert refused.value.code == "access.lent_on"


def test_nobody_lends_what_is_not_theirs(session: Session, root: Principal, noon: datetime) -> None:
    number = give(session, root)
    give(session, root, "sun", reference="U-2")
    with pytest.raises(Forbidden) as refused:
        lend(session, "sun", "qian", number, noon + DAY)
    assert refused.value.code == "access.not_held"
    with pytest.raises(Forbidden):
        lend(session, "zhao", "qian", None, noon + DAY)


def test_lent_ends_with_its_source(session: Session, root: Principal, noon: datetime) -> None:
    number = give(session, root)
    lend(session, "zhao", "qian", number, noon + DAY)
    service.disable_account(session, root, "zhao")
    assert held(session, "qian") == frozenset()
    service.enable_account(session, root, "zhao")
    assert held(session, "qian") == {UNIT}
    grants.revoke(session, root, number)
    assert held(session, "qian") == frozenset()


def test_own_role_is_lent_and_taken_back(session: Session, root: Principal, noon: datetime) -> None:
    lent = lend(session, "li", "qian", None, noon + DAY)
    qian = service.principal_of(session, "qian")
    assert qian.reach().office
    demand(qian, "approve")
    with pytest.raises(NotFound):
        grants.revoke(session, service.principal_of(session, "zhao"), lent)
    grants.revoke(session, service.principal_of(session, "li"), lent)
    assert held(session, "qian") == frozenset()


def test_lending_keeps_duties_apart(session: Session, root: Principal, noon: datetime) -> None:
    give(session, root, "qian", role="engineer", kind="wave", reference="1")
    with pytest.raises(Conflict) as raised:
        lend(session, "li", "qian", None, noon + DAY)
    assert raised.value.code == "access.duties"


def test_duties_came_together_by_a_grant_of_a_later_time(
    session: Session, root: Principal, noon: datetime
) -> None:
    """Each was harmless on the day it was made."""
    give(session, root, role="reviewer", kind="office", reference="", starts_at=noon + DAY)
    with pytest.raises(Conflict) as raised:
        give(session, root, role="engineer", kind="office", reference="")
    assert raised.value.code == "access.duties"
    # one after the other is a change of post
    give(session, root, role="engineer", kind="office", reference="", ends_at=noon + DAY)
    for at, roles in ((noon, {"engineer"}), (noon + DAY, {"reviewer"})):
        with clock.fixed(at):
            assert {granted.role for granted in held(session, "zhao")} == roles


def test_duties_came_together_when_a_lender_was_enabled_again(
    session: Session, root: Principal, noon: datetime
) -> None:
    lend(session, "li", "qian", None, noon + 5 * DAY)
    service.disable_account(session, root, "li")
    with pytest.raises(Conflict):
        give(session, root, "qian", role="engineer", kind="office", reference="")
    lent = repository.held_grants(session, service.get_account(session, "qian").id, noon)
    grants.revoke(session, root, lent[0].grant.id)
    give(session, root, "qian", role="engineer", kind="office", reference="")


def test_token_for_reading_took_back_what_was_lent(
    session: Session, root: Principal, noon: datetime
) -> None:
    lent = lend(session, "li", "qian", None, noon + DAY)
    reader = replace(service.principal_of(session, "li"), token_acts=acts_within(["read"]))
    with pytest.raises(Forbidden):
        grants.revoke(session, reader, lent)
    assert held(session, "qian") != frozenset()


def test_token_lent_more_than_it_could_do_itself(
    session: Session, root: Principal, noon: datetime
) -> None:
    """A token made for lending alone gave an accomplice the right to approve."""
    li = service.principal_of(session, "li")
    for scopes, lends in ((["delegate"], False), (["delegate", "read"], False), (["write"], True)):
        token = replace(li, token_acts=acts_within(scopes))
        try:
            grants.delegate(session, token, account="qian", role="reviewer", ends_at=noon + DAY)
        except Forbidden as refused:
            assert refused.code == "access.not_held"  # noqa: PT017
            assert not lends
        else:
            assert lends


def test_duties_of_one_role_are_apart() -> None:
    assert {role: clash_of([role]) for role in ROLE_ACTS if clash_of([role])} == {}
    assert clash_of(["reviewer", "operator"])
    assert clash_of(["auditor", "engineer"])
    assert clash_of(["administrator", "reviewer"])
    assert clash_of(["operator", "engineer"]) is None


def test_system_decides_nothing() -> None:
    for act in ("approve", "accept", "grant", "account", "delegate", "endorse", "submit"):
        with pytest.raises(Forbidden):
            demand(SYSTEM, act)
