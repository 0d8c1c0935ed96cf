"""Console sessions: cookies, CSRF, origins, throttling, and everything that ends one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx
import pytest
import uvicorn

from tests.api.conftest import Client, cookies, make_token
from yunzhang import clock, db, settings
from yunzhang.access import sessions, throttle
from yunzhang.access.models import Account, ConsoleSession
from yunzhang.access.passwords import hash_password
from yunzhang.api.app import make_app
from yunzhang.cli.server import proxy_options

PASSWORD = "some unrelated words"
COOKIE = "yunzhang_session"
OURS = "http://127.0.0.1:8300"


class Browser:
    """Keeps its cookie and CSRF token."""

    def __init__(self) -> None:
        self.client = Client(make_app())
        self.cookie, self.csrf = "", ""

    def ask(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """One request as the page of the console sends it."""
        sent = {"Cookie": f"{COOKIE}={self.cookie}", "X-CSRF-Token": self.csrf, "Origin": OURS}
        return self.client.ask(method, f"/api/v1{path}", {**sent, **(headers or {})}, body)

    def log_in(self, password: str = PASSWORD, name: str = "zhao") -> httpx.Response:
        """Log in and keep what was given."""
        answer = self.ask("POST", "/session", {"name": name, "password": password})
        if answer.status_code == 200:
            self.cookie, self.csrf = cookies(answer)[COOKIE], answer.json()["csrf"]
        return answer


@pytest.fixture
def browser(running: settings.Settings) -> Browser:
    """A browser, and an account that may log in."""
    with db.transaction() as session:
        session.add(
            Account(name="zhao", display_name="赵", roles=["operator"], created_at=clock.now(),
                    password_hash=hash_password(PASSWORD))
        )  # fmt: skip
    return Browser()


def test_login_and_logout(browser: Browser) -> None:
    answer = browser.log_in()
    assert (answer.status_code, answer.json()["name"]) == (200, "zhao")
    (told,) = answer.headers.get_list("set-cookie")
    assert "HttpOnly" in told
    assert "SameSite=lax" in told
    assert "Secure" not in told
    assert browser.ask("GET", "/estate/units").status_code == 200
    kept = browser.cookie
    assert browser.ask("DELETE", "/session").status_code == 204
    browser.cookie = kept
    assert browser.ask("GET", "/session").json()["code"] == "access.session_over"


def test_only_a_digest_is_kept(browser: Browser) -> None:
    browser.log_in()
    with db.reading() as session:
        (kept,) = session.query(ConsoleSession).all()
    assert kept.digest == sessions.digest_of(browser.cookie)
    assert len(browser.cookie) >= 43  # 256 bits


def test_behind_a_proxy_cookies_are_secure(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YUNZHANG_PUBLIC_URL", "https://yun.example")
    settings.current.cache_clear()
    own = {"Host": "yun.example", "Origin": "https://yun.example"}
    body = {"name": "zhao", "password": PASSWORD}
    answer = browser.ask("POST", "/session", body, own)
    (told,) = answer.headers.get_list("set-cookie")
    assert told.startswith(f"__Host-{COOKIE}=")
    assert "Secure" in told
    # the proxy's name over plain http is another origin
    assert browser.ask("POST", "/session", body, {**own, "Origin": OURS}).status_code == 403
    assert browser.ask("GET", "/version", headers={"Host": "yun.example:80"}).status_code == 421


def test_login_changes_the_identifier(browser: Browser) -> None:
    browser.log_in()
    first = browser.cookie
    browser.log_in()
    assert browser.cookie != first
    browser.cookie = first
    assert browser.ask("GET", "/session").status_code == 401


@pytest.mark.parametrize("csrf", ["", "x"])
def test_change_without_the_token_of_the_session(browser: Browser, csrf: str) -> None:
    browser.log_in()
    answer = browser.ask("DELETE", "/session", headers={"X-CSRF-Token": csrf})
    assert (answer.status_code, answer.json()["code"]) == (403, "access.csrf")
    assert browser.ask("GET", "/session").status_code == 200


def test_csrf_token_of_another_session(browser: Browser) -> None:
    other = Browser()
    other.log_in()
    browser.log_in()
    answer = browser.ask("DELETE", "/session", headers={"X-CSRF-Token": other.csrf})
    assert answer.json()["code"] == "access.csrf"


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:8300"])
def test_pages_of_other_sites(browser: Browser, origin: str) -> None:
    browser.log_in()
    answer = browser.ask("DELETE", "/session", headers={"Origin": origin})
    assert (answer.status_code, answer.json()["code"]) == (403, "access.origin")
    body = {"name": "zhao", "password": PASSWORD}
    assert browser.ask("POST", "/session", body, {"Origin": origin}).status_code == 403


def test_idle_and_absolute_end(browser: Browser) -> None:
    begun = clock.now()
    with clock.fixed(begun):
        browser.log_in()
    at = begun
    while at + timedelta(minutes=25) < begun + sessions.ABSOLUTE:
        at += timedelta(minutes=25)
        with clock.fixed(at):
            assert browser.ask("GET", "/session").status_code == 200, at - begun
    with clock.fixed(begun + sessions.ABSOLUTE):
        assert browser.ask("GET", "/session").status_code == 401
    with clock.fixed(begun):
        browser.log_in()
    with clock.fixed(begun + sessions.IDLE):
        assert browser.ask("GET", "/session").status_code == 401


def test_password_change_ends_all_sessions(browser: Browser) -> None:
    other = Browser()
    other.log_in()
    browser.log_in()
    asked = {"old": PASSWORD, "new": "quite other words here"}
    assert browser.ask("POST", "/session/password", asked).status_code == 204
    for one in (browser, other):
        assert one.ask("GET", "/session").status_code == 401
    assert browser.log_in().status_code == 401
    assert browser.log_in("quite other words here").status_code == 200


def test_reset_disable_and_enable(browser: Browser) -> None:
    root = Client(browser.client.app, make_token("root", ["administrator"]))
    browser.log_in()
    told = {"password": "a first password here"}
    assert root.ask("POST", "/api/v1/accounts/zhao/password", body=told).status_code == 204
    assert browser.ask("GET", "/session").status_code == 401
    # nothing but changing it is possible then
    assert browser.log_in(told["password"]).json()["must_change"] is True
    assert browser.ask("GET", "/estate/units").json()["code"] == "access.must_change"
    asked = {"old": told["password"], "new": PASSWORD}
    assert browser.ask("POST", "/session/password", asked).status_code == 204
    browser.log_in()
    assert browser.ask("GET", "/estate/units").status_code == 200
    assert root.ask("POST", "/api/v1/accounts/zhao/disable").status_code == 204
    assert browser.ask("GET", "/session").status_code == 401
    assert browser.log_in().json()["code"] == "access.login_failed"
    assert root.ask("POST", "/api/v1/accounts/zhao/enable").status_code == 204
    assert browser.log_in().status_code == 200
    assert root.ask("POST", "/api/v1/accounts/root/disable").json()["code"] == (
        "access.last_administrator"
    )


@pytest.mark.parametrize("name", ["zhao", "nobody"])
def test_guessing_is_slowed_down_for_every_name_alike(browser: Browser, name: str) -> None:
    now = clock.now()
    with clock.fixed(now):
        told = [browser.log_in("wrong words again", name) for _ in range(throttle.FREE["account"])]
        assert {(a.status_code, a.json()["code"]) for a in told} == {(401, "access.login_failed")}
        answer = browser.log_in(PASSWORD, name)
        assert (answer.status_code, answer.json()["code"]) == (429, "access.wait")
        assert answer.headers["retry-after"] == "30"
    with clock.fixed(now + timedelta(seconds=31)):
        assert browser.log_in("wrong words again", name).status_code == 401
        assert browser.log_in("wrong words again", name).headers["retry-after"] == "60"
    with clock.fixed(now + timedelta(minutes=5)):
        assert browser.log_in(PASSWORD).status_code == 200


@pytest.mark.parametrize(("proxies", "waits"), [("10.0.0.5", False), ("127.0.0.1", True)])
def test_all_behind_a_proxy_elsewhere_waited_for_one_who_guessed(
    browser: Browser, monkeypatch: pytest.MonkeyPatch, proxies: str, waits: bool
) -> None:
    monkeypatch.setenv("YUNZHANG_PUBLIC_URL", "https://yun.example")
    monkeypatch.setenv("YUNZHANG_PROXIES", proxies)
    monkeypatch.setitem(throttle.FREE, "address", 2)
    settings.current.cache_clear()
    # as the server wraps it
    config = uvicorn.Config(browser.client.app, **proxy_options())
    config.load()
    transport = httpx.ASGITransport(config.loaded_app, client=("10.0.0.5", 1))

    async def log_in(address: str, name: str) -> int:
        async with httpx.AsyncClient(transport=transport, base_url="https://yun.example") as client:
            body, said = {"name": name, "password": PASSWORD}, {"X-Forwarded-For": address}
            return (await client.post("/api/v1/session", json=body, headers=said)).status_code

    with clock.fixed(clock.now()):
        for number in range(2):
            assert asyncio.run(log_in("192.0.2.1", f"name-{number}")) == 401
        # whatever the one who guesses claims before the proxy adds where it is
        assert asyncio.run(log_in("192.0.2.77, 192.0.2.1", "name-3")) == 429
        assert asyncio.run(log_in("192.0.2.2", "zhao")) == (429 if waits else 200)


def test_success_does_not_clear_the_address(browser: Browser) -> None:
    with clock.fixed(clock.now()):
        for number in range(throttle.FREE["address"]):
            assert browser.log_in().status_code == 200
            assert browser.log_in("wrong words", f"name-{number}").status_code == 401
        assert browser.log_in().json()["code"] == "access.wait"


def test_token_is_made_in_the_console_and_used_elsewhere(browser: Browser) -> None:
    browser.log_in()
    ends = (clock.now() + timedelta(days=30)).isoformat()
    asked = {"name": "backup", "scopes": ["read"], "expires_at": ends}
    made = browser.ask("POST", "/tokens", asked)
    assert made.status_code == 201
    program = Client(browser.client.app, made.json()["token"])
    assert program.get("/estate/units").status_code == 200
    assert program.get("/tokens").json()["items"][0]["used_at"] is not None
    assert "token" not in program.get("/tokens").json()["items"][0]
    with clock.fixed(clock.now() + timedelta(days=31)):
        assert program.get("/session").json()["code"] == "access.token_bad"
    assert browser.ask("DELETE", f"/tokens/{made.json()['id']}").status_code == 204
    assert program.get("/session").json()["code"] == "access.token_bad"
    asked["expires_at"] = (clock.now() + timedelta(days=366)).isoformat()
    assert browser.ask("POST", "/tokens", asked).json()["code"] == "access.token_dates"
    asked |= {"expires_at": ends, "scopes": ["everything"]}
    assert browser.ask("POST", "/tokens", asked).json()["code"] == "access.scope_unknown"


def test_stolen_session_does_not_serve_to_guess_the_password(browser: Browser) -> None:
    browser.log_in()
    asked = {"old": "wrong words again", "new": "quite other words here"}
    with clock.fixed(clock.now()):
        told = [browser.ask("POST", "/session/password", asked).status_code for _ in range(6)]
    assert told == [403] * throttle.FREE["account"] + [429]


def test_others_guesses_kept_a_person_from_changing_the_password(browser: Browser) -> None:
    browser.log_in()
    stranger = Browser()
    with clock.fixed(clock.now()):
        for _ in range(throttle.FREE["account"]):
            stranger.log_in("wrong words again")
        assert stranger.log_in().json()["code"] == "access.wait"
        asked = {"old": PASSWORD, "new": "quite other words here"}
        assert browser.ask("POST", "/session/password", asked).status_code == 204


def test_browser_behind_tls_kept_its_cookie_after_logging_out(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Browsers heed a `__Host-` cookie, its end too, only with Secure and Path=/."""
    monkeypatch.setenv("YUNZHANG_PUBLIC_URL", "https://yun.example")
    settings.current.cache_clear()
    own = {"Host": "yun.example", "Origin": "https://yun.example"}
    made = browser.ask("POST", "/session", {"name": "zhao", "password": PASSWORD}, own)
    shown = {
        "Cookie": f"__Host-{COOKIE}={cookies(made)[f'__Host-{COOKIE}']}",
        "X-CSRF-Token": made.json()["csrf"],
    }
    gone = browser.ask("DELETE", "/session", headers={**own, **shown})
    assert gone.status_code == 204
    (told,) = gone.headers.get_list("set-cookie")
    assert told.startswith(f'__Host-{COOKIE}="";')
    assert "Max-Age=0" in told
    assert "Secure" in told
    assert "Path=/" in told


@pytest.mark.parametrize("given", ["chosen-by-somebody-else", "x" * 43])
def test_identifier_that_was_set_beforehand_is_not_taken_over(browser: Browser, given: str) -> None:
    """Session fixation."""
    browser.cookie = given
    assert browser.log_in().status_code == 200
    assert browser.cookie != given
    browser.cookie = given
    assert browser.ask("GET", "/session").status_code == 401


def test_nothing_tells_whether_there_is_such_an_account(browser: Browser) -> None:
    with db.transaction() as session:
        session.add(
            Account(name="gone", display_name="-", roles=[], created_at=clock.now(),
                    disabled_at=clock.now(), password_hash=hash_password(PASSWORD))
        )  # fmt: skip
    told = {
        name: browser.log_in("wrong words again" if name == "zhao" else PASSWORD, name)
        for name in ("zhao", "nobody", "gone")
    }
    bodies = [{**answer.json(), "trace": None} for answer in told.values()]
    assert all(answer.status_code == 401 for answer in told.values())
    assert bodies[0] == bodies[1] == bodies[2]
    headers = [set(answer.headers) for answer in told.values()]
    assert headers[0] == headers[1] == headers[2]
