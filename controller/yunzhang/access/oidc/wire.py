"""Talking to the provider: bounded in time, size and number, never led elsewhere.

A provider that hangs, floods or redirects must not hold this instance up or send it to other
addresses: no redirects, no proxies of the environment, no compressed answers, one deadline for
the whole answer, and only so many calls at once, because each holds a thread of the server.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import Any
from urllib.parse import urlsplit

import httpx

from yunzhang.errors import Outside

PATIENCE = 5.0  # seconds for connecting, and between two pieces of an answer
DEADLINE = 10.0  # seconds for a whole answer
LARGEST = 256 * 1024  # bytes of an answer; descriptions and key sets take some kilobytes
AT_ONCE = 8  # calls at the same time, of the server's 40 threads
QUEUE = 2.0  # seconds a call waits for its turn
USER_AGENT = "yunzhang-oidc"

_turns = BoundedSemaphore(AT_ONCE)


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and JSON object of an answer; `told` is empty when there was no object."""

    status: int
    told: dict[str, Any]


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def is_loopback(host: str) -> bool:
    """Whether a URL's host is this machine."""
    address = _address(host)
    return address.is_loopback if address is not None else host == "localhost"


def is_safe_url(url: str) -> bool:
    """Whether a URL is https, or http on this machine, without credentials, blanks or controls."""
    if not url.isascii() or not url.isprintable() or any(c in url for c in ' \\"<>'):
        return False
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    if not host or "@" in parts.netloc:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))


def is_allowed_host(url: str, issuer: str, further: frozenset[str]) -> bool:
    """Whether a URL stays with the issuer: its host, one below it, or one an administrator named.

    Neighbours under the same domain (`sso.` and `mail.` of one office) are no different from
    strangers here: telling them apart takes a list of public suffixes, which is never up to date.
    """
    host, own = urlsplit(url).hostname or "", urlsplit(issuer).hostname or ""
    below = "." in own and _address(own) is None and host.endswith(f".{own}")
    return host == own or host in further or below


@contextmanager
def _turn() -> Iterator[None]:
    """One of the few calls at once. Raises Outside `access.oidc_busy`."""
    if not _turns.acquire(timeout=QUEUE):
        raise Outside("access.oidc_busy")
    try:
        yield
    finally:
        _turns.release()


def ask(
    method: str,
    url: str,
    *,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """One question to the provider. The caller has checked where `url` leads.

    Raises Outside `access.oidc_provider` with a reason that holds nothing of question or answer.
    """
    own = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": USER_AGENT}
    try:
        with _turn():
            return asyncio.run(_talk(method, url, form, {**own, **(headers or {})}))
    except TimeoutError as error:
        raise Outside("access.oidc_provider", reason=f"> {DEADLINE:.0f} s") from error
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise Outside("access.oidc_provider", reason=type(error).__name__) from error


async def _talk(
    method: str, url: str, form: Mapping[str, str] | None, headers: Mapping[str, str]
) -> Answer:
    """Asked in a loop of its own, because only there can all of it, from connecting through every
    trickling line of the head to the body's end, be held to one deadline."""
    client = httpx.AsyncClient(
        verify=_trust(url), timeout=PATIENCE, follow_redirects=False, trust_env=False
    )
    async with asyncio.timeout(DEADLINE), client:
        asked = client.stream(method, url, data=form, headers=headers)
        async with asked as answer:
            return Answer(answer.status_code, _object(await _read(answer), answer.status_code))


def _trust(url: str) -> ssl.SSLContext:
    """Whose certificates count: this machine's, where an office can add its own authority."""
    if url.startswith("https:"):
        return ssl.create_default_context()
    # http is for this machine alone; a context that trusts nobody saves reading them all
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


async def _read(answer: httpx.Response) -> bytes:
    """The body as it came over the wire; anything encoded could unfold to any size."""
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise Outside("access.oidc_provider", reason="Content-Encoding")
    body = bytearray()
    async for piece in answer.aiter_raw():
        body += piece
        if len(body) > LARGEST:
            raise Outside("access.oidc_provider", reason=f"> {LARGEST} B")
    return bytes(body)


def _object(body: bytes, status: int) -> dict[str, Any]:
    try:
        told = json.loads(body)
    # a body of nothing but brackets is too deep for the parser
    except (ValueError, RecursionError):
        told = None
    if isinstance(told, dict):
        return told
    if status == 200:
        raise Outside("access.oidc_provider", reason="JSON")
    return {}
