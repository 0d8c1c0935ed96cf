"""What stands before every request: whom it was meant for, its language, headers of the answer."""

from __future__ import annotations

import re
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from yunzhang import audit, settings
from yunzhang.api.faults import answer, asked_language
from yunzhang.errors import YunzhangError
from yunzhang.texts import in_language

# A page of another site can make a browser call us under its own name (DNS rebinding), but not
# under ours.
OWN = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?", re.IGNORECASE)
MISDIRECTED = 421

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


class Guard:
    """Refuses names that are not this machine's, chooses the language, adds headers.

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
        client = scope.get("client")
        with in_language(language), audit.context("api", client[0] if client else "", uuid4().hex):
            await self._app(scope, receive, guarded)
