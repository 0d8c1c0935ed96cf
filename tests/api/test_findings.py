"""Findings over HTTP: lists with filters, and decisions as seen."""

from __future__ import annotations

from typing import Any

import httpx

from tests.api.conftest import Client, make_token
from yunzhang import db
from yunzhang.discovery.findings import reconcile_register
from yunzhang.units.scope import SYSTEM


def post(client: Client, path: str, body: dict[str, Any]) -> httpx.Response:
    return client.ask("POST", f"/api/v1{path}", body=body)


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
    engineer = Client(client.app, make_token("sun", ["engineer"]))
    assert post(engineer, path, verdict).status_code == 403
    assert post(client, path, verdict | {"revision": 99}).status_code == 409
    assert post(client, path, verdict | {"decision": "guess"}).status_code == 422
    assert post(client, "/findings/99999/decision", verdict).status_code == 404
    answer = post(client, path, verdict).json()
    assert (answer["state"], answer["decided_by"]) == ("settled", "office")
    assert answer["revision"] == first["revision"] + 1
    assert post(client, path, verdict).status_code == 409
