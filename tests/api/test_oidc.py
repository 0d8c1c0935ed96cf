"""Logging in elsewhere, against a provider that really listens, and every lie it may be told."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

from tests.api.conftest import Client
from tests.api.provider import CLIENT, Provider, listening
from yunzhang import clock, db, settings
from yunzhang.access import oidc, service
from yunzhang.access.models import Account, OidcRequest
from yunzhang.api.app import make_app
from yunzhang.units.scope import Principal

ROOT = Principal("root", frozenset({"administrator"}), 1)


@pytest.fixture
def provider(running: settings.Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    """A provider that the instance is configured for, with one linked identity."""
    with listening() as found:
        monkeypatch.setenv("YUNZHANG_OIDC_ISSUER", found.issuer)
        monkeypatch.setenv("YUNZHANG_OIDC_CLIENT_ID", CLIENT)
        settings.current.cache_clear()
        oidc._providers.clear()
        with db.transaction() as session:
            session.add(
                Account(name="zhao", display_name="赵", roles=["operator"], password_hash="-",
                        created_at=clock.now())
            )  # fmt: skip
            session.flush()
            service.link_identity(session, ROOT, "zhao", issuer=found.issuer, subject="s-1")
        yield found
        oidc._providers.clear()


def cookies(answer: httpx.Response) -> dict[str, str]:
    """Cookies that an answer sets."""
    return {c.split("=")[0]: c.split("=")[1].split(";")[0]
            for c in answer.headers.get_list("set-cookie")}  # fmt: skip


def depart() -> tuple[Client, str, str]:
    """A browser that was sent to the provider: where to, and the cookie it keeps."""
    client = Client(make_app())
    answer = client.get("/oidc/start")
    assert answer.status_code == 303, answer.text
    return client, answer.headers["location"], cookies(answer)["yunzhang_oidc"]


def arrive(client: Client, brought: dict[str, str], cookie: str) -> httpx.Response:
    """The browser comes back."""
    return client.get(f"/oidc/callback?{urlencode(brought)}", Cookie=f"yunzhang_oidc={cookie}")


def attempt(provider: Provider) -> httpx.Response:
    """A whole login."""
    client, url, cookie = depart()
    return arrive(client, provider.visit(url), cookie)


def test_login(provider: Provider) -> None:
    client, url, cookie = depart()
    assert "code_challenge_method=S256" in url
    answer = arrive(client, provider.visit(url), cookie)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    session = cookies(answer)["yunzhang_session"]
    who = client.get("/session", Cookie=f"yunzhang_session={session}").json()
    assert (who["name"], who["office"]) == ("zhao", True)


LIES: dict[str, Callable[[dict[str, Any]], None]] = {
    "nonce": lambda claims: claims.update(nonce="another"),
    "aud": lambda claims: claims.update(aud="another"),
    "azp": lambda claims: claims.update(aud=[CLIENT, "another"]),
    "iss": lambda claims: claims.update(iss="http://127.0.0.1:1"),
    "exp": lambda claims: claims.update(exp=claims["exp"] - 400),
    "iat": lambda claims: claims.update(iat=claims["iat"] + 400),
    "nbf": lambda claims: claims.update(nbf=claims["iat"] + 400),
    "exp endless": lambda claims: claims.update(exp=float("inf")),
    "iat no number": lambda claims: claims.update(iat="now"),
    "nbf no number": lambda claims: claims.update(nbf="now"),
    "sub": lambda claims: claims.pop("sub"),
}
LIES |= {
    f"{name} missing": lambda claims, name=name: claims.pop(name)  # type: ignore[misc]
    for name in ("nonce", "aud", "iss", "exp", "iat")
}


@pytest.mark.parametrize("lie", LIES)
def test_false_claims(provider: Provider, lie: str) -> None:
    provider.lie = LIES[lie]
    answer = attempt(provider)
    assert (answer.status_code, answer.json()["code"]) == (401, "access.oidc_refused")
    assert f"（{lie.split(' ', maxsplit=1)[0]}）" in answer.json()["message"]


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_token_that_nobody_signed(provider: Provider) -> None:
    for name in ("none", "None", "NONE"):
        provider.sign = lambda claims, name=name: f"{_part({'alg': name})}.{_part(claims)}."
        assert attempt(provider).json()["code"] == "access.oidc_refused"


def test_public_key_as_a_shared_secret(provider: Provider) -> None:
    public = provider.keys[0].as_pem(private=False)

    def sign(claims: dict[str, Any]) -> str:
        signed = f"{_part({'alg': 'HS256', 'kid': 'one'})}.{_part(claims)}"
        mac = hmac.digest(public, signed.encode(), "sha256")
        return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"

    provider.sign = sign
    assert attempt(provider).json()["code"] == "access.oidc_refused"


def test_key_of_somebody_else(provider: Provider) -> None:
    stranger = RSAKey.generate_key(2048, {"kid": "one"})
    provider.sign = lambda claims: jwt.encode({"alg": "RS256", "kid": "one"}, claims, stranger)
    assert attempt(provider).json()["code"] == "access.oidc_refused"


def test_claims_changed_after_signing(provider: Provider) -> None:
    def forge(claims: dict[str, Any]) -> str:
        provider.sign = None
        head, _, signature = provider.token(claims).split(".")
        return f"{head}.{_part({**claims, 'sub': 's-1'})}.{signature}"

    provider.subject, provider.sign = "s-2", forge
    assert attempt(provider).json()["code"] == "access.oidc_refused"


def test_state_is_used_once(provider: Provider) -> None:
    client, url, cookie = depart()
    brought = provider.visit(url)
    assert arrive(client, brought, cookie).status_code == 303
    again = {**provider.visit(url), "state": brought["state"]}
    answer = arrive(client, again, cookie)
    assert (answer.status_code, answer.json()["code"]) == (401, "access.oidc_state")


def test_state_is_spent_by_a_refusal(provider: Provider) -> None:
    client, url, cookie = depart()
    provider.lie = LIES["nonce"]
    assert arrive(client, provider.visit(url), cookie).status_code == 401
    provider.lie = lambda claims: None
    assert arrive(client, provider.visit(url), cookie).json()["code"] == "access.oidc_state"


def test_login_of_another_browser(provider: Provider) -> None:
    client, url, _ = depart()
    _, _, cookie = depart()
    assert arrive(client, provider.visit(url), cookie).json()["code"] == "access.oidc_state"
    answer = client.get(f"/oidc/callback?{urlencode(provider.visit(url))}")
    assert answer.json()["code"] == "access.oidc_state"


def test_login_that_took_too_long(provider: Provider) -> None:
    client, url, cookie = depart()
    brought = provider.visit(url)
    with clock.fixed(clock.now() + oidc.JOURNEY + timedelta(seconds=1)):
        assert arrive(client, brought, cookie).json()["code"] == "access.oidc_state"


def test_code_of_another_login(provider: Provider) -> None:
    client, url, cookie = depart()
    _, other, _ = depart()
    stolen = {**provider.visit(url), "code": provider.visit(other)["code"]}
    # the verifier is not that login's
    assert arrive(client, stolen, cookie).json()["code"] == "access.oidc_provider"


def test_answer_of_another_provider(provider: Provider) -> None:
    client, url, cookie = depart()
    brought = {**provider.visit(url), "iss": "https://other.example"}
    assert arrive(client, brought, cookie).json()["code"] == "access.oidc_refused"
    assert "/token" not in provider.asked


def test_new_key_is_read_again_and_not_too_often(provider: Provider) -> None:
    assert attempt(provider).status_code == 303
    provider.keys.append(RSAKey.generate_key(2048, {"kid": "two"}))
    with clock.fixed(clock.now() + oidc.AGAIN + timedelta(seconds=1)):
        assert attempt(provider).status_code == 303
        assert provider.asked.count("/keys") == 2
        provider.keys.append(RSAKey.generate_key(2048, {"kid": "three"}))
        assert attempt(provider).json()["code"] == "access.oidc_refused"
        assert provider.asked.count("/keys") == 2


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
@pytest.mark.parametrize("algorithm", ["ES256", "Ed25519", "EdDSA"])
def test_other_signatures(provider: Provider, algorithm: str) -> None:
    key = (
        ECKey.generate_key("P-256", {"kid": "ec"})
        if algorithm == "ES256"
        else OKPKey.generate_key("Ed25519", {"kid": "ed"})
    )
    provider.keys, provider.algorithm = [key], algorithm
    assert attempt(provider).status_code == 303


def test_weaker_signature_of_the_right_key(provider: Provider) -> None:
    provider.algorithm = "PS256"
    assert attempt(provider).json()["code"] == "access.oidc_refused"


def test_identity_that_nobody_linked(provider: Provider) -> None:
    provider.subject = "s-2"
    # an e-mail address links nobody
    provider.lie = lambda claims: claims.update(email="zhao", email_verified=True)
    answer = attempt(provider)
    assert (answer.status_code, answer.json()["code"]) == (403, "access.oidc_unlinked")
    assert "set-cookie" not in answer.headers


def test_disabled_account(provider: Provider) -> None:
    with db.transaction() as session:
        service.disable_account(session, ROOT, "zhao")
    assert attempt(provider).json()["code"] == "access.oidc_unlinked"


@pytest.mark.parametrize(
    "described",
    [
        {"issuer": "http://127.0.0.1:1"},
        {"jwks_uri": "http://127.0.0.2:1/keys"},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": "https://elsewhere.example/authorize"},
    ],
)
def test_description_that_leads_elsewhere(provider: Provider, described: dict[str, str]) -> None:
    provider.described = described
    answer = Client(make_app()).get("/oidc/start")
    assert (answer.status_code, answer.json()["code"]) == (502, "access.oidc_provider")


def test_redirects_are_not_followed(provider: Provider) -> None:
    provider.redirects = True
    assert Client(make_app()).get("/oidc/start").json()["code"] == "access.oidc_provider"


def test_errors_of_the_provider(provider: Provider) -> None:
    client, _, cookie = depart()
    told = arrive(client, {"error": "access_denied<script>", "state": "x"}, cookie)
    assert (told.status_code, told.json()["code"]) == (401, "access.oidc_refused")
    assert "<" not in told.json()["message"]
    assert arrive(client, {"state": "x"}, cookie).status_code == 422


BROKEN = {
    "nothing but brackets": ("/keys", b"[" * 100_000),
    "no JSON": ("/keys", b"<html>"),
    "not UTF-8": ("/keys", b'{"keys": ["\xff"]}'),
    "keys that are a number": ("/keys", b'{"keys": 1}'),
    "keys that are null": ("/keys", b'{"keys": null}'),
    "a key that is a text": ("/keys", b'{"keys": ["x"]}'),
    "a key without its numbers": ("/keys", b'{"keys": [{"kty": "RSA"}]}'),
    "a kind of key that is a list": ("/keys", b'{"keys": [{"kty": []}]}'),
    "brackets for a token": ("/token", b"[" * 100_000),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_answer_of_the_provider_was_a_fault_of_ours(provider: Provider, case: str) -> None:
    path, body = BROKEN[case]
    if path == "/keys":
        provider.bodies[path] = body
        answer = Client(make_app()).get("/oidc/start")
    else:
        client, url, cookie = depart()
        provider.bodies[path] = body
        answer = arrive(client, provider.visit(url), cookie)
    assert (answer.status_code, answer.json()["code"]) == (502, "access.oidc_provider")


def test_a_token_of_nothing_but_brackets(provider: Provider) -> None:
    nested = base64.urlsafe_b64encode(b"[" * 50_000).decode().rstrip("=")
    provider.sign = lambda _: f"{nested}.{nested}.x"
    answer = attempt(provider)
    assert (answer.status_code, answer.json()["code"]) == (401, "access.oidc_refused")


@pytest.mark.usefixtures("running")
def test_without_a_provider() -> None:
    assert Client(make_app()).get("/oidc/start").json()["code"] == "access.oidc_off"


def test_secrets_are_not_kept(provider: Provider) -> None:
    _, url, cookie = depart()
    with db.reading() as session:
        (kept,) = session.query(OidcRequest).all()
    assert kept.state not in url
    assert kept.browser != cookie
