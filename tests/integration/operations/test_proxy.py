"""The shipped nginx example, run: a real nginx with TLS before a real `yunzhang serve`."""

from __future__ import annotations

import shutil
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from tests.factories import BEGUN, add_events, make_wave
from tests.integration.operations.served import NAME, Proxy, browser, free_port, running, yunzhang
from yunzhang import db, settings
from yunzhang.access import service
from yunzhang.audit.models import AuditEntry
from yunzhang.db import database_engine
from yunzhang.db.migration import upgrade_database
from yunzhang.moves.models import Wave
from yunzhang.units.scope import SYSTEM

pytestmark = pytest.mark.skipif(
    shutil.which("nginx", path="/usr/sbin:/usr/bin") is None, reason="nginx is not installed"
)
PASSWORD = "北部湾-2026-cable"
LOGIN = {"name": "chen", "password": PASSWORD}
LIMIT = 64 * 2**20


@pytest.fixture(scope="module")
def patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory, patch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """Proxy and server, with an operator `chen`."""
    folder = tmp_path_factory.mktemp("proxy")
    proxy = Proxy(folder, free_port(), free_port(), free_port())
    patch.setenv("YUNZHANG_STATE", str(folder / "state"))
    patch.setenv("YUNZHANG_PUBLIC_URL", f"https://{NAME}:{proxy.secure}")
    settings.current.cache_clear()
    upgrade_database()
    with db.transaction() as session:
        service.create_account(
            session,
            SYSTEM,
            name="chen",
            display_name="陈",
            roles=["operator"],
            password=PASSWORD,
            must_change=False,
        )
    with yunzhang(proxy.behind), running(proxy.write(), proxy.secure):
        yield proxy
    database_engine().dispose()
    settings.current.cache_clear()


