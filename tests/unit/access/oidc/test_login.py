"""A person logs in at the provider, on each kind of database; nobody else does in their place."""

from __future__ import annotations

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select, update

from tests.conftest import NOON
from tests.oidc_provider import Provider, running_provider
from tests.unit.access.oidc.conftest import BASE, ROOT, Browser
from yunzhang import clock, db, settings
from yunzhang.access.models import Account, ConsoleSession, OidcRequest
from yunzhang.access.oidc import service
from yunzhang.access.oidc.identities import unlink_identity
from yunzhang.access.oidc.provider import provider_of
from yunzhang.api.app import PREFIX
from yunzhang.errors import Unauthenticated, YunzhangError

START = f"{PREFIX}/oidc/start"


def told(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a refusal."""
    return answer.status_code, answer.json()["code"]


def reset(monkeypatch: pytest.MonkeyPatch, **changes: str) -> None:
    """Change settings, in a process that knows nothing of the provider yet."""
    for name, value in changes.items():
        monkeypatch.setenv(f"YUNZHANG_OIDC_{name.upper()}", value)
    settings.current.cache_clear()
    provider_of.cache_clear()


def test_login(provider: Provider, browser: Browser) -> None:
    answer = browser.log_in()
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"] == "/waves"
    who = browser.get(f"{PREFIX}/session").json()
    assert (who["name"], who["roles"]) == ("wang", ["operator"])
    assert provider.asked.count("/.well-known/openid-configuration") == 1
    assert browser.log_in().status_code == 303
    # what the provider said of itself is kept
    assert provider.asked.count("/.well-known/openid-configuration") == 1
    assert provider.asked.count("/keys") == 1


def test_the_request_is_as_the_standard_wants_it(provider: Provider, browser: Browser) -> None:
    sent = browser.get(START)
    asked = parse_qs(urlsplit(sent.headers["location"]).query)
    assert asked["redirect_uri"] == ["http://127.0.0.1:8300/api/v1/oidc/callback"]
    assert asked["scope"] == ["openid"]
    assert len({asked[name][0] for name in ("state", "nonce", "code_challenge")}) == 3
    cookie = sent.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Max-Age=600" in cookie


def test_state_is_used_once(provider: Provider, browser: Browser) -> None:
    location = browser.leave()
    assert browser.come_back(location).status_code == 303
    assert told(browser.come_back(location)) == (401, "access.oidc_state")


def test_state_is_spent_by_a_refusal(provider: Provider, browser: Browser) -> None:
    location = browser.leave()
    provider.alter = lambda claims: claims.update(nonce="another")
    assert told(browser.come_back(location)) == (401, "access.oidc_refused")
    provider.alter = lambda claims: None
    assert told(browser.come_back(location)) == (401, "access.oidc_state")


def test_of_two_who_come_back_at_once_one_is_let_in(provider: Provider, browser: Browser) -> None:
    query = parse_qs(urlsplit(browser.leave()).query)
    mark = browser.cookies["yunzhang_oidc"]

    def attempt() -> str:
        try:
            service._spend(query["state"][0], mark)
        except Unauthenticated as error:
            return error.code
        return "in"

    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(copy_context().run, attempt) for _ in range(16)]
        found = sorted(future.result() for future in futures)
    assert found == ["access.oidc_state"] * 15 + ["in"]


def test_login_that_began_in_another_browser(
    provider: Provider, browser: Browser, app: FastAPI
) -> None:
    """An attacker's own login, sent to somebody who would then work in the attacker's account."""
    location = browser.leave()
    stranger = Browser(app)
    assert told(stranger.come_back(location)) == (401, "access.oidc_state")
    stranger.leave()
    assert told(stranger.come_back(location)) == (401, "access.oidc_state")
    # nor was it spent by that
    assert browser.come_back(location).status_code == 303


def test_two_windows_of_one_browser_log_in(provider: Provider, browser: Browser) -> None:
    first, second = browser.leave("/waves"), browser.leave("/plans")
    assert browser.come_back(first).headers["location"] == "/waves"
    assert browser.come_back(second).headers["location"] == "/plans"


def test_a_mark_that_is_not_ours_is_replaced(provider: Provider, browser: Browser) -> None:
    browser.cookies.set("yunzhang_oidc", "known", domain="127.0.0.1")
    browser.get(START)
    assert "known" not in browser.cookies.jar.__repr__()


@pytest.mark.parametrize(("after", "status"), [(599, 303), (601, 401)])
def test_login_that_took_too_long(
    provider: Provider, browser: Browser, after: int, status: int
) -> None:
    location = browser.leave()
    with clock.fixed(NOON + timedelta(seconds=after)):
        provider.now = clock.now()
        assert browser.come_back(location).status_code == status


def test_old_logins_are_removed(provider: Provider, browser: Browser) -> None:
    browser.leave()
    browser.leave()
    with clock.fixed(NOON + timedelta(minutes=11)):
        browser.leave()
        with db.reading() as session:
            assert session.scalar(select(func.count(OidcRequest.id))) == 1


def test_code_of_another_login(provider: Provider, browser: Browser) -> None:
    """A code that was caught elsewhere is worth nothing without its verifier (RFC 7636)."""
    caught = parse_qs(urlsplit(browser.leave()).query)["code"][0]
    own = parse_qs(urlsplit(browser.leave()).query)["state"][0]
    answer = browser.get(f"{PREFIX}/oidc/callback?code={caught}&state={own}")
    assert told(answer) == (401, "access.oidc_refused")
    assert "invalid_grant" in answer.json()["message"]


def test_code_is_used_once(provider: Provider, browser: Browser) -> None:
    used = parse_qs(urlsplit(first := browser.leave()).query)["code"][0]
    assert browser.come_back(first).status_code == 303
    state = parse_qs(urlsplit(browser.leave()).query)["state"][0]
    answer = browser.get(f"{PREFIX}/oidc/callback?code={used}&state={state}")
    assert told(answer) == (401, "access.oidc_refused")


def test_answer_of_another_provider(provider: Provider, browser: Browser) -> None:
    """Mix-up: the answer names who gives it (RFC 9207)."""
    location = browser.leave()
    answer = browser.come_back(f"{location}&iss=https%3A%2F%2Fother.example")
    assert told(answer) == (401, "access.oidc_refused")
    # the code never reached anybody
    assert "/token" not in provider.asked
    assert browser.come_back(f"{browser.leave()}&iss={provider.issuer}").status_code == 303


def test_answer_that_should_have_named_its_provider(provider: Provider, browser: Browser) -> None:
    provider.description["authorization_response_iss_parameter_supported"] = True
    assert told(browser.log_in()) == (401, "access.oidc_refused")
    assert browser.come_back(f"{browser.leave()}&iss={provider.issuer}").status_code == 303


def test_provider_that_was_changed_meanwhile(
    provider: Provider, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A login that began at one provider is not finished at another."""
    location = browser.leave()
    with running_provider(NOON) as other:
        reset(monkeypatch, issuer=other.issuer)
        assert told(browser.come_back(location)) == (401, "access.oidc_refused")
        assert other.forms == []


def test_provider_that_refuses(provider: Provider, browser: Browser) -> None:
    state = parse_qs(urlsplit(browser.leave()).query)["state"][0]
    path = f"{PREFIX}/oidc/callback?error=access_denied%3Cb%3E&state={state}"
    answer = browser.get(path)
    assert told(answer) == (401, "access.oidc_refused")
    assert "(access_deniedb)" in answer.json()["message"]
    assert told(browser.get(path)) == (401, "access.oidc_state")


@pytest.mark.parametrize("query", ["", "?code=1", "?state=1", "?error=access_denied"])
def test_answer_without_a_login(provider: Provider, browser: Browser, query: str) -> None:
    assert told(browser.get(f"{PREFIX}/oidc/callback{query}")) == (401, "access.oidc_state")


def test_answer_without_a_code(provider: Provider, browser: Browser) -> None:
    state = parse_qs(urlsplit(browser.leave()).query)["state"][0]
    answer = browser.get(f"{PREFIX}/oidc/callback?state={state}")
    assert told(answer) == (422, "access.oidc_answer")


def test_identity_that_nobody_linked(provider: Provider, browser: Browser) -> None:
    provider.subject = "10010"
    # an address that would fit proves nothing
    provider.alter = lambda claims: claims.update(email="wang@example.gov.cn", name="wang")
    answer = browser.log_in()
    assert told(answer) == (403, "access.oidc_unlinked")
    assert "10010" in answer.json()["message"]
    assert "yunzhang_session" not in browser.cookies


def test_disabled_account(provider: Provider, browser: Browser) -> None:
    with db.transaction() as session:
        session.execute(update(Account).values(disabled_at=clock.now()))
    assert told(browser.log_in()) == (403, "access.oidc_unlinked")


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "waves",
        "", "/\t/evil.example", "/a\r\nSet-Cookie:x", "/ ", "/云", "/" + "a" * 500, "/\"><b>",
    ],
)  # fmt: skip
def test_return_only_to_a_path_of_our_own(provider: Provider, browser: Browser, path: str) -> None:
    with pytest.raises(YunzhangError) as refused:
        service.begin_login(path, service.random_text(), "127.0.0.1")
    assert refused.value.code == "access.oidc_return_bad"
    assert provider.asked == []
    answer = browser.get(f"{START}?{urlencode({'return_to': path})}")
    assert answer.status_code == 422
    assert "location" not in answer.headers


