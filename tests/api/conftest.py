"""A filled instance behind the API, on each kind of database."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import event

from tests.factories import make_instance
from yunzhang import clock, db, settings
from yunzhang.access import tokens
from yunzhang.access.models import Account, Grant
from yunzhang.api.app import make_app
from yunzhang.db import database_engine, paging
from yunzhang.units.scope import Granted

BASE = "http://127.0.0.1:8300"


class Client:
    """Asks the application in this process, and counts the statements it takes."""

    def __init__(self, app: FastAPI, token: str | None = None) -> None:
        self.app, self.token = app, token
        self.statements: list[str] = []

    @property
    def authorization(self) -> dict[str, str]:
        """The header that shows the token."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: object = None,
        content: Any = None,
    ) -> httpx.Response:
        """One request with the client's token; `path` may carry a query, `body` is sent as JSON,
        `content` as it is.
        """
        sent = self.authorization | dict(headers or {})

        async def talk() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
                return await client.request(method, path, headers=sent, json=body, content=content)

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


def cookies(answer: httpx.Response) -> dict[str, str]:
    """Cookies that an answer sets."""
    return {c.split("=")[0]: c.split("=")[1].split(";")[0]
            for c in answer.headers.get_list("set-cookie")}  # fmt: skip


def make_token(
    name: str, roles: list[str], grants: Iterable[Granted] = (), scopes: Iterable[str] = ("write",)
) -> str:
    """An account with roles and grants, and a token of its."""
    now = clock.now()
    with db.transaction() as session:
        account = Account(
            name=name, display_name=name, roles=roles, password_hash="-", created_at=now
        )
        session.add(account)
        session.flush()
        for granted in grants:
            session.add(
                Grant(
                    account_id=account.id,
                    role=granted.role,
                    kind=granted.kind,
                    reference=granted.reference,
                    starts_at=now,
                    granted_by="root",
                    created_at=now,
                )
            )
        ends = now + timedelta(days=1)
        _, secret = tokens.make_token(
            session, account, name="test", scopes=list(scopes), expires_at=ends
        )
    return secret


@pytest.fixture(autouse=True)
def fresh_totals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every count is asked anew, also where a busy machine makes it slow."""
    monkeypatch.setattr(paging, "SLOW", 60.0)


@pytest.fixture
def wave(running: settings.Settings) -> int:
    """A filled instance; the identifier of its accepted wave."""
    return make_instance()


@pytest.fixture
def client(running: settings.Settings) -> Client:
    """The API of the instance, asked by an operator of the office."""
    return Client(make_app(), make_token("office", ["operator"]))
