"""OpenID Connect: authorization code with PKCE, state and nonce, against any standard provider.

OpenID Connect Core 1.0 §3.1, Discovery 1.0, RFC 7636 (PKCE), RFC 8725 (what JWTs must be checked
for), RFC 9207 (the issuer in the answer). Accounts are found by (issuer, subject), which an
administrator linked; nobody is linked by an e-mail address.
"""

from __future__ import annotations

import hashlib
import ipaddress
import math
import secrets
import threading
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from yunzhang import clock, db
from yunzhang.access import repository
from yunzhang.access.models import Account, OidcRequest
from yunzhang.access.sessions import digest_of
from yunzhang.db import Session
from yunzhang.errors import Forbidden, InputError, NotFound, Outside, Unauthenticated
from yunzhang.secrets import private_file
from yunzhang.settings import Settings, current

# Signatures by a key of the provider's alone: never `none`, never a secret that both sides know.
ALGORITHMS = ("RS256", "ES256", "EdDSA", "Ed25519")
KEY_TYPES = frozenset({"RSA", "EC", "OKP"})
PATIENCE = 10.0  # seconds for one answer of the provider
LARGEST = 1 << 20
# How long the way to the provider and back may take; how far the clocks may differ.
JOURNEY = timedelta(minutes=10)
SKEW = timedelta(seconds=60)
# How long the provider's description and keys are believed; how soon they are read again for a
# key that is not among them.
FRESH = timedelta(hours=1)
AGAIN = timedelta(seconds=30)


@dataclass
class Provider:
    """A provider as it describes itself, with its present keys."""

    issuer: str
    hosts: frozenset[str]
    described: dict[str, Any] = field(default_factory=dict)
    keys: KeySet | None = None
    read_at: datetime | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def refresh(self, *, sooner: bool = False) -> None:
        """Read description and keys when they are old; `sooner`: a key is missing."""
        with self._lock:
            age = clock.now() - self.read_at if self.read_at else None
            if age is not None and age < (AGAIN if sooner else FRESH):
                return
            described = self._fetch(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
            if described.get("issuer") != self.issuer:
                raise Outside("access.oidc_provider", reason="issuer")
            self.keys = read_keys(self._fetch(str(described.get("jwks_uri", ""))))
            self.described, self.read_at = described, clock.now()

    def address(self, name: str) -> str:
        """One of the provider's addresses, provided it is one that may be called."""
        return self._allowed(str(self.described.get(name, "")))

    def _allowed(self, url: str) -> str:
        parts = urlsplit(url)
        host = parts.hostname or ""
        secure = parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))
        if not secure or host not in self.hosts:
            raise Outside("access.oidc_provider", reason=f"{parts.scheme}://{host}")
        return url

    def _fetch(self, url: str) -> dict[str, Any]:
        return _talk("GET", self._allowed(url))

    def redeem(self, form: dict[str, str], secret: str | None) -> dict[str, Any]:
        """Exchange a code for tokens; a client without a secret names itself in the form."""
        auth = (form["client_id"], secret) if secret else None
        return _talk("POST", self.address("token_endpoint"), data=form, auth=auth)


def read_keys(told: dict[str, Any]) -> KeySet:
    """The keys of a set (RFC 7517) that may sign; what is none is the provider's fault.

    Raises Outside `access.oidc_provider`.
    """
    listed = told.get("keys")
    if not isinstance(listed, list) or not all(isinstance(key, dict) for key in listed):
        raise Outside("access.oidc_provider", reason="keys")
    keys = [key for key in listed if _may_sign(key)]
    try:
        return KeySet.import_key_set({"keys": keys})
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise Outside("access.oidc_provider", reason="keys") from error


def _may_sign(key: dict[str, Any]) -> bool:
    kind = key.get("kty")
    if not isinstance(kind, str):
        raise Outside("access.oidc_provider", reason="keys")
    return kind in KEY_TYPES and key.get("use", "sig") == "sig"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _talk(method: str, url: str, **options: Any) -> dict[str, Any]:
    """One question to the provider, without redirects, proxies of the environment, or much to
    read. Raises Outside `access.oidc_provider`."""
    try:
        with (
            httpx.Client(timeout=PATIENCE, follow_redirects=False, trust_env=False) as client,
            client.stream(method, url, **options) as answer,
        ):
            body = b""
            for chunk in answer.iter_bytes():
                body += chunk
                if len(body) > LARGEST:
                    raise Outside("access.oidc_provider", reason=f"> {LARGEST} B")
            if answer.status_code != 200:
                raise Outside("access.oidc_provider", reason=f"HTTP {answer.status_code}")
            told = httpx.Response(200, content=body).json()
    except (httpx.HTTPError, ValueError, RecursionError) as error:
        raise Outside("access.oidc_provider", reason=type(error).__name__) from error
    if not isinstance(told, dict):
        raise Outside("access.oidc_provider", reason="JSON")
    return told


_providers: dict[tuple[str, frozenset[str]], Provider] = {}


def provider() -> Provider:
    """The provider of the settings. Raises NotFound `access.oidc_off` when there is none."""
    settings = current()
    if not settings.oidc_issuer or not settings.oidc_client_id:
        raise NotFound("access.oidc_off")
    own = urlsplit(settings.oidc_issuer).hostname or ""
    key = settings.oidc_issuer, frozenset({own, *settings.oidc_hosts.split()})
    found = _providers.setdefault(key, Provider(*key))
    found.refresh()
    return found


def redirect_uri(settings: Settings) -> str:
    """Where the provider sends the browser back to."""
    own = settings.public_url or f"http://127.0.0.1:{settings.port}"
    return f"{own}/api/v1/oidc/callback"


