"""Reading the register over HTTP."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.orm import Session

from tests.unit.estate.books import load_demo
from tests.unit.estate.whole import load_whole
from yunzhang.access.dependencies import asking, reading_session
from yunzhang.estate.addresses import endpoints as address_endpoints
from yunzhang.estate.endpoints import router
from yunzhang.estate.service import READS
from yunzhang.units.scope import SYSTEM


class Client:
    """Asks the application in this process."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    def get(self, url: str, params: dict[str, Any] | None = None) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await client.get(url, params=params)

        return asyncio.run(ask())


@pytest.fixture
def client(session: Session) -> Client:
    load_demo(session)
    app = FastAPI()
    app.include_router(router)
    app.include_router(address_endpoints.router)
    app.dependency_overrides[reading_session] = lambda: session
    app.dependency_overrides[asking] = lambda: SYSTEM
    return Client(app)


def test_every_noun_has_its_page(client: Client, session: Session, tmp_path: Path) -> None:
    load_whole(session, tmp_path)
    for noun in READS:
        page = client.get(f"/estate/{noun}", params={"limit": 1}).json()
        assert len(page["items"]) == 1, noun
        assert page["total"] >= 1
        last = client.get(f"/estate/{noun}", params={"offset": page["total"]}).json()
        assert last["items"] == []


@pytest.mark.parametrize(
    ("noun", "count"),
    [("units", 1), ("sites", 1), ("networks", 1), ("domains", 1), ("prefixes", 2),
     ("platforms", 1), ("systems", 1), ("workloads", 3), ("dependencies", 2)],
)  # fmt: skip
def test_lists_narrow_to_a_unit(client: Client, noun: str, count: int) -> None:
    page = client.get(f"/estate/{noun}", params={"unit": "hrss"}).json()
    assert (page["total"], len(page["items"])) == (count, count)
    assert client.get(f"/estate/{noun}", params={"unit": "nobody"}).json()["total"] == 0


def test_a_workload_is_told_whole(client: Client) -> None:
    items = client.get("/estate/workloads", params={"unit": "hrss"}).json()["items"]
    database = next(item for item in items if item["code"] == "hrss-db")
    assert database["networks"] == ["hrss-net", "hrss-store"]
    assert database["addresses"] == ["192.168.10.13", "192.168.20.13"]


def test_conflicts(client: Client) -> None:
    report = client.get("/estate/conflicts", params={"unit": "mib"}).json()
    assert report["total"] == 1
    assert report["pairs"][0]["first"]["unit_code"] == "mib"


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "offset=-1", "limit=x"])
def test_pages_are_limited(client: Client, query: str) -> None:
    assert client.get(f"/estate/units?{query}").status_code == 422
