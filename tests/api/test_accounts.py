"""Accounts over HTTP: roles act at once, tokens stay narrow, scopes reach what they name."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from tests.api.conftest import Client, make_token
from tests.api.test_sessions import Browser
from tests.factories import make_register
from yunzhang import clock, db, settings
from yunzhang.access.models import Account, Grant, OidcLink
from yunzhang.access.passwords import hash_password
from yunzhang.api.app import make_app
from yunzhang.estate.models import CloudPlatform, PrivateNetwork
from yunzhang.units.scope import Granted

PASSWORD = "some unrelated words"
ISSUER = "https://sso.example.gov.cn/realms/gx"


@pytest.fixture
def root(running: settings.Settings) -> Client:
    """An administrator's program, and an account zhao that operates and has a password."""
    client = Client(make_app(), make_token("root", ["administrator"]))
    with db.transaction() as session:
        session.add(
            Account(name="zhao", display_name="赵", roles=["operator"], created_at=clock.now(),
                    password_hash=hash_password(PASSWORD))
        )  # fmt: skip
    return client


def code(answer: object) -> str:
    """The code of a refusal."""
    return str(answer.json()["code"])  # type: ignore[attr-defined]


# ---- roles


def test_new_roles_act_at_once_for_sessions_and_tokens_that_are_open(root: Client) -> None:
    browser = Browser()
    browser.log_in()
    ends = (clock.now() + timedelta(days=1)).isoformat()
    asked = {"name": "x", "scopes": ["write"], "expires_at": ends}
    program = Client(browser.client.app, browser.ask("POST", "/tokens", asked).json()["token"])
    assert browser.ask("GET", "/waves").status_code == program.get("/waves").status_code == 200
    made = root.ask("PUT", "/api/v1/accounts/zhao/roles", body={"roles": ["auditor"]})
    assert (made.status_code, made.json()["roles"]) == (200, ["auditor"])
    assert browser.ask("GET", "/session").json()["roles"] == ["auditor"]
    assert "plan" not in browser.ask("GET", "/session").json()["acts"]
    assert program.get("/session").json()["roles"] == ["auditor"]
    root.ask("PUT", "/api/v1/accounts/zhao/roles", body={"roles": []})
    assert browser.ask("GET", "/waves").status_code == program.get("/waves").status_code == 403


def test_roles_that_are_refused(root: Client) -> None:
    def change(name: str, *roles: str) -> str:
        asked = {"roles": list(roles)}
        return code(root.ask("PUT", f"/api/v1/accounts/{name}/roles", body=asked))

    assert change("zhao", "engineer", "reviewer") == "access.duties"
    assert change("root", "administrator", "engineer") == "access.own_roles"
    assert change("nobody") == "access.unknown"


# ---- tokens


def test_token_for_reading_ended_the_other_tokens(root: Client) -> None:
    browser = Browser()
    browser.log_in()
    ends = (clock.now() + timedelta(days=1)).isoformat()
    asked = {"name": "x", "scopes": ["read"], "expires_at": ends}
    first, second = (browser.ask("POST", "/tokens", asked).json() for _ in range(2))
    reader = Client(browser.client.app, first["token"])
    answer = reader.ask("DELETE", f"/api/v1/tokens/{second['id']}")
    assert (answer.status_code, code(answer)) == (403, "access.session_only")
    # itself it may end
    assert reader.ask("DELETE", "/api/v1/session").status_code == 204
    assert code(reader.get("/session")) == "access.token_bad"
    assert Client(browser.client.app, second["token"]).get("/session").status_code == 200


def test_token_for_reading_guessed_at_the_password(root: Client) -> None:
    """A program's token that leaked must not serve to find the password, nor to lock its person
    out of signing."""
    reader = Client(root.app, make_token("li", ["reviewer"], scopes=["read"]))
    asked = {"old": PASSWORD, "new": "quite other words here"}
    for _ in range(9):
        answer = reader.ask("POST", "/api/v1/session/password", body=asked)
        assert (answer.status_code, code(answer)) == (403, "access.session_only")