@pytest.mark.parametrize("path", ["/", "/waves?state=ready&page=2", "/plans/demo#map", "/%2F/a"])
def test_return_to_any_path_of_our_own(provider: Provider, path: str) -> None:
    assert service.begin_login(path, service.random_text(), "127.0.0.1").startswith(provider.issuer)


def test_secrets_are_kept_nowhere(
    provider: Provider,
    browser: Browser,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Neither in the database, nor in what is logged or answered."""
    caplog.set_level(logging.DEBUG)
    location = browser.leave()
    query = parse_qs(urlsplit(location).query)
    state, mark = query["state"][0], browser.cookies["yunzhang_oidc"]
    with db.reading() as session:
        row = session.scalars(select(OidcRequest)).one()
        verifier, nonce = row.verifier, row.nonce
        kept = json.dumps({name: str(value) for name, value in vars(row).items()})
    assert state not in kept
    assert mark not in kept
    tokens: list[str] = []
    whole = provider.token
    provider.token = lambda *said: tokens.append(whole(*said)) or tokens[0]  # type: ignore[method-assign,func-returns-value]
    provider.alter = lambda claims: claims.update(aud="other")
    caplog.clear()
    answer = browser.come_back(location)
    # the browser is in this process, too, and says where it goes
    logged = "".join(line for line in caplog.messages if f"{BASE}{PREFIX}" not in line)
    out = capsys.readouterr()
    said = answer.text + out.out + out.err + logged + str(answer.headers)
    assert "login_refused" in said
    for secret in (query["code"][0], state, mark, verifier, nonce, *tokens):
        assert secret not in said
    with db.reading() as session:
        assert session.scalars(select(OidcRequest)).all() == []


def test_what_the_login_page_is_told(
    provider: Provider, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    reset(monkeypatch, label="数字广西统一认证")
    found = browser.get(f"{PREFIX}/oidc").json()
    assert found == {"configured": True, "label": "数字广西统一认证"}
    reset(monkeypatch, issuer="")
    assert browser.get(f"{PREFIX}/oidc").json() == {"configured": False, "label": None}
    assert told(browser.get(START)) == (404, "access.oidc_off")
    assert told(browser.get(f"{PREFIX}/oidc/callback?code=1&state=2")) == (404, "access.oidc_off")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("issuer", "http://sso.example.gov.cn"),
        ("issuer", "https://sso.example.gov.cn/?a=1"),
        ("issuer", "https://me:pw@sso.example.gov.cn"),
        ("redirect_url", "http://yun.example.gov.cn/api/v1/oidc/callback"),
        ("redirect_url", "https://yun.example.gov.cn/elsewhere"),
        ("redirect_url", "https://yun.example.gov.cn/api/v1/oidc/callback"),
        ("redirect_url", "http://127.0.0.1:8300/api/v1/oidc/callback?a=1"),
    ],
)
def test_settings_that_cannot_be_used(
    provider: Provider,
    browser: Browser,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
) -> None:
    reset(monkeypatch, **{name: value})
    answer = browser.get(START)
    assert told(answer) == (422, "access.oidc_setting")
    assert f"YUNZHANG_OIDC_{name.upper()}" in answer.json()["message"]
    assert provider.asked == []


def test_behind_tls_the_mark_is_secure(
    provider: Provider, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YUNZHANG_PUBLIC_URL", "https://yun.example.gov.cn")
    settings.current.cache_clear()
    sent = browser.get(START)
    asked = parse_qs(urlsplit(sent.headers["location"]).query)
    assert asked["redirect_uri"] == ["https://yun.example.gov.cn/api/v1/oidc/callback"]
    cookie = sent.headers["set-cookie"]
    assert cookie.startswith("__Host-yunzhang_oidc=")
    assert "Secure" in cookie
    assert "Path=/;" in cookie
    assert "Domain" not in cookie


def test_redirect_to_where_our_cookies_are_not_sent_is_refused(
    provider: Provider, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YUNZHANG_PUBLIC_URL", "https://yun.example.gov.cn")
    reset(monkeypatch, redirect_url="https://www.example.gov.cn/api/v1/oidc/callback")
    assert told(browser.get(START)) == (422, "access.oidc_setting")


def test_scopes_and_redirect_of_the_settings(
    provider: Provider, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = "http://localhost:8300/api/v1/oidc/callback"
    reset(monkeypatch, redirect_url=own, scopes="profile offline_access")
    asked = parse_qs(urlsplit(browser.get(START).headers["location"]).query)
    assert asked["redirect_uri"] == [own]
    assert asked["scope"] == ["openid profile offline_access"]


def test_one_address_cannot_begin_logins_without_end(
    provider: Provider, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "UNDER_WAY", 3)
    location = [browser.leave() for _ in range(3)][-1]
    refused = browser.get(START)
    assert told(refused) == (429, "access.wait")
    assert refused.headers["retry-after"] == "600"
    # another address is not held up
    assert service.begin_login("/", service.random_text(), "2001:db8::1")
    # who comes back is counted no longer
    assert browser.come_back(location).status_code == 303
    assert browser.get(START).status_code == 303
    with clock.fixed(NOON + timedelta(minutes=11)):
        assert browser.get(START).status_code == 303


def test_a_new_login_ends_the_session_the_browser_had(provider: Provider, browser: Browser) -> None:
    browser.log_in()
    first = browser.cookies["yunzhang_session"]
    browser.log_in()
    assert browser.cookies["yunzhang_session"] != first
    with db.reading() as session:
        assert len(session.scalars(select(ConsoleSession)).all()) == 2
    browser.cookies.set("yunzhang_session", first, domain="127.0.0.1", path="/")
    assert browser.get(f"{PREFIX}/session").status_code == 401


def test_unlinked_identity_stayed_logged_in(provider: Provider, browser: Browser) -> None:
    browser.log_in()
    with db.transaction() as session:
        unlink_identity(session, ROOT, "wang", issuer=provider.issuer, subject=provider.subject)
    assert browser.get(f"{PREFIX}/session").status_code == 401
    assert told(browser.log_in()) == (403, "access.oidc_unlinked")


@pytest.mark.parametrize("in_form", [False, True])
@pytest.mark.parametrize("by_name", [False, True])
def test_client_with_a_secret(
    provider: Provider,
    browser: Browser,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    in_form: bool,
    by_name: bool,
) -> None:
    provider.secret = "s3cret:+/云"
    if in_form:
        provider.description["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    folder = settings.current().state / "secrets" if by_name else tmp_path
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / "oidc"
    file.write_text(f"{provider.secret}\n", "utf-8")
    file.chmod(0o600)
    reset(monkeypatch, client_secret_file="oidc" if by_name else str(file))
    assert browser.log_in().status_code == 303
    assert ("client_secret" in provider.forms[-1]) is in_form
    # rotated without a restart
    file.write_text("old", "utf-8")
    assert told(browser.log_in()) == (502, "access.oidc_client")


def test_secret_that_others_may_read_is_not_used(
    provider: Provider, browser: Browser, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "oidc"
    for content, mode in (("s3cret", 0o644), ("", 0o600), ("two words", 0o600)):
        file.write_text(content)
        file.chmod(mode)
        reset(monkeypatch, client_secret_file=str(file))
        answer = browser.log_in()
        assert told(answer) == (502, "access.oidc_client")
        assert str(tmp_path) not in answer.text
    assert provider.forms == []
