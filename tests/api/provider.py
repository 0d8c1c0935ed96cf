"""A small OpenID provider that really listens, signs with real keys, and can be told to lie."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

from yunzhang import clock

CLIENT = "yunzhang"


@cache
def first_key() -> RSAKey:
    """A real key; making one takes long."""
    return RSAKey.generate_key(2048, {"kid": "one"})


@dataclass
class Provider:
    """The provider's state. `lie` changes the claims; `sign` makes the token of them."""

    issuer: str = ""
    keys: list[Any] = field(default_factory=lambda: [first_key()])
    algorithm: str = "RS256"
    subject: str = "s-1"
    lie: Callable[[dict[str, Any]], None] = lambda claims: None
    sign: Callable[[dict[str, Any]], str] | None = None
    described: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    redirects: bool = False
    bodies: dict[str, bytes] = field(default_factory=dict)  # path → what is answered instead

    def metadata(self) -> dict[str, Any]:
        """The discovery document."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            **self.described,
        }

    def visit(self, url: str) -> dict[str, str]:
        """What a browser brings back from the address it was sent to."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return {"code": code, "state": asked["state"]}

    def redeem(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """Tokens for a code, once, to whom knows the verifier."""
        asked = self.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if asked is None or asked["code_challenge"] != challenge:
            return 400, {"error": "invalid_grant"}
        now = int(clock.now().timestamp())
        claims: dict[str, Any] = {
            "iss": self.issuer, "sub": self.subject, "aud": CLIENT, "nonce": asked["nonce"],
            "iat": now, "exp": now + 300,
        }  # fmt: skip
        self.lie(claims)
        return 200, {"access_token": "x", "token_type": "Bearer", "id_token": self.token(claims)}

    def token(self, claims: dict[str, Any]) -> str:
        """An ID token signed by the newest key."""
        if self.sign is not None:
            return self.sign(claims)
        key = self.keys[-1]
        header = {"alg": self.algorithm, "kid": key.kid}
        return jwt.encode(header, claims, key, algorithms=[self.algorithm])


def _handler(provider: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _tell(self, status: int, told: dict[str, Any]) -> None:
            body = provider.bodies.get(self.path, json.dumps(told).encode())
            self.send_response(302 if provider.redirects else status)
            if provider.redirects:
                self.send_header("Location", "http://127.0.0.1:1/")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            provider.asked.append(self.path)
            if self.path == "/keys":
                keys = [key.as_dict(private=False) for key in provider.keys]
                self._tell(200, {"keys": keys})
            else:
                self._tell(200, provider.metadata())

        def do_POST(self) -> None:
            provider.asked.append(self.path)
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self._tell(*provider.redeem(form))

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler


@contextmanager
def listening() -> Iterator[Provider]:
    """A provider that listens on 127.0.0.1."""
    provider = Provider()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(provider))
    provider.issuer = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