@dataclass(frozen=True, slots=True)
class Departure:
    """Where the browser is sent, and what it keeps so that only it can come back."""

    url: str
    browser: str


def start(session: Session) -> Departure:
    """Begin a login at the provider."""
    settings, found, now = current(), provider(), clock.now()
    state, nonce, browser = (secrets.token_urlsafe(32) for _ in range(3))
    verifier = secrets.token_urlsafe(48)
    repository.forget_requests(session, now)
    session.add(
        OidcRequest(
            state=digest_of(state),
            browser=digest_of(browser),
            nonce=nonce,
            verifier=verifier,
            expires_at=now + JOURNEY,
        )
    )
    challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    asked = {
        "response_type": "code",
        "client_id": settings.oidc_client_id,
        "redirect_uri": redirect_uri(settings),
        "scope": "openid",
        "state": state,
        "nonce": nonce,
        "code_challenge": challenge.decode(),
        "code_challenge_method": "S256",
    }
    url = found.address("authorization_endpoint")
    return Departure(f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(asked)}", browser)


def take(*, state: str, browser: str | None) -> OidcRequest:
    """The login that came back, out of the database for good: nobody comes back twice, also not
    after a refusal.

    Raises Unauthenticated `access.oidc_state` for a state that is unknown, used, too old, or
    another browser's.
    """
    with db.transaction() as session:
        request = repository.take_request(session, digest_of(state), clock.now())
    if request is None or not browser or request.browser != digest_of(browser):
        raise Unauthenticated("access.oidc_state")
    return request


def identify(request: OidcRequest, *, code: str, issuer: str | None = None) -> tuple[str, str]:
    """Issuer and subject of who logged in, proven by the ID token the code is exchanged for.

    Raises Unauthenticated `access.oidc_refused` with the reason, Outside `access.oidc_provider`.
    """
    settings, found = current(), provider()
    # an answer of another provider that was mixed in (RFC 9207)
    if issuer is not None and issuer != found.issuer:
        raise Unauthenticated("access.oidc_refused", reason="iss")
    secret = None
    if settings.oidc_client_secret_file:
        secret = private_file(settings.oidc_client_secret_file).read_text("utf-8").strip()
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri(settings),
        "client_id": settings.oidc_client_id,
        "code_verifier": request.verifier,
    }
    token = found.redeem(form, secret).get("id_token")
    if not isinstance(token, str):
        raise Unauthenticated("access.oidc_refused", reason="id_token")
    claims = read_id_token(found, token)
    check_claims(claims, found.issuer, settings.oidc_client_id, request.nonce)
    return found.issuer, claims["sub"]


def read_id_token(found: Provider, token: str) -> dict[str, Any]:
    """The claims of a token that one of the provider's keys signed; keys may have changed since
    they were read. Raises Unauthenticated `access.oidc_refused`."""
    for sooner in (False, True):
        found.refresh(sooner=sooner)
        try:
            if found.keys is None:
                break
            return jwt.decode(token, found.keys, algorithms=ALGORITHMS).claims
        except InvalidKeyIdError as error:
            if sooner:
                raise Unauthenticated("access.oidc_refused", reason="kid") from error
        except (JoseError, ValueError) as error:
            raise Unauthenticated("access.oidc_refused", reason=type(error).__name__) from error
    raise Unauthenticated("access.oidc_refused", reason="kid")


def check_claims(claims: dict[str, Any], issuer: str, client: str, nonce: str) -> None:
    """Whether a token is for us, from whom we asked, now, and the answer to this very login.

    Raises Unauthenticated `access.oidc_refused` with the claim that is wrong.
    """
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    subject, told, now = claims.get("sub"), claims.get("nonce"), clock.now().timestamp()
    expires, issued, skew = _time(claims, "exp"), _time(claims, "iat"), SKEW.total_seconds()
    begins = _time(claims, "nbf") if "nbf" in claims else 0.0
    checks = {
        "iss": claims.get("iss") == issuer,
        "aud": client in audiences,
        "azp": claims.get("azp", client if len(audiences) == 1 else None) == client,
        "exp": expires is not None and now < expires + skew,
        "iat": issued is not None and issued - skew <= now,
        "nbf": begins is not None and begins - skew <= now,
        "nonce": isinstance(told, str) and secrets.compare_digest(told.encode(), nonce.encode()),
        "sub": isinstance(subject, str) and 0 < len(subject) <= 255,
    }
    for claim, sound in checks.items():
        if not sound:
            raise Unauthenticated("access.oidc_refused", reason=claim)


def _time(claims: dict[str, Any], name: str) -> float | None:
    """A time of a token; None when it is none, and JSON of Python knows numbers without end."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def account_of(session: Session, issuer: str, subject: str) -> Account:
    """The account an administrator linked to an identity.

    Raises Forbidden `access.oidc_unlinked`, which tells the person what to have linked.
    """
    account = repository.linked_account(session, issuer, subject)
    if account is None or account.disabled_at is not None:
        raise Forbidden("access.oidc_unlinked", issuer=issuer, subject=subject)
    return account


def refuse_error(error: str | None, code: str | None, state: str | None) -> tuple[str, str]:
    """Code and state of the provider's answer. Raises Unauthenticated `access.oidc_refused` when
    it told an error, InputError `access.oidc_answer` when it told nothing."""
    if error:
        shown = "".join(c for c in error[:40] if c.isalnum() or c == "_")
        raise Unauthenticated("access.oidc_refused", reason=shown)
    if not code or not state:
        raise InputError("access.oidc_answer")
    return code, state
