"""Acts that come in over HTTP are recorded with channel, address and a request of their own."""

from __future__ import annotations

import asyncio

from starlette.types import Receive, Scope, Send

from yunzhang.api.guards import Guard
from yunzhang.audit.origin import Origin, current_origin


def test_every_request_has_an_origin_of_its_own() -> None:
    seen: list[Origin] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(current_origin())

    async def ask() -> None:
        scope = {"type": "http", "path": "/", "headers": [(b"host", b"localhost")],
                 "client": ("10.1.2.3", 5)}  # fmt: skip
        await Guard(app)(scope, None, None)  # type: ignore[arg-type]

    asyncio.run(ask())
    asyncio.run(ask())
    assert [(o.channel, o.address) for o in seen] == [("api", "10.1.2.3")] * 2
    assert len({o.request for o in seen}) == 2
    assert all(o.request for o in seen)
    assert current_origin().request == ""
