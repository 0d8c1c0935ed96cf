"""The provider as it describes itself: its addresses and its keys, kept for a while."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from threading import Lock
from typing import Any, TypeVar
from urllib.parse import quote_plus

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key

from yunzhang import clock
from yunzhang.access.oidc import wire
from yunzhang.access.oidc.configuration import Configuration
from yunzhang.errors import Outside, Unauthenticated

WELL_KNOWN = "/.well-known/openid-configuration"
FRESH = timedelta(hours=1)  # how long description and keys are believed
AGAIN = timedelta(seconds=30)  # between two readings for a key that is not among them
RECOVERY = timedelta(seconds=15)  # how long a provider that failed is left alone
SMALLEST_RSA = 2048  # bits; RFC 7518 §3.3
# Of a published key only its public half and what it is for is looked at.
PUBLIC = frozenset({"kty", "kid", "use", "alg", "key_ops", "n", "e", "crv", "x", "y"})

Key = RSAKey | ECKey | OKPKey
Keys = tuple[Key, ...]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Description:
    """What is used of a discovery document (Discovery §3, RFC 9207 §3)."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    tells_issuer: bool
    secret_in_form: bool


class Provider:
    """One provider; asked at most once per hour, or sooner for a key that is missing."""

    def __init__(self, issuer: str, hosts: frozenset[str]) -> None:
        self.issuer = issuer
        self._hosts = hosts
        self._lock = Lock()
        self._described: tuple[datetime, Description] | None = None
        self._keys: tuple[datetime, Keys] | None = None
        self._reread_at: datetime | None = None
        self._failure: tuple[datetime, Outside] | None = None

    def description(self) -> Description:
        """What the provider says of itself. Raises Outside `access.oidc_provider`,
        `access.oidc_elsewhere` or `access.oidc_busy`."""
        with self._alone():
            return self._fresh_description()

    def keys(self) -> Keys:
        """The keys that may sign. Raises Outside `access.oidc_provider` or `access.oidc_busy`."""
        with self._alone():
            if self._keys is None or not _within(self._keys[0], FRESH):
                self._keys = self._ask(self._read_keys)
            return self._keys[1]

    def reread_keys(self, seen: Keys) -> Keys | None:
        """The keys after a rotation; None when `seen` are the newest and it is too soon to ask."""
        with self._alone():
            if self._keys is not None and self._keys[1] is not seen:
                return self._keys[1]
            if self._reread_at is not None and _within(self._reread_at, AGAIN):
                return None
            self._reread_at = clock.now()
            self._keys = self._ask(self._read_keys)
            return self._keys[1]

    def redeem(self, client: Configuration, code: str, verifier: str) -> dict[str, Any]:
        """Exchange a code for tokens.

        Raises Unauthenticated `access.oidc_refused` for a code that is not good (any more), Outside
        `access.oidc_client` when the provider refuses this instance, Outside
        `access.oidc_provider` otherwise.
        """
        described, secret = self.description(), client.secret()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": client.redirect_url,
            "code_verifier": verifier,
        }
        headers = {}
        if secret is None or described.secret_in_form:
            form["client_id"] = client.client_id
        if secret is not None and described.secret_in_form:
            form["client_secret"] = secret
        elif secret is not None:
            headers["Authorization"] = _basic(client.client_id, secret)
        answer = wire.ask("POST", described.token_endpoint, form=form, headers=headers)
        if answer.status == 200:
            return answer.told
        _refuse(answer)
        raise Outside("access.oidc_provider", reason=f"HTTP {answer.status}")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Only one asks, and nobody waits long for it. Raises Outside `access.oidc_busy`."""
        if not self._lock.acquire(timeout=wire.QUEUE):
            raise Outside("access.oidc_busy")
        try:
            yield
        finally:
            self._lock.release()

    def _ask(self, read: Callable[[], T]) -> tuple[datetime, T]:
        """What `read` gets, and when. A provider that just failed is not asked again at once:
        every visitor would wait for it, with a thread of the server each."""
        if self._failure is not None and _within(self._failure[0], RECOVERY):
            known = self._failure[1]
            raise Outside(known.code, **known.values)
        try:
            return clock.now(), read()
        except Outside as error:
            # having no turn to ask is not the provider's failure
            if error.code != "access.oidc_busy":
                self._failure = clock.now(), error
            raise

    def _fresh_description(self) -> Description:
        if self._described is None or not _within(self._described[0], FRESH):
            self._described = self._ask(self._read_description)
        return self._described[1]

    def _read_description(self) -> Description:
        return self._describe(self._fetch(f"{self.issuer.rstrip('/')}{WELL_KNOWN}"))

    def _describe(self, told: dict[str, Any]) -> Description:
        if told.get("issuer") != self.issuer:
            raise Outside("access.oidc_provider", reason="issuer")
        methods = told.get("code_challenge_methods_supported")
        if isinstance(methods, list) and "S256" not in methods:
            raise Outside("access.oidc_provider", reason="code_challenge_methods_supported")
        ways = told.get("token_endpoint_auth_methods_supported")
        in_form = isinstance(ways, list) and "client_secret_basic" not in ways
        return Description(
            authorization_endpoint=self._address(told, "authorization_endpoint"),
            token_endpoint=self._address(told, "token_endpoint"),
            jwks_uri=self._address(told, "jwks_uri"),
            tells_issuer=told.get("authorization_response_iss_parameter_supported") is True,
            secret_in_form=in_form and isinstance(ways, list) and "client_secret_post" in ways,
        )

    def _address(self, told: dict[str, Any], name: str) -> str:
        """An address of the description, provided that it stays with the issuer."""
        url = told.get(name)
        if not isinstance(url, str) or not wire.is_safe_url(url) or "#" in url:
            raise Outside("access.oidc_provider", reason=name)
        if not wire.is_allowed_host(url, self.issuer, self._hosts):
            raise Outside("access.oidc_elsewhere", name=name)
        return url

    def _fetch(self, url: str) -> dict[str, Any]:
        answer = wire.ask("GET", url)
        if answer.status != 200:
            raise Outside("access.oidc_provider", reason=f"HTTP {answer.status}")
        return answer.told

    def _read_keys(self) -> Keys:
        published = self._fetch(self._fresh_description().jwks_uri).get("keys")
        if not isinstance(published, list):
            raise Outside("access.oidc_provider", reason="jwks_uri")
        return tuple(key for one in published if (key := _usable(one)) is not None)


def _within(moment: datetime, span: timedelta) -> bool:
    """Whether less than `span` went by; a clock that was put back proves nothing."""
    return timedelta(0) <= clock.now() - moment < span


def _usable(published: object) -> Key | None:
    """A key that may sign ID tokens; None for others, which do not spoil the rest of the set."""
    if not isinstance(published, dict) or published.get("use", "sig") != "sig":
        return None
    operations = published.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        return None
    try:
        if published.get("kty") == "RSA" and _bits(published["n"]) < SMALLEST_RSA:
            return None
        key = import_key({name: published[name] for name in PUBLIC & published.keys()})
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return key if isinstance(key, (RSAKey, ECKey, OKPKey)) else None


def _bits(modulus: str) -> int:
    """Length of a number in base64url (RFC 7518 §2)."""
    return int.from_bytes(base64.urlsafe_b64decode(f"{modulus}=="), "big").bit_length()


def _basic(client: str, secret: str) -> str:
    """Both are form-encoded first (RFC 6749 §2.3.1)."""
    pair = f"{quote_plus(client)}:{quote_plus(secret)}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def _refuse(answer: wire.Answer) -> None:
    """Tell a bad code from a bad client (RFC 6749 §5.2)."""
    error = answer.told.get("error")
    if error == "invalid_grant":
        raise Unauthenticated("access.oidc_refused", reason="invalid_grant")
    if error in {"invalid_client", "unauthorized_client"}:
        raise Outside("access.oidc_client", reason=error)


@lru_cache(maxsize=4)
def provider_of(issuer: str, hosts: frozenset[str]) -> Provider:
    """The provider of these settings, with what is known of it in this process."""
    return Provider(issuer, hosts)