def test_token_does_what_it_was_made_for_alone(root: Client) -> None:
    body = {"roles": ["engineer"]}
    for scopes, status in ((["read"], 403), (["grant"], 403), (["account"], 200)):
        name = f"root-{scopes[0]}"
        program = Client(root.app, make_token(name, ["administrator"], scopes=scopes))
        answer = program.ask("PUT", "/api/v1/accounts/zhao/roles", body=body)
        assert answer.status_code == status, scopes


# ---- identities


def test_identities_are_linked_listed_and_unlinked(root: Client) -> None:
    path, asked = "/api/v1/accounts/zhao/identity", {"issuer": ISSUER, "subject": "10086"}
    assert root.ask("POST", path, body=asked).status_code == 204
    assert code(root.ask("POST", path, body=asked)) == "access.identity_taken"
    (item,) = root.get("/identities").json()["items"]
    told = (item["account"], item["issuer"], item["subject"], item["linked_by"])
    assert told == ("zhao", ISSUER, "10086", "root")
    assert root.get("/identities?account=root").json()["total"] == 0
    query = f"{path}?issuer={ISSUER}&subject=10086"
    assert root.ask("DELETE", query).status_code == 204
    assert code(root.ask("DELETE", query)) == "access.oidc_not_linked"
    assert root.get("/identities").json()["total"] == 0


def test_lists_take_as_many_statements_for_many_rows_as_for_one(root: Client) -> None:
    paths = ("/accounts", "/identities", "/grants", "/tokens")
    root.get("/session")  # the first use of a token is noted
    taken = {}
    for count in (1, 100):
        _add_rows(count)
        for path in paths:
            assert root.get(path).json()["total"] >= count or path == "/tokens"
            taken[path, count] = len([s for s in root.statements if s != "BEGIN"])
    assert {path: taken[path, 100] for path in paths} == {path: taken[path, 1] for path in paths}
    # who asks, what is granted to them; the page and its total
    assert max(taken.values()) <= 4


def _add_rows(count: int) -> None:
    now = clock.now()
    with db.transaction() as session:
        for number in range(count):
            account = Account(name=f"a{count}-{number}", display_name="a", roles=[],
                              password_hash="-", created_at=now)  # fmt: skip
            session.add(account)
            session.flush()
            session.add_all(
                [
                    OidcLink(account_id=account.id, issuer=ISSUER, subject=account.name,
                             created_at=now, linked_by="root"),
                    Grant(account_id=account.id, role="manager", kind="unit", reference="U-1",
                          starts_at=now, granted_by="root", created_at=now),
                ]
            )  # fmt: skip


# ---- scopes


def scoped(app_of: Client, kind: str, reference: str, role: str = "cloud_operator") -> Client:
    """Somebody to whom one site or wave was given."""
    name = f"{role}-{kind}-{reference}".lower()
    return Client(app_of.app, make_token(name, [], [Granted(role, kind, reference)]))


@pytest.fixture
def site(root: Client) -> Client:
    """Whom the site S-mib was given, where the network and cloud of another unit stand."""
    with db.transaction() as session:
        make_register(session)
        for model in (PrivateNetwork, CloudPlatform):
            stands = update(model).where(model.unit_code == "U-hrss").values(site_code="S-mib")
            session.execute(stands)
    return scoped(root, "site", "S-mib")


def test_site_shows_itself_and_what_stands_in_it(site: Client) -> None:
    def codes(noun: str) -> list[str]:
        told = site.get(f"/estate/{noun}").json()
        assert told["total"] == len(told["items"])
        return [item["code"] for item in told["items"]]

    assert codes("sites") == ["S-mib"]
    assert codes("networks") == ["N-hrss"]
    assert codes("platforms") == ["P-hrss"]
    assert codes("workloads") == ["hrss-app", "hrss-db", "hrss-web"]
    assert codes("units") == codes("systems") == []
    assert site.get("/estate/workloads/hrss-app").status_code == 200
    assert code(site.get("/estate/workloads/mib-app")) == code(site.get("/estate/workloads/none"))
    for path in ("/totals/units", "/plans", "/ledger/pools", "/discovery/runs"):
        assert site.get(path).status_code == 403, path
    assert site.get("/waves").json()["total"] == 0


