"""A filled instance behind the API, on each kind of database."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import event

from tests.factories import make_instance
from yunzhang import settings
from yunzhang.api.app import make_app
from yunzhang.db import database_engine

BASE = "http://127.0.0.1:8300"


class Client:
    """Asks the application in this process, and counts the statements it takes."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        self.statements: list[str] = []

    def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: object = None,
    ) -> httpx.Response:
        """One request; `path` may carry a query, `body` is sent as JSON."""

        async def talk() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
                return await client.request(method, path, headers=dict(headers or {}), json=body)

        with self._counting():
            return asyncio.run(talk())

    def get(self, path: str, **headers: str) -> httpx.Response:
        """A GET under /api/v1."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask("GET", f"/api/v1{path}", named)

    @contextmanager
    def _counting(self) -> Iterator[None]:
        def count(_c: Any, _u: Any, statement: str, *_: Any) -> None:
            self.statements.append(statement)

        self.statements.clear()
        engine = database_engine()
        event.listen(engine, "before_cursor_execute", count)
        try:
            yield
        finally:
            event.remove(engine, "before_cursor_execute", count)


@pytest.fixture
def wave(running: settings.Settings) -> int:
    """A filled instance; the identifier of its accepted wave."""
    return make_instance()


@pytest.fixture
def client(running: settings.Settings) -> Client:
    """The API of the instance."""
    return Client(make_app())
