"""What goes wrong is told in the reader's language and no more than is good for it."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import select, update

from tests.api.conftest import Client, make_token
from tests.factories import add_worker
from yunzhang import db, settings
from yunzhang.api import guards
from yunzhang.api.app import make_app
from yunzhang.api.faults import asked_language
from yunzhang.api.repository import CATALOGUE
from yunzhang.db import database_engine
from yunzhang.errors import Outside


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "zh"),
        ("", "zh"),
        ("de, fr;q=0.5", "zh"),
        ("en", "en"),
        ("EN-us", "en"),
        ("zh-Hans-CN,en;q=0.9", "zh"),
        ("zh;q=0.2, en;q=0.3", "en"),
        ("en;q=0", "zh"),
        ("en;q=nan, en;q=2;x", "zh"),
        (",;,;q=1", "zh"),
    ],
)
def test_language_of_a_header(header: str | None, language: str) -> None:
    assert asked_language(header) == language


def _with_fault(fault: Exception) -> Client:
    app: FastAPI = make_app()

    def fail() -> None:
        raise fault

    app.add_api_route("/api/v1/fail", fail)
    return Client(app)


def test_faults_of_the_product_are_not_explained_to_strangers(
    running: settings.Settings,
) -> None:
    answer = _with_fault(RuntimeError("secret thing")).get("/fail", Accept_Language="en")
    assert (answer.status_code, answer.json()["code"]) == (500, "api.fault")
    assert "secret" not in answer.text
    assert answer.json()["message"].startswith("Something")
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_outside_faults_keep_their_status(running: settings.Settings) -> None:
    answer = _with_fault(Outside("workflows.worker_lost", executor="x")).get("/fail")
    assert answer.status_code == 502
    assert answer.json()["code"] == "workflows.worker_lost"


def test_health_without_workers_is_idle(client: Client) -> None:
    assert client.get("/health").json()["status"] == "idle"
    with db.transaction() as session:
        add_worker(session, "host:serve:0", db.database_now(session))
    assert client.get("/health").json()["status"] == "ok"


@pytest.fixture
def lost(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """An instance whose database has no tables."""
    folder = tmp_path_factory.mktemp("lost")
    monkeypatch.setenv("YUNZHANG_STATE", str(folder))
    monkeypatch.setenv("YUNZHANG_DATABASE_URL", f"sqlite:///{folder}/none.db")
    settings.current.cache_clear()


@pytest.mark.usefixtures("lost")
def test_database_without_tables() -> None:
    client = Client(make_app(), "yz_any")
    health = client.get("/health")
    assert (health.status_code, health.json()["status"]) == (503, "down")
    answer = client.get("/plans")
    assert (answer.status_code, answer.json()["code"]) == (503, "api.database")
    database_engine().dispose()
    settings.current.cache_clear()


def test_what_no_database_keeps_was_a_fault_of_the_product(client: Client) -> None:
    """PostgreSQL takes no NUL in a text."""
    for path in ("/estate/units?unit=a%00b", "/estate/units/a%00b", "/estate/changes?who=%00",
                 "/estate/imports?unit=%00", "/catalogue?name=%00"):  # fmt: skip
        answer = client.get(path)
        assert answer.status_code in {200, 404, 422}, path
        if answer.status_code == 422:
            assert answer.json()["code"] == "api.value_bad"


@pytest.mark.parametrize("path", ["/estate/changes", "/estate/imports", "/audit/entries"])
@pytest.mark.parametrize(
    ("named", "given"),
    [("since", "0001-01-01T00:00:00"), ("until", "9999-12-31T23:59:59-12:00")],
)
def test_times_that_utc_does_not_have_were_a_fault_of_the_product(
    running: settings.Settings, path: str, named: str, given: str
) -> None:
    auditor = Client(make_app(), make_token("auditor", ["auditor"]))
    answer = auditor.get(f"{path}?{named}={given}")
    assert (answer.status_code, answer.json()["code"]) == (422, "estate.moment_bad")
    for fit in ("0001-01-01T00:00:00Z", "2026-11-23T09:00:00", "9999-12-31T23:59:59Z"):
        assert auditor.get(f"{path}?{named}={fit}").status_code == 200


def test_cursors_of_the_catalogue_told_the_codes_of_others(wave: int, client: Client) -> None:
    """A cursor holds what a list is ordered by, and is only encoded, not hidden."""
    codes: set[str] = set()
    model: Any
    with db.transaction() as session:
        for model in CATALOGUE.values():
            session.execute(update(model).values(state="verified"))
            codes.update(session.scalars(select(model.code)))
    cursor, seen = "", 0
    while True:
        page = client.get(f"/catalogue?limit=1{cursor}").json()
        seen += len(page["items"])
        for told in filter(None, (page["next"], page["previous"])):
            parts = json.loads(base64.urlsafe_b64decode(told + "=" * (-len(told) % 4)))
            assert codes.isdisjoint(parts)
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == page["total"] > 1


@pytest.mark.parametrize("told", [True, False])
def test_a_body_is_not_read_without_end(
    client: Client, monkeypatch: pytest.MonkeyPatch, told: bool
) -> None:
    """It was read whole into memory before anybody was asked who sends it."""
    monkeypatch.setattr(guards, "MOST_BYTES", 10_000)
    sent: list[int] = []

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(100):
            sent.append(1_000)
            yield b" " * 1_000

    stranger = Client(client.app)
    for path in ("/estate/sites", "/estate/sites/bulk", "/session"):
        sent.clear()
        answer = stranger.ask("POST", f"/api/v1{path}", content=b" " * 10_001 if told else parts())
        assert (answer.status_code, answer.json()["code"]) == (413, "api.body_large")
        assert sum(sent) < 20_000
    bulk = client.ask("POST", "/api/v1/estate/sites/bulk", body={"items": []})
    assert bulk.status_code == 200
