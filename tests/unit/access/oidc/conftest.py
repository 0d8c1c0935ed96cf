"""A provider, an instance that knows it, a person it is linked to, and a browser."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI

from tests.oidc_provider import CLIENT, Provider, running_provider
from yunzhang import db, settings
from yunzhang.access import service
from yunzhang.access.oidc.identities import link_identity
from yunzhang.access.oidc.provider import provider_of
from yunzhang.api.app import PREFIX, make_app
from yunzhang.units.scope import SYSTEM, Principal

BASE = "http://127.0.0.1:8300"
ROOT = Principal("root", frozenset({"administrator"}), 9)


class Browser:
    """Keeps cookies for this instance and goes where it is sent."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        self.cookies = httpx.Cookies()

    def get(self, path: str) -> httpx.Response:
        """Ask this instance, with its cookies, in English."""

        async def talk() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(
                transport=transport, base_url=BASE, cookies=self.cookies
            ) as client:
                answer = await client.get(path, headers={"Accept-Language": "en"})
                self.cookies = client.cookies
                return answer

        return asyncio.run(talk())

    def leave(self, return_to: str = "/waves") -> str:
        """Be sent to the provider, and agree there; where that sends back to."""
        sent = self.get(f"{PREFIX}/oidc/start?return_to={return_to}")
        assert sent.status_code == 303, sent.text
        agreed = httpx.get(sent.headers["location"])
        assert agreed.status_code == 302
        return str(agreed.headers["location"])

    def come_back(self, location: str) -> httpx.Response:
        """Follow the provider's answer."""
        assert location.startswith(f"{BASE}{PREFIX}/oidc/callback?")
        parts = urlsplit(location)
        return self.get(f"{parts.path}?{parts.query}")

    def log_in(self) -> httpx.Response:
        """All of it."""
        return self.come_back(self.leave())


@pytest.fixture
def provider(
    running: settings.Settings, noon: datetime, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Provider]:
    """A provider that is this instance's, where the account wang is linked."""
    provider_of.cache_clear()
    with running_provider(noon) as found:
        monkeypatch.setenv("YUNZHANG_OIDC_ISSUER", found.issuer)
        monkeypatch.setenv("YUNZHANG_OIDC_CLIENT_ID", CLIENT)
        settings.current.cache_clear()
        with db.transaction() as session:
            service.create_account(
                session,
                SYSTEM,
                name="wang",
                display_name="王工",
                roles=["operator"],
                password="correct horse battery",
            )
            link_identity(session, ROOT, "wang", issuer=found.issuer, subject=found.subject)
        yield found


@pytest.fixture
def app() -> FastAPI:
    """The API."""
    return make_app()


@pytest.fixture
def browser(provider: Provider, app: FastAPI) -> Browser:
    """One browser."""
    return Browser(app)