def ask(
    proxy: Proxy,
    method: str,
    path: str,
    *,
    host: str | None = None,
    address: str = "127.0.0.1",
    content: bytes | None = None,
    json: object = None,
    **headers: str,
) -> httpx.Response:
    """One request through the proxy, as to its name."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    sent["Host"] = host or f"{NAME}:{proxy.secure}"
    with browser(
        f"https://127.0.0.1:{proxy.secure}", certificate=proxy.certificate, address=address
    ) as client:
        named = {"sni_hostname": NAME}
        return client.request(
            method, path, headers=sent, content=content, json=json, extensions=named
        )


def addresses() -> list[str]:
    """From where people logged in, as the audit record says."""
    with db.reading() as session:
        found = select(AuditEntry.address).where(AuditEntry.act == "log_in")
        return list(session.scalars(found.order_by(AuditEntry.id)))


def test_tls_works_and_is_insisted_on(proxy: Proxy) -> None:
    answer = ask(proxy, "GET", "/api/v1/version")
    assert answer.status_code == 200
    assert answer.headers["Strict-Transport-Security"] == "max-age=63072000"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert answer.headers["Server"] == "nginx"
    with browser(f"http://127.0.0.1:{proxy.plain}") as client:
        plain = client.get("/api/v1/version?x=1", headers={"Host": NAME})
    assert plain.status_code == 308
    assert plain.headers["Location"] == f"https://{NAME}:{proxy.secure}/api/v1/version?x=1"


def handshake(proxy: Proxy, name: str, *, newest: ssl.TLSVersion | None = None) -> str | None:
    """The protocol that a visitor who asks for `name` agrees on with the proxy."""
    context = ssl.create_default_context(cafile=str(proxy.certificate))
    context.set_alpn_protocols(["h2", "http/1.1"])
    if newest is not None:
        context.minimum_version = context.maximum_version = newest
    with (
        closing(socket.create_connection(("127.0.0.1", proxy.secure), 10)) as plain,
        context.wrap_socket(plain, server_hostname=name) as secured,
    ):
        return secured.selected_alpn_protocol()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
def test_old_tls_and_other_names_get_no_handshake(proxy: Proxy) -> None:
    assert handshake(proxy, NAME) == "h2"
    with pytest.raises(ssl.SSLError):
        handshake(proxy, NAME, newest=ssl.TLSVersion.TLSv1_1)
    with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name"):
        handshake(proxy, "evil.example")


def test_a_wrong_host_is_refused(proxy: Proxy) -> None:
    # another name than the handshake's: the proxy hangs up; another port: the product refuses
    with pytest.raises(httpx.RemoteProtocolError):
        ask(proxy, "GET", "/api/v1/version", host="evil.example")
    assert ask(proxy, "GET", "/api/v1/version", host=f"{NAME}:1").status_code == 421
    with (
        browser(f"http://127.0.0.1:{proxy.plain}") as client,
        pytest.raises(httpx.RemoteProtocolError),
    ):
        client.get("/", headers={"Host": "evil.example"})


def test_cookies_are_secure_and_of_this_host_only(proxy: Proxy) -> None:
    answer = ask(proxy, "POST", "/api/v1/session", json=LOGIN)
    assert answer.status_code == 200, answer.text
    name, _, rest = answer.headers["Set-Cookie"].partition("=")
    words = {word.strip().lower() for word in rest.split(";")[1:]}
    assert name == "__Host-yunzhang_session"
    assert {"secure", "httponly", "samesite=lax", "path=/"} <= words
    assert not [word for word in words if word.startswith("domain")]
    cookie = f"{name}={rest.partition(';')[0]}"
    who = ask(proxy, "GET", "/api/v1/session", Cookie=cookie)
    assert (who.status_code, who.json()["name"]) == (200, "chen")
    # a page of this very name may change things; one of another name may not
    own, other = f"https://{NAME}:{proxy.secure}", "https://evil.example"
    told = {"Cookie": cookie, "X_CSRF_Token": who.json()["csrf"]}
    refused = ask(proxy, "DELETE", "/api/v1/session", Origin=other, **told)
    assert (refused.status_code, refused.json()["code"]) == (403, "access.origin")
    left = ask(proxy, "DELETE", "/api/v1/session", Origin=own, **told)
    assert left.status_code == 204
    assert_removed(left.headers["Set-Cookie"], name)


def assert_removed(said: str, name: str) -> None:
    """Logging out left the cookie in the browser: without Secure a `__Host-` one is not heard."""
    told, *words = said.lower().split("; ")
    assert told.partition("=")[0] == name.lower()
    assert {"max-age=0", "secure", "path=/"} <= set(words)


def test_the_record_names_the_visitors_address_and_none_they_claim(proxy: Proxy) -> None:
    before = len(addresses())
    claimed = "203.0.113.9"
    for number in (5, 6):
        answer = ask(
            proxy,
            "POST",
            "/api/v1/session",
            json=LOGIN,
            address=f"127.0.0.{number}",
            X_Forwarded_For=claimed,
        )
        assert answer.status_code == 200
    # past the proxy, from another machine than the proxy's
    with browser(f"http://127.0.0.1:{proxy.behind}", address="127.0.0.7") as client:
        answer = client.post("/api/v1/session", json=LOGIN, headers={"X-Forwarded-For": claimed})
        assert answer.status_code == 200
    assert addresses()[before:] == ["127.0.0.5", "127.0.0.6", "127.0.0.7"]


@pytest.mark.parametrize(("language", "said"), [("zh", "64 MiB，未"), ("en", "64 MiB and was")])
def test_large_uploads_are_refused_with_a_problem(proxy: Proxy, language: str, said: str) -> None:
    answer = ask(
        proxy, "POST", "/api/v1/session", content=b" " * (LIMIT + 1), Accept_Language=language
    )
    assert answer.status_code == 413
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Strict-Transport-Security"]
    problem = answer.json()
    assert (problem["status"], problem["code"]) == (413, "api.too_large")
    assert said in problem["message"] == problem["detail"]
    assert problem["hint"]
    # what fits gets through to the product, which has its own opinion of it
    passed = ask(proxy, "POST", "/api/v1/session", content=b" " * (8 * 2**20))
    assert passed.status_code in {400, 422}
    assert passed.json()["code"] != "api.too_large"


def test_live_events_arrive_as_they_happen(proxy: Proxy) -> None:
    wave = make_wave(until="precheck", fault="no quota")
    with db.transaction() as session:
        session.get_one(Wave, wave).state = "preflight"
    cookie = ask(proxy, "POST", "/api/v1/session", json=LOGIN).headers["Set-Cookie"].split(";")[0]
    headers = {"Host": f"{NAME}:{proxy.secure}", "Cookie": cookie, "Accept-Encoding": "gzip"}
    asked = {"headers": headers, "extensions": {"sni_hostname": NAME}}
    with (
        browser(f"https://127.0.0.1:{proxy.secure}", certificate=proxy.certificate) as client,
        client.stream("GET", f"/api/v1/waves/{wave}/events", **asked) as answer,  # type: ignore[arg-type]
    ):
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        heard = (line for line in answer.iter_lines() if line.startswith("id: "))
        for number in (1, 2, 3):
            assert next(heard) == f"id: wave-{wave}-precheck:1:{number}"
        # a later event is heard while the stream is open
        with db.transaction() as session:
            add_events(session, f"wave-{wave}-precheck", 4, BEGUN, 1)
        assert next(heard) == f"id: wave-{wave}-precheck:1:4"


def test_a_server_that_is_away_is_told_as_a_problem(tmp_path: Path) -> None:
    alone = Proxy(tmp_path, free_port(), free_port(), free_port())
    with running(alone.write(), alone.secure):
        answer = ask(alone, "GET", "/api/v1/version", Accept_Language="en")
    assert answer.status_code == 503
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (answer.json()["status"], answer.json()["code"]) == (503, "api.away")
    assert answer.json()["message"] == "Yunzhang does not answer."


def test_without_a_proxy_nobody_speaks_for_others(
    instance: settings.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("YUNZHANG_PUBLIC_URL", raising=False)
    settings.current.cache_clear()
    upgrade_database()
    with db.transaction() as session:
        service.create_first_administrator(
            session, name="chen", display_name="陈", password=PASSWORD
        )
    port = free_port()
    with yunzhang(port), browser(f"http://127.0.0.1:{port}") as client:
        sent = {"X-Forwarded-For": "203.0.113.9"}
        answer = client.post("/api/v1/session", json=LOGIN, headers=sent)
        assert answer.status_code == 200
        assert answer.headers["Set-Cookie"].startswith("yunzhang_session=")
        assert addresses() == ["127.0.0.1"]
    database_engine().dispose()
