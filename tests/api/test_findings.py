"""Findings over HTTP: lists with filters, and decisions as seen."""

from __future__ import annotations

from typing import Any

import httpx
from sqlalchemy import select

from tests.api.conftest import Client, make_token
from tests.surveys import source_survey
from yunzhang import clock, db
from yunzhang.access.service import principal_of
from yunzhang.discovery.findings import reconcile_register
from yunzhang.discovery.service import keep_survey
from yunzhang.estate.changes.service import list_item_changes
from yunzhang.estate.models import Workload
from yunzhang.units.scope import SYSTEM, Granted, bind

STRAY = "0c9a2f04-6f0e-4b3c-9a35-6c1d1f1b0a01"


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


def unit_client(client: Client) -> Client:
    grants = [Granted("manager", "unit", "U-mib")]
    return Client(client.app, make_token("mib", [], grants))


def add_stray(project: str) -> None:
    """A reading of the source cloud with a machine more, of a project."""
    changes = {"id": STRAY, "name": f"stray-{project}", "project_id": project}
    bare = {"nics": (), "attachments": ()}
    stray = source_survey().servers[0].model_copy(update={**changes, **bare})
    survey = source_survey()
    survey = survey.model_copy(update={"servers": (*survey.servers, stray)})
    with db.transaction() as session:
        keep_survey(session, SYSTEM, survey, clock.now())
        reconcile_register(session, SYSTEM)


def test_a_unit_is_told_of_its_own_findings_alone(client: Client, wave: int) -> None:
    add_stray("hrss")
    mib = unit_client(client)
    told = mib.get("/findings")
    listed = told.json()
    assert {item["unit_code"] for item in listed["items"]} == {"U-mib"}
    assert listed["total"] == len(listed["items"]) == 3  # counts tell no more than rows
    assert "hrss" not in told.text
    assert "etag" not in told.headers
    for query in ("unit=U-hrss", "kind=observed_only", "state=open&kind=ambiguous"):
        assert mib.get(f"/findings?{query}").json()["total"] == 0, query
    assert [row["unit"] for row in mib.get("/findings/accuracy").json()["items"]] == ["U-mib"]
    assert mib.get("/findings/accuracy").json()["total"] == 1
    foreign = client.get("/findings?unit=U-hrss").json()["items"][0]
    verdict = {"decision": "keep_declared", "reason": "x", "revision": foreign["revision"]}
    for number in (foreign["id"], 99_999):  # what is there and what is not are one to it
        assert post(mib, f"/findings/{number}/decision", verdict).status_code == 403


def test_a_unit_sees_what_was_returned_and_why(client: Client, wave: int) -> None:
    with db.transaction() as session:
        reconcile_register(session, SYSTEM)
        for row in session.scalars(select(Workload).where(Workload.unit_code == "U-mib")):
            row.state = "verified"
    item = client.get("/findings?unit=U-mib&kind=differs").json()["items"][0]
    verdict = {"decision": "return_to_unit", "reason": "请核实", "revision": item["revision"]}
    answer = post(client, f"/findings/{item['id']}/decision", verdict)
    assert (answer.status_code, answer.json()["state"]) == (200, "returned")
    mib = unit_client(client)
    own = mib.get(f"/estate/workloads/{item['declared'][0]}").json()
    assert own["state"] == "returned"
    assert own["reasons"]["vcpu"] == "登记为 2，实际观测为 1"
    assert [row["reason"] for row in mib.get("/findings?state=returned").json()["items"]] == [
        "请核实"
    ]


def test_history_of_a_things_decisions_is_its_units_alone(client: Client, wave: int) -> None:
    for unit in ("mib", "hrss"):
        make_token(unit, [], [Granted("manager", "unit", f"U-{unit}")])
    with db.transaction() as session:
        reconcile_register(session, SYSTEM)
    item = client.get("/findings?unit=U-mib&kind=differs").json()["items"][0]
    verdict = {"decision": "accept_observed", "revision": item["revision"]}
    assert post(client, f"/findings/{item['id']}/decision", verdict).status_code == 200
    totals = {}
    for name in ("office", "mib", "hrss"):
        with db.reading() as session:
            asker = principal_of(session, name)
            page = list_item_changes(bind(session, asker), asker, "workloads", item["declared"][0])
            totals[name] = page.total
    assert totals == {"office": 1, "mib": 1, "hrss": 0}


def test_machines_in_no_register_are_registered_by_rules(client: Client, wave: int) -> None:
    add_stray("hrss")
    row = client.get("/findings?kind=observed_only").json()["items"][0]
    asked = {"source": "legacy", "rules": [{"system": "Y-hrss", "project": "hrss"}],
             "dry_run": True}  # fmt: skip
    path = "/findings/registrations"
    told = post(client, path, asked).json()
    expected = [{"finding": row["id"], "code": "hrss-stray-hrss"}]
    assert (told["written"], told["registered"], told["refused"]) == (False, expected, [])
    assert client.get("/estate/workloads/hrss-stray-hrss").status_code == 404
    bad = post(client, path, asked | {"rules": [{"system": "Y-none"}]}).json()
    assert [one["code"] for one in bad["refused"]] == ["discovery.system_unknown"]
    assert post(client, path, asked | {"dry_run": False}).json()["registered"] == expected
    made = client.get("/estate/workloads/hrss-stray-hrss").json()
    assert (made["unit_code"], made["state"]) == ("U-hrss", "draft")
    assert post(unit_client(client), path, asked).status_code == 403


def test_one_machine_is_registered_by_its_decision(client: Client, wave: int) -> None:
    add_stray("mib")
    row = client.get("/findings?kind=observed_only").json()["items"][0]
    verdict = {"decision": "accept_observed", "revision": row["revision"]}
    path = f"/findings/{row['id']}/decision"
    assert post(client, path, verdict).json()["code"] == "discovery.rule_none"
    rule = {"rule": {"system": "Y-mib", "code": "mib-new"}}
    assert post(client, path, verdict | rule).json()["state"] == "settled"
    assert client.get("/estate/workloads/mib-new").json()["unit_code"] == "U-mib"