@pytest.mark.parametrize(("kind", "reference"), [("site", "S-mib"), ("platform", "P-mib")])
def test_whois_of_what_was_given_without_its_unit_broke(
    root: Client, site: Client, kind: str, reference: str
) -> None:
    asker = site if kind == "site" else scoped(root, kind, reference)
    answer = asker.get("/estate/whois?address=192.168.10.11")
    assert answer.status_code == 200
    # of the same address in three domains only the one that stands in the site is told
    told = [(found["domain_code"], found["unit_code"]) for found in answer.json()["domains"]]
    assert told == ([("hrss", "U-hrss")] if kind == "site" else [])
    assert asker.get("/estate/conflicts").status_code == 200


def test_site_that_was_given_is_seen_and_stays_its_units_to_change(
    root: Client, site: Client
) -> None:
    sent, change = {"If-Match": '"1"'}, {"area_m2": 120}
    own, foreign = (f"/api/v1/estate/sites/{code}" for code in ("S-mib", "S-lz"))
    assert site.ask("PATCH", own, sent, change).status_code == 403
    manager = scoped(root, "site", "S-mib", "manager")
    assert manager.ask("GET", own).status_code == 200
    assert manager.ask("PATCH", own, sent, change).status_code == 404
    assert manager.ask("PATCH", foreign, sent, change).status_code == 404


def test_site_ends_with_its_date_and_with_its_revocation(root: Client, site: Client) -> None:
    ends = clock.now() + timedelta(hours=1)
    asked = {"account": "zhao", "role": "cloud_operator", "kind": "site", "reference": "S-lz",
             "ends_at": ends.isoformat()}  # fmt: skip
    root.ask("PUT", "/api/v1/accounts/zhao/roles", body={"roles": []})
    given = root.ask("POST", "/api/v1/grants", body=asked)
    assert given.status_code == 201
    browser = Browser()
    browser.log_in()
    assert browser.ask("GET", "/estate/sites").json()["items"][0]["code"] == "S-lz"
    with clock.fixed(ends):
        assert browser.log_in().status_code == 200
        assert browser.ask("GET", "/estate/sites").status_code == 403
    browser.log_in()
    assert browser.ask("GET", "/estate/sites").status_code == 200
    number = given.json()["id"]
    assert root.ask("DELETE", f"/api/v1/grants/{number}").status_code == 204
    assert browser.ask("GET", "/estate/sites").status_code == 403


def test_wave_shows_itself_alone(wave: int, root: Client) -> None:
    own, other = scoped(root, "wave", str(wave)), scoped(root, "wave", str(wave + 1))
    assert [item["id"] for item in own.get("/waves").json()["items"]] == [wave]
    assert own.get(f"/waves/{wave}").status_code == 200
    assert own.get(f"/waves/{wave}/objects").json()["total"] > 0
    assert f"wave-{wave}-precheck" in own.get(f"/waves/{wave}/events").text
    assert other.get("/waves").json()["total"] == 0
    for path in (f"/waves/{wave}", f"/waves/{wave}/events"):
        answer = other.get(path)
        assert (answer.status_code, code(answer)) == (404, "api.wave_unknown")
    assert other.get(f"/waves/{wave}/objects").json()["total"] == 0
    # a wave is not its unit's register
    for noun in ("units", "workloads", "prefixes", "sites"):
        assert own.get(f"/estate/{noun}").json()["total"] == 0, noun
    for path in ("/plans", "/totals/units", "/ledger/pools"):
        assert own.get(path).status_code == 403, path


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_a_grant_until_a_time_that_utc_does_not_have_was_a_fault_of_the_product(
    root: Client, moment: str
) -> None:
    asked = {"account": "zhao", "role": "applicant", "kind": "unit", "reference": "U-mib",
             "ends_at": moment}  # fmt: skip
    assert root.ask("POST", "/api/v1/grants", body=asked).status_code == 422
