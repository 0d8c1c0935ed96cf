"""Administrators say who is which account; one identity has one account at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.unit.access.oidc.conftest import ROOT
from yunzhang import audit, clock, db, settings
from yunzhang.access import service
from yunzhang.access.models import Account, OidcLink
from yunzhang.access.oidc import identities, repository
from yunzhang.cli.account import account as commands
from yunzhang.cli.context import Acting
from yunzhang.errors import Conflict, Forbidden, InputError, NotFound, YunzhangError
from yunzhang.units.scope import SYSTEM, Principal

ISSUER = "https://sso.example.gov.cn/realms/gx"
PASSWORD = "correct horse battery"


def make_account(session: Session, name: str) -> None:
    """An account to link."""
    service.create_account(
        session, SYSTEM, name=name, display_name=name, roles=["operator"], password=PASSWORD
    )


def link(session: Session, name: str, subject: str = "10086") -> OidcLink:
    """A link by the machine."""
    return identities.link_identity(session, ROOT, name, issuer=ISSUER, subject=subject)


def unlink(session: Session, name: str, subject: str = "10086") -> None:
    """Its end."""
    identities.unlink_identity(session, ROOT, name, issuer=ISSUER, subject=subject)


def test_link_and_unlink(session: Session) -> None:
    make_account(session, "wang")
    made = link(session, "wang")
    found = repository.find_link(session, ISSUER, "10086")
    assert found is not None
    assert found[1].name == "wang"
    unlink(session, "wang")
    assert repository.find_link(session, ISSUER, "10086") is None
    # the record names the link by reference; who it was can still be found, or erased, there
    acts = session.scalars(select(audit.AuditEntry).order_by(audit.AuditEntry.id)).all()
    assert [(entry.act, entry.details.get("identity")) for entry in acts[1:]] == [
        ("link", made.id),
        ("unlink", made.id),
    ]
    assert not any("10086" in str(entry.details) for entry in acts)
    with pytest.raises(NotFound, match="wang"):
        unlink(session, "wang")


def test_identity_has_one_account_at_a_time(session: Session) -> None:
    make_account(session, "wang")
    make_account(session, "li")
    link(session, "wang")
    with pytest.raises(Conflict, match="wang"):
        link(session, "li")
    # the session is still good
    unlink(session, "wang")
    link(session, "li")
    link(session, "li", "10010")
    names = [
        (owner.name, made.subject) for made, owner in repository.page_links(session, None, 9, 0)[0]
    ]
    assert names == [("li", "10086"), ("li", "10010")]


def test_unlinking_names_the_account(session: Session) -> None:
    make_account(session, "wang")
    make_account(session, "li")
    link(session, "wang")
    with pytest.raises(NotFound):
        unlink(session, "li")
    assert repository.find_link(session, ISSUER, "10086") is not None


def test_same_subject_elsewhere_is_somebody_else(session: Session) -> None:
    make_account(session, "wang")
    link(session, "wang")
    assert repository.find_link(session, f"{ISSUER}/", "10086") is None
    assert repository.find_link(session, ISSUER, "1008６") is None


@pytest.mark.parametrize(
    ("issuer", "subject"),
    [
        ("sso.example.gov.cn", "1"),
        ("http://sso.example.gov.cn", "1"),
        ("https://sso.example.gov.cn?a=1", "1"),
        (f"https://sso.example.gov.cn/{'a' * 300}", "1"),
        (ISSUER, ""),
        (ISSUER, "1" * 256),
        (ISSUER, "王"),
        (ISSUER, "1\n"),
    ],
)
def test_what_cannot_be_an_identity(session: Session, issuer: str, subject: str) -> None:
    make_account(session, "wang")
    with pytest.raises(InputError) as refused:
        identities.link_identity(session, ROOT, "wang", issuer=issuer, subject=subject)
    assert refused.value.code in {"access.oidc_issuer_bad", "access.oidc_subject_bad"}


def test_account_that_is_not_in_use(session: Session) -> None:
    with pytest.raises(NotFound, match="nobody"):
        link(session, "nobody")
    make_account(session, "wang")
    link(session, "wang")
    session.scalars(select(Account)).one().disabled_at = clock.now()
    with pytest.raises(NotFound, match="wang"):
        link(session, "wang", "10010")
    unlink(session, "wang")


@pytest.mark.parametrize("role", ["operator", "reviewer", "engineer", "auditor", "manager"])
def test_only_an_administrator_links(session: Session, role: str) -> None:
    make_account(session, "wang")
    somebody = Principal("li", frozenset({role}), 7)
    for act in (identities.link_identity, identities.unlink_identity):
        with pytest.raises(Forbidden):
            act(session, somebody, "wang", issuer=ISSUER, subject="1")
    with pytest.raises(Forbidden):
        identities.page_identities(session, somebody)
    administrator = Principal("zhao", frozenset({"administrator"}), 8)
    identities.link_identity(session, administrator, "wang", issuer=ISSUER, subject="1")


def test_of_two_who_link_at_once_one_succeeds(running: settings.Settings) -> None:
    with db.transaction() as session:
        make_account(session, "wang")
        make_account(session, "li")

    def attempt(name: str) -> str:
        try:
            with db.transaction() as session:
                link(session, name)
        except YunzhangError as error:
            return error.code
        return "linked"

    with ThreadPoolExecutor(8) as pool:
        names = ["wang", "li"] * 4
        futures = [pool.submit(copy_context().run, attempt, name) for name in names]
        found = sorted(future.result() for future in futures)
    assert found == ["access.identity_taken"] * 7 + ["linked"]


def run(*arguments: str) -> Result:
    """A command of the group, by the administrator."""
    return CliRunner().invoke(commands, arguments, obj=Acting("root"))


def test_commands(running: settings.Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    with db.transaction() as session:
        make_account(session, "wang")
        service.create_first_administrator(
            session, name="root", display_name="root", password=PASSWORD
        )
    # the issuer is named, or the one of the settings
    assert isinstance(run("link", "wang", "--subject", "10086").exception, NotFound)
    assert run("link", "wang", "--subject", "10086", "--issuer", ISSUER).exit_code == 0
    monkeypatch.setenv("YUNZHANG_OIDC_ISSUER", ISSUER)
    settings.current.cache_clear()
    refusal = run("link", "wang", "--subject", "10086").exception
    assert isinstance(refusal, Conflict)
    told = run("identities", "wang").output
    assert ISSUER in told
    assert "10086" in told
    assert "10086" not in run("identities", "li").output
    assert run("unlink", "wang", "--subject", "10086").exit_code == 0
    assert "10086" not in run("identities").output
