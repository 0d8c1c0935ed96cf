"""What browsers are given to keep: named and marked so that no other site can set or read it."""

from __future__ import annotations

from fastapi import Request, Response

from yunzhang import settings
from yunzhang.access import sessions

COOKIE = "yunzhang_session"


def _is_secure() -> bool:
    """Whether browsers reach this instance through TLS."""
    return bool(settings.current().public_url)


def cookie_name(base: str = COOKIE) -> str:
    """Behind TLS the name itself makes browsers insist on Secure, and on no other host's."""
    return f"__Host-{base}" if _is_secure() else base


def keep_cookie(response: Response, base: str, value: str, seconds: int) -> None:
    """Let the browser keep a value that scripts cannot read. Lax: people follow links to us."""
    response.set_cookie(
        cookie_name(base),
        value,
        max_age=seconds,
        httponly=True,
        secure=_is_secure(),
        samesite="lax",
    )


def drop_cookie(response: Response, base: str) -> None:
    """Let the browser forget a value; it heeds this only with the marks it was set with."""
    response.delete_cookie(cookie_name(base), httponly=True, secure=_is_secure(), samesite="lax")


def keep_session(response: Response, made: sessions.LoggedIn) -> None:
    """Hand a new session to the browser."""
    keep_cookie(response, COOKIE, made.identifier, int(sessions.ABSOLUTE.total_seconds()))


def address_of(request: Request) -> str:
    """Where a request comes from; behind the proxy of the settings, where the proxy says."""
    return request.client.host if request.client else "unknown"
