"""Findings over HTTP: lists with filters, and decisions as seen."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from tests.api.conftest import BASE, Client
from yunzhang import db
from yunzhang.access.dependencies import asking
from yunzhang.discovery.findings import reconcile_register
from yunzhang.units.scope import SYSTEM, Principal

WANG = Principal("wang", frozenset({"operator"}), 1)


def post(client: Client, path: str, body: dict[str, Any]) -> httpx.Response:
    async def talk() -> httpx.Response:
        transport = httpx.ASGITransport(client.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as own:
            return await own.post(f"/api/v1{path}", json=body)

    return asyncio.run(talk())


def test_findings_are_listed_and_decided(client: Client, wave: int) -> None:
    with db.transaction() as session:
        reconcile_register(session, SYSTEM)
    listed = client.get("/findings?kind=differs&state=open&limit=2").json()
    assert (listed["total"], len(listed["items"])) == (6, 2)
    first = listed["items"][0]
    assert {d["field"] for d in first["details"]} >= {"vcpu", "ram_mib"}
    assert client.get("/findings?unit=U-hrss&kind=differs").json()["total"] == 3
    path = f"/findings/{first['id']}/decision"
    verdict = {"decision": "keep_declared", "reason": "x", "revision": first["revision"]}
    assert post(client, path, verdict).status_code == 403  # the local system decides nothing
    client.app.dependency_overrides[asking] = lambda: WANG
    assert post(client, path, verdict | {"revision": 99}).status_code == 409
    assert post(client, path, verdict | {"decision": "guess"}).status_code == 422
    assert post(client, "/findings/99999/decision", verdict).status_code == 404
    answer = post(client, path, verdict).json()
    assert (answer["state"], answer["decided_by"]) == ("settled", "wang")
    assert answer["revision"] == first["revision"] + 1
    assert post(client, path, verdict).status_code == 409
