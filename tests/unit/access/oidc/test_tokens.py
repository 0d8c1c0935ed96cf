"""ID tokens that prove nothing, from a provider that lies or somebody who plays it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jws

from tests.conftest import NOON
from tests.oidc_provider import (
    CLIENT,
    Claims,
    Provider,
    Raw,
    answer,
    key,
    sign,
    signed_with_public_key,
    unsigned,
)
from tests.unit.access.oidc.conftest import Browser
from yunzhang import clock

# What is checked here does not touch the database; one kind will do.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
NOW = int(NOON.timestamp())


def refused(browser: Browser) -> str:
    """Why a login is refused."""
    found = browser.log_in()
    assert (found.status_code, found.json()["code"]) == (401, "access.oidc_refused"), found.text
    assert "yunzhang_session" not in browser.cookies
    message: str = found.json()["message"]
    return message.split("(")[1].rstrip(")")


@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        ({"nonce": "another"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"nonce": ""}, "nonce"),
        ({"nonce": 5}, "nonce"),
        ({"nonce": "é"}, "nonce"),
        ({"aud": "other"}, "aud"),
        ({"aud": None}, "aud"),
        ({"aud": []}, "aud"),
        ({"aud": f"{CLIENT}2"}, "aud"),
        ({"aud": {CLIENT: 1}}, "aud"),
        ({"aud": [CLIENT, "other"]}, "azp"),
        ({"aud": [CLIENT, "other"], "azp": "other"}, "azp"),
        ({"azp": "other"}, "azp"),
        ({"iss": "https://other.example"}, "iss"),
        ({"iss": None}, "iss"),
        ({"exp": NOW - 61}, "exp"),
        ({"exp": None}, "exp"),
        ({"exp": "9999999999"}, "exp"),
        ({"exp": True}, "exp"),
        ({"exp": float("nan")}, "exp"),
        ({"exp": float("inf")}, "exp"),
        ({"exp": 10**400}, "exp"),
        ({"nbf": NOW + 61}, "nbf"),
        ({"nbf": "soon"}, "nbf"),
        ({"iat": NOW + 61}, "iat"),
        ({"iat": None}, "iat"),
        ({"sub": None}, "sub"),
        ({"sub": ""}, "sub"),
        ({"sub": 10086}, "sub"),
        ({"sub": "1" * 256}, "sub"),
        ({"sub": "10086\n"}, "sub"),
        ({"at_hash": "another"}, "at_hash"),
        ({"at_hash": 5}, "at_hash"),
    ],
    ids=str,
)
def test_false_claims(provider: Provider, browser: Browser, lie: Claims, reason: str) -> None:
    provider.alter = lambda claims: claims.update(lie)
    assert refused(browser) == reason


@pytest.mark.parametrize(
    "fact",
    [
        {"aud": [CLIENT]},
        {"aud": [CLIENT, "other"], "azp": CLIENT},
        {"exp": NOW - 59},
        {"iat": NOW + 59, "nbf": NOW + 59},
        {"iat": NOW - 0.5, "exp": NOW + 0.5},
        {"at_hash": None},
    ],
    ids=str,
)
def test_true_claims(provider: Provider, browser: Browser, fact: Claims) -> None:
    provider.alter = lambda claims: claims.update(fact)
    assert browser.log_in().status_code == 303


def test_access_token_that_was_left_out(provider: Provider, browser: Browser) -> None:
    """The ID token speaks of one that did not come with it."""
    whole = provider.redeem

    def without(form: dict[str, str], authorization: str | None) -> Raw:
        told = json.loads(whole(form, authorization)[2])
        return answer({"id_token": told["id_token"]})

    provider.redeem = without  # type: ignore[method-assign]
    assert refused(browser) == "at_hash"
    provider.alter = lambda claims: claims.update(at_hash=None)
    assert browser.log_in().status_code == 303


@pytest.mark.parametrize(
    ("kind", "algorithm", "hash_name"),
    [
        ("RSA", "RS256", "sha256"),
        ("RSA", "RS384", "sha384"),
        ("EC", "ES256", "sha256"),
        ("OKP", "EdDSA", "sha512"),
        ("OKP", "Ed25519", "sha512"),
    ],
)
def test_signatures(
    provider: Provider, browser: Browser, kind: str, algorithm: str, hash_name: str
) -> None:
    provider.keys = [key(kind)]
    provider.signing, provider.access_hash = key(kind), hash_name
    provider.header = {"alg": algorithm, "kid": "first"}
    assert browser.log_in().status_code == 303


@pytest.mark.parametrize("algorithm", ["RS512", "PS256"])
def test_signature_of_a_kind_that_is_not_asked_for(
    provider: Provider, browser: Browser, algorithm: str
) -> None:
    provider.header = {"alg": algorithm, "kid": "first"}
    assert refused(browser) == "alg"


@pytest.mark.parametrize("forge", [unsigned, signed_with_public_key])
def test_token_without_a_signature_of_the_provider(
    provider: Provider, browser: Browser, forge: Callable[[Claims], str]
) -> None:
    provider.forge = forge
    assert refused(browser) == "alg"


def test_key_of_somebody_else(provider: Provider, browser: Browser) -> None:
    provider.signing = key(name="other")
    assert refused(browser) == "signature"
    # the key it names is known; there is nothing to ask for
    assert provider.asked.count("/keys") == 1


def test_key_that_the_token_brings_along(provider: Provider, browser: Browser) -> None:
    """RFC 8725 §3.10: `jwk` and `jku` of a header are what its sender claims."""
    provider.signing = key(name="other")
    brought = {"jwk": key(name="other").as_dict(private=False), "jku": f"{provider.issuer}/mine"}
    provider.header = {"alg": "RS256", "kid": "first", **brought}
    assert refused(browser) == "signature"
    assert "/mine" not in provider.asked


def test_claims_changed_after_signing(provider: Provider, browser: Browser) -> None:
    def forge(claims: Claims) -> str:
        first, _, third = sign(provider.header, claims, key()).split(".")
        other = sign(provider.header, {**claims, "sub": "1"}, key()).split(".")[1]
        return f"{first}.{other}.{third}"

    provider.forge = forge
    assert refused(browser) == "signature"


@pytest.mark.parametrize(
    "token",
    [
        "", "a", "a.b", "a.b.c", "...", "a.b.c.d.e", "é.a.b", "x" * 70_000,
        base64.urlsafe_b64encode(b"[" * 6_000).decode() + ".a.b",
        base64.urlsafe_b64encode(b'{"alg":["RS256"]}').decode() + ".a.b",
        base64.urlsafe_b64encode(b'["RS256"]').decode() + ".a.b",
    ],
    ids=lambda token: token[:12],
)  # fmt: skip
def test_what_is_no_token(provider: Provider, browser: Browser, token: str) -> None:
    provider.forge = lambda claims: token
    assert refused(browser) in {"id_token", "alg"}


def test_payload_too_deep_to_read(provider: Provider, browser: Browser) -> None:
    def forge(claims: Claims) -> str:
        deep = base64.urlsafe_b64encode(b"[" * 40_000).rstrip(b"=").decode()
        return _signed_text(provider, deep)

    provider.forge = forge
    assert refused(browser) == "id_token"


def _signed_text(provider: Provider, payload: str) -> str:
    first = sign(provider.header, {}, key()).split(".")[0]
    signature = jws.JWSRegistry.algorithms["RS256"].sign(f"{first}.{payload}".encode(), key())
    return f"{first}.{payload}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def test_extension_that_must_be_understood(provider: Provider, browser: Browser) -> None:
    provider.header = {"alg": "RS256", "kid": "first", "crit": ["exp"], "exp": 1}
    assert refused(browser) == "id_token"


def test_header_with_more_than_was_asked_for(provider: Provider, browser: Browser) -> None:
    provider.header = {"alg": "RS256", "kid": "first", "x-office": "a" * 3000}
    assert browser.log_in().status_code == 303


def test_key_too_short_to_trust(provider: Provider, browser: Browser) -> None:
    provider.keys = [key(size=1024)]
    provider.signing = key(size=1024)
    assert refused(browser) == "kid"


@pytest.mark.parametrize(
    "published",
    [{"use": "enc"}, {"key_ops": ["encrypt"]}, {"alg": "RS384"}, {"alg": "RSA-OAEP"}],
    ids=str,
)
def test_key_that_is_for_something_else(
    provider: Provider, browser: Browser, published: dict[str, Any]
) -> None:
    own = {name: value for name, value in _published().items() if name not in {"use"}}
    provider.raw["/keys"] = answer({"keys": [{**own, **published}]})
    assert refused(browser) == "kid"


def _published() -> dict[str, Any]:
    return dict(key().as_dict(private=False))


def test_keys_that_nobody_can_use_do_not_spoil_the_others(
    provider: Provider, browser: Browser
) -> None:
    strange = [
        5,
        {},
        {"kty": "AKP"},
        {"kty": "RSA", "n": "!"},
        {"kty": "oct", "k": "YQ"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {**_published(), "key_ops": 5},
    ]
    provider.raw["/keys"] = answer({"keys": [*strange, _published()]})
    assert browser.log_in().status_code == 303


def test_new_key_is_read_at_once_but_not_too_often(provider: Provider, browser: Browser) -> None:
    assert browser.log_in().status_code == 303
    provider.signing = key(name="second")
    provider.header = {"alg": "RS256", "kid": "second"}
    provider.keys = [key(), key(name="second")]
    assert browser.log_in().status_code == 303
    assert provider.asked.count("/keys") == 2
    # and whoever invents names of keys does not make us ask again and again
    provider.header = {"alg": "RS256", "kid": "invented"}
    del browser.cookies["yunzhang_session"]
    for _ in range(3):
        assert refused(browser) == "kid"
    assert provider.asked.count("/keys") == 2
    with clock.fixed(NOON + timedelta(seconds=31)):
        assert refused(browser) == "kid"
    assert provider.asked.count("/keys") == 3


def test_key_that_was_withdrawn(provider: Provider, browser: Browser) -> None:
    assert browser.log_in().status_code == 303
    provider.keys = [key(name="second")]
    del browser.cookies["yunzhang_session"]
    with clock.fixed(NOON + timedelta(minutes=61)):
        provider.now = clock.now()
        assert refused(browser) == "kid"


def test_only_key_needs_no_name_also_when_it_changes(provider: Provider, browser: Browser) -> None:
    provider.header = {"alg": "RS256"}
    assert browser.log_in().status_code == 303
    provider.keys, provider.signing = [key(name="second")], key(name="second")
    assert browser.log_in().status_code == 303


def test_of_several_keys_one_must_be_named(provider: Provider, browser: Browser) -> None:
    provider.header = {"alg": "RS256"}
    provider.keys = [key(), key(name="second")]
    assert refused(browser) == "kid"
