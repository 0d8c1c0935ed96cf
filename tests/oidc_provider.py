"""A small OpenID Connect provider on this machine: real keys, real HTTP, and lies on demand."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

Key = RSAKey | ECKey | OKPKey
Claims = dict[str, Any]
Raw = tuple[int, dict[str, str], bytes]
CLIENT = "yunzhang"


@cache
def key(kind: str = "RSA", name: str = "first", size: int | str = 2048) -> Key:
    """A key, made once per test run."""
    options: Any = {"kid": name, "use": "sig"}
    if kind == "RSA":
        with warnings.catch_warnings():
            # the library warns of short ones, and they are wanted here
            warnings.simplefilter("ignore")
            return RSAKey.generate_key(int(size), options)
    if kind == "EC":
        return ECKey.generate_key("P-256" if size == 2048 else str(size), options)
    return OKPKey.generate_key("Ed25519", options)


def sign(header: dict[str, Any], claims: Claims, with_key: Key) -> str:
    """A signed token, with any algorithm and header, as no careful library would make it."""
    algorithm = {"EdDSA": "Ed25519"}.get(header["alg"], header["alg"])
    first, second = _part(header), _part(claims)
    model = jws.JWSRegistry.algorithms[algorithm]
    return f"{first}.{second}.{_coded(model.sign(f'{first}.{second}'.encode(), with_key))}"


def _coded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _part(content: Claims) -> str:
    return _coded(json.dumps(content).encode())


class Provider:
    """What the provider is and does; a test changes any of it."""

    def __init__(self, issuer: str, now: datetime) -> None:
        self.issuer = issuer
        self.now = now
        self.secret: str | None = None
        self.subject = "10086"
        self.keys: list[Key] = [key()]
        self.header: dict[str, Any] = {"alg": "RS256", "kid": "first"}
        self.signing: Key = key()
        self.description: dict[str, Any] = {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
            "jwks_uri": f"{issuer}/keys",
            "code_challenge_methods_supported": ["S256"],
        }
        self.access_hash = "sha256"
        # what a liar changes: claims, the finished token, whole answers by path
        self.alter: Callable[[Claims], object] = lambda claims: None
        self.forge: Callable[[Claims], str] | None = None
        self.raw: dict[str, Raw] = {}
        self.asked: list[str] = []
        self.forms: list[dict[str, str]] = []
        self._codes: dict[str, dict[str, str]] = {}

    def authorize(self, query: str) -> str:
        """What a browser gets when its person agrees: where to go back to."""
        asked = {name: values[0] for name, values in parse_qs(query).items()}
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        told = {"code": code, "state": asked["state"]}
        return f"{asked['redirect_uri']}?{urlencode(told)}"

    def redeem(self, form: dict[str, str], authorization: str | None) -> Raw:
        """Answer a code, once, to the client it was made for, against the verifier."""
        if not self._is_client(form, authorization):
            return answer({"error": "invalid_client"}, 401)
        asked = self._codes.pop(form.get("code", ""), None)
        verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if (
            asked is None
            or asked["redirect_uri"] != form.get("redirect_uri")
            or asked["code_challenge"] != _coded(verifier)
        ):
            return answer({"error": "invalid_grant"}, 400)
        access = secrets.token_urlsafe(16)
        told = {"access_token": access, "token_type": "Bearer"}
        told["id_token"] = self.token(asked["nonce"], access)
        return answer(told)

    def token(self, nonce: str, access: str) -> str:
        """The ID token of a login."""
        now = int(self.now.timestamp())
        digest = hashlib.new(self.access_hash, access.encode()).digest()
        claims = {
            "iss": self.issuer,
            "sub": self.subject,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            "at_hash": _coded(digest[: len(digest) // 2]),
        }
        self.alter(claims)
        claims = {name: value for name, value in claims.items() if value is not None}
        return self.forge(claims) if self.forge else sign(self.header, claims, self.signing)

    def _is_client(self, form: dict[str, str], authorization: str | None) -> bool:
        if self.secret is None:
            return form.get("client_id") == CLIENT and authorization is None
        if authorization is None:
            return (form.get("client_id"), form.get("client_secret")) == (CLIENT, self.secret)
        name, _, secret = base64.b64decode(authorization.split()[1]).decode().partition(":")
        return (unquote_plus(name), unquote_plus(secret)) == (CLIENT, self.secret)

    def answer(self, method: str, target: str, body: str, authorization: str | None) -> Raw:
        """Any request."""
        parts = urlsplit(target)
        self.asked.append(parts.path)
        if parts.path in self.raw:
            return self.raw[parts.path]
        if parts.path == "/.well-known/openid-configuration":
            return answer(self.description)
        if parts.path == "/keys":
            return answer({"keys": [one.as_dict(private=False) for one in self.keys]})
        if parts.path == "/authorize":
            return 302, {"Location": self.authorize(parts.query)}, b""
        if parts.path == "/token" and method == "POST":
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self.forms.append(form)
            return self.redeem(form, authorization)
        return answer({"error": "not_found"}, 404)


def answer(told: Any, status: int = 200) -> Raw:
    """An answer in JSON."""
    return status, {"Content-Type": "application/json"}, json.dumps(told).encode()


class _Handler(BaseHTTPRequestHandler):
    provider: Provider

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        status, headers, body = self.provider.answer(
            self.command,
            self.path,
            self.rfile.read(length).decode(),
            self.headers.get("Authorization"),
        )
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        # a client that has enough hangs up
        try:
            self.wfile.write(body)
        except ConnectionError:
            self.close_connection = True

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def running_provider(now: datetime) -> Iterator[Provider]:
    """A provider that listens on this machine while the block runs."""
    handler = type("Handler", (_Handler,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        provider = Provider(f"http://127.0.0.1:{server.server_address[1]}", now)
        handler.provider = provider  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield provider
        finally:
            server.shutdown()
            thread.join()


def unsigned(claims: Claims) -> str:
    """A token that nobody signed."""
    return f"{_part({'alg': 'none'})}.{_part(claims)}."


def signed_with_public_key(claims: Claims) -> str:
    """HS256 with the provider's public key as the secret that both sides know."""
    public = key().as_pem(private=False)
    signing = f"{_part({'alg': 'HS256', 'kid': 'first'})}.{_part(claims)}"
    return f"{signing}.{_coded(hmac.digest(public, signing.encode(), 'sha256'))}"
