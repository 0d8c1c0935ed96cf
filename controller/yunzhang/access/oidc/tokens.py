"""Whether an ID token says who logged in (OpenID Connect Core §3.1.3.7, RFC 8725)."""

from __future__ import annotations

import hashlib
import hmac
import math
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import BadSignatureError, JoseError
from joserfc.jws import JWSRegistry

from yunzhang import clock
from yunzhang.access.oidc.provider import Key, Keys, Provider
from yunzhang.errors import Unauthenticated

# Algorithm → key type, hash of at_hash. Only signatures by a key of the provider's alone: never
# `none`, never a secret that both sides know.
ALGORITHMS: dict[str, tuple[str, str]] = {
    "RS256": ("RSA", "sha256"),
    "RS384": ("RSA", "sha384"),
    "ES256": ("EC", "sha256"),
    "EdDSA": ("OKP", "sha512"),
    "Ed25519": ("OKP", "sha512"),
}
SKEW = timedelta(seconds=60)  # how far the clocks of both sides may differ
LONGEST = 64 * 1024  # characters of a token
LONGEST_SUBJECT = 255


class _Registry(JWSRegistry):
    """Signatures as allowed above; headers may have members that nobody asked for."""

    max_header_length = 8192  # certificates may stand in it

    def get_alg(self, name: str) -> Any:
        """`EdDSA` means two curves; only Ed25519 is meant here (RFC 9864)."""
        return super().get_alg("Ed25519" if name == "EdDSA" else name)


_REGISTRY = _Registry(algorithms=list(ALGORITHMS), strict_check_header=False)


@dataclass(frozen=True, slots=True)
class Expected:
    """What the token of one login must say."""

    issuer: str
    client_id: str
    nonce: str


def refuse(reason: str) -> Unauthenticated:
    """The refusal of a token; the reason is a word, never part of a token."""
    return Unauthenticated("access.oidc_refused", reason=reason)


def subject_of(provider: Provider, told: Mapping[str, Any], expected: Expected) -> str:
    """The subject that the tokens of an answer prove.

    Raises Unauthenticated `access.oidc_refused`.
    """
    token = told.get("id_token")
    if not isinstance(token, str) or not token.isascii() or len(token) > LONGEST:
        raise refuse("id_token")
    header, claims = _read(provider, token)
    check_claims(claims, expected)
    _check_access_token(claims, told.get("access_token"), ALGORITHMS[header["alg"]][1])
    subject: str = claims["sub"]
    return subject


def _read(provider: Provider, token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a token that one of the provider's keys signed, if need be one that it
    has only had since its keys were last read."""
    header = _header(token)
    keys: Keys | None = provider.keys()
    reason = "kid"
    for _ in range(2):
        key = _choose(keys or (), header)
        if key is not None:
            try:
                return header, _claims(token, key)
            except BadSignatureError:
                reason = "signature"
                # a key that was named was found; one that was not may have been exchanged
                if "kid" in header:
                    break
        keys = provider.reread_keys(keys or ())
        if keys is None:
            break
    raise refuse(reason)


def _header(token: str) -> dict[str, Any]:
    try:
        header = jws.extract_compact(token.encode(), registry=_REGISTRY).protected
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise refuse("id_token") from error
    if not isinstance(header, dict) or header.get("alg") not in list(ALGORITHMS):
        raise refuse("alg")
    return header


def _choose(keys: Keys, header: dict[str, Any]) -> Key | None:
    """The key a token names; the only one of its kind for a token that names none."""
    algorithm = header["alg"]
    kind, same = ALGORITHMS[algorithm][0], {"EdDSA", "Ed25519"}
    names = same if algorithm in same else {algorithm}
    fitting = [
        key for key in keys if key.key_type == kind and (key.get("alg") or algorithm) in names
    ]
    if "kid" in header:
        fitting = [key for key in fitting if key.kid == header["kid"]]
    return fitting[0] if len(fitting) == 1 else None


def _claims(token: str, key: Key) -> dict[str, Any]:
    """Raises BadSignatureError, Unauthenticated `access.oidc_refused`."""
    try:
        return jwt.decode(token, key, registry=_REGISTRY).claims
    except BadSignatureError:
        raise
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise refuse("id_token") from error


def check_claims(claims: dict[str, Any], expected: Expected) -> None:
    """Whether a token is from whom we asked, for us, in force, and the answer to this very login.

    Raises Unauthenticated `access.oidc_refused` with the claim that is wrong.
    """
    audience, subject = claims.get("aud"), claims.get("sub")
    audiences = audience if isinstance(audience, list) else [audience]
    # who else it is for matters only when it is said for whom it was made
    party = claims.get("azp", expected.client_id if len(audiences) == 1 else None)
    now, skew = clock.now().timestamp(), SKEW.total_seconds()
    expires, issued = _time(claims, "exp"), _time(claims, "iat")
    earliest = _time(claims, "nbf") if "nbf" in claims else 0.0
    nonce = claims.get("nonce")
    checks = {
        "iss": claims.get("iss") == expected.issuer,
        "aud": expected.client_id in audiences,
        "azp": party == expected.client_id,
        "exp": expires is not None and now < expires + skew,
        "iat": issued is not None and issued <= now + skew,
        "nbf": earliest is not None and earliest <= now + skew,
        "nonce": isinstance(nonce, str) and _same(nonce, expected.nonce),
        "sub": isinstance(subject, str) and is_subject(subject),
    }
    for claim, sound in checks.items():
        if not sound:
            raise refuse(claim)


def is_subject(value: str) -> bool:
    """Whether a text can be a subject: 1 to 255 printable ASCII characters (Core §2)."""
    return 0 < len(value) <= LONGEST_SUBJECT and value.isascii() and value.isprintable()


def _time(claims: dict[str, Any], name: str) -> float | None:
    """A time in seconds since 1970; None for what is none, such as true, NaN or endless."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if abs(value) < 2**53 and math.isfinite(value) else None


def _same(first: str, second: str) -> bool:
    return bool(second) and hmac.compare_digest(first.encode(), second.encode())


def _check_access_token(claims: dict[str, Any], token: object, hash_name: str) -> None:
    """An access token belongs to the ID token when it says so (Core §3.1.3.6)."""
    if "at_hash" not in claims:
        return
    told = claims["at_hash"]
    if not isinstance(told, str) or not isinstance(token, str):
        raise refuse("at_hash")
    digest = hashlib.new(hash_name, token.encode()).digest()
    left = urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
    if not _same(told, left):
        raise refuse("at_hash")
