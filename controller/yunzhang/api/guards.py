"""What stands before every request: whom it was meant for, its language, headers of the answer."""

from __future__ import annotations

import re
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from yunzhang import audit, settings
from yunzhang.api.faults import answer, asked_language
from yunzhang.errors import YunzhangError
from yunzhang.texts import in_language

# A page of another site can make a browser call us under its own name (DNS rebinding), but not
# under ours.
OWN = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?", re.IGNORECASE)
MISDIRECTED = 421
# What a body may have that is read whole before anybody is asked who sends it.
MOST_BYTES = 32 * 1024**2
# Whose bodies are files: read piece by piece, with a limit of their own.
STREAMED = frozenset({"/api/v1/estate/imports", "/api/v1/estate/imports/bad-rows"})

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Vary": "Accept-Language, Cookie, Authorization",
}


def _is_own(host: str) -> bool:
    """Whether a Host header names this machine, or the proxy that the settings name."""
    public = settings.current().public_url
    return bool(OWN.fullmatch(host)) or bool(public and public == f"https://{host.lower()}")


def _limited(receive: Receive) -> Receive:
    """`receive` that stops what has become too large, whatever its length was said to be."""
    taken = 0

    async def next_part() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > MOST_BYTES:
            raise HTTPException(413)
        return message

    return next_part


class Guard:
    """Refuses names that are not this machine's and bodies that are too large, chooses the
    language, adds headers.

    Written on ASGI itself, because what wraps requests in tasks would hold events back.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        language = asked_language(headers.get("accept-language"))

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                sent = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    sent.setdefault(name, value)
            await send(message)

        hosts = headers.getlist("host")
        if len(hosts) != 1 or not _is_own(hosts[0]):
            refusal = answer(YunzhangError("api.host_refused"), language, MISDIRECTED)
            await refusal(scope, receive, guarded)
            return
        if scope["path"] not in STREAMED:
            told = headers.get("content-length", "")
            if told.isdecimal() and int(told) > MOST_BYTES:
                refusal = answer(YunzhangError("api.body_large"), language, 413)
                await refusal(scope, receive, guarded)
                return
            receive = _limited(receive)
        client = scope.get("client")
        with in_language(language), audit.context("api", client[0] if client else "", uuid4().hex):
            await self._app(scope, receive, guarded)
