"""A provider that hangs, floods, leads elsewhere or contradicts itself does no harm."""

from __future__ import annotations

import gzip
import threading
from datetime import timedelta
from typing import Any

import pytest

from tests.conftest import NOON
from tests.oidc_provider import Provider, answer
from tests.unit.access.oidc.conftest import Browser
from tests.unit.access.oidc.test_login import START, reset
from yunzhang import clock
from yunzhang.access.oidc import wire

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
WELL_KNOWN = "/.well-known/openid-configuration"


def refused(browser: Browser) -> str:
    """Why a login failed before it began."""
    found = browser.get(START)
    assert (found.status_code, found.json()["code"]) == (502, "access.oidc_provider"), found.text
    message: str = found.json()["message"]
    return message.partition("(")[2].rstrip(")")


@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        ({"issuer": "https://other.example"}, "issuer"),
        ({"issuer": None}, "issuer"),
        ({"token_endpoint": None}, "token_endpoint"),
        ({"token_endpoint": "ftp://127.0.0.1/token"}, "token_endpoint"),
        ({"token_endpoint": "http://127.0.0.1:99999/token"}, "token_endpoint"),
        ({"jwks_uri": "http://me@127.0.0.1/keys"}, "jwks_uri"),
        ({"jwks_uri": "http://[::1/keys"}, "jwks_uri"),
        ({"jwks_uri": ["http://127.0.0.1/keys"]}, "jwks_uri"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "authorization_endpoint"),
        ({"authorization_endpoint": "http://127.0.0.1/a#b"}, "authorization_endpoint"),
        ({"code_challenge_methods_supported": ["plain"]}, "code_challenge_methods_supported"),
    ],
    ids=str,
)
def test_description_that_cannot_be_used(
    provider: Provider, browser: Browser, lie: dict[str, Any], reason: str
) -> None:
    provider.description.update(lie)
    assert refused(browser) == reason


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
@pytest.mark.parametrize("url", ["https://other.example/x", "http://127.0.0.2/x"])
def test_description_that_leads_elsewhere(
    provider: Provider,
    browser: Browser,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    url: str,
) -> None:
    provider.description[name] = url
    found = browser.get(START)
    assert (found.status_code, found.json()["code"]) == (502, "access.oidc_elsewhere")
    assert name in found.json()["message"]
    reset(monkeypatch, hosts="OTHER.example 127.0.0.2")
    assert browser.get(START).status_code == 303


@pytest.mark.parametrize("path", [WELL_KNOWN, "/keys", "/token"])
@pytest.mark.parametrize(
    "raw",
    [
        (302, {"Location": "/elsewhere"}, b"{}"),
        (307, {"Location": "http://127.0.0.1:9/"}, b"{}"),
        (200, {}, b" " * (wire.LARGEST + 1)),
        (200, {"Content-Encoding": "gzip"}, gzip.compress(b"{}")),
        (200, {}, b"[" * 100_000),
        (200, {}, b"[]"),
        (200, {}, b"<html>"),
        (200, {}, b"\xff"),
        (204, {}, b""),
        (404, {}, b"{}"),
        (500, {}, b'{"error": "invalid_grant!"}'),
    ],
    ids=lambda raw: f"{raw[0]} {raw[2][:8]!r}",
)
def test_answers_that_cannot_be_used(
    provider: Provider, browser: Browser, path: str, raw: tuple[int, dict[str, str], bytes]
) -> None:
    provider.raw[path] = raw
    if path == WELL_KNOWN:
        refused(browser)
    else:
        found = browser.log_in()
        assert (found.status_code, found.json()["code"]) == (502, "access.oidc_provider"), (
            found.text
        )
    assert "/elsewhere" not in provider.asked
    # seen again, it is as good as ever
    provider.raw.clear()
    with clock.fixed(NOON + timedelta(seconds=16)):
        assert browser.log_in().status_code == 303


def test_answer_that_would_unfold(provider: Provider, browser: Browser) -> None:
    provider.raw[WELL_KNOWN] = (200, {"Content-Encoding": "gzip"}, gzip.compress(b" " * 10**8))
    assert refused(browser) == "Content-Encoding"


@pytest.mark.parametrize("path", [WELL_KNOWN, "/keys"])
@pytest.mark.parametrize("more", [0, 1])
def test_answer_may_be_so_large_and_no_larger(
    provider: Provider, browser: Browser, path: str, more: int
) -> None:
    status, headers, body = provider.answer("GET", path, "", None)
    # sound but for its size
    provider.raw[path] = status, headers, body.ljust(wire.LARGEST + more)
    found = browser.log_in() if path == "/keys" or not more else browser.get(START)
    assert found.status_code == (502 if more else 303)


@pytest.mark.parametrize("keys", [None, {}, "keys"])
def test_key_set_that_is_none(provider: Provider, browser: Browser, keys: Any) -> None:
    provider.raw["/keys"] = answer({"keys": keys})
    found = browser.log_in()
    assert (found.status_code, found.json()["code"]) == (502, "access.oidc_provider")


def test_provider_that_failed_is_left_alone_for_a_while(
    provider: Provider, browser: Browser
) -> None:
    """Every visitor of /oidc/start would hold a thread for as long as it hangs."""
    provider.raw[WELL_KNOWN] = (500, {}, b"")
    for _ in range(3):
        assert refused(browser) == "HTTP 500"
    assert provider.asked == [WELL_KNOWN]


def test_description_is_read_again_when_it_is_old(provider: Provider, browser: Browser) -> None:
    browser.get(START)
    provider.description["authorization_endpoint"] = f"{provider.issuer}/elsewhere"
    assert "/authorize" in browser.get(START).headers["location"]
    with clock.fixed(NOON + timedelta(minutes=61)):
        assert "/elsewhere" in browser.get(START).headers["location"]


def test_nobody_is_there(
    provider: Provider, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    reset(monkeypatch, issuer="http://127.0.0.1:9")
    assert refused(browser) == "ConnectError"


def test_only_so_many_calls_at_once(
    provider: Provider, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "QUEUE", 0.01)
    monkeypatch.setattr(wire, "_turns", threading.BoundedSemaphore(1))
    with wire._turn():
        found = browser.get(START)
    assert (found.status_code, found.json()["code"]) == (502, "access.oidc_busy")
    # that was not the provider's fault
    assert browser.get(START).status_code == 303


def test_proxies_of_the_environment_are_not_used(
    provider: Provider, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert browser.get(START).status_code == 303
