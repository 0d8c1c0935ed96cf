"""The audit record over HTTP: entries, filters, the head, verification at once and by a job."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, text

from tests.api.conftest import Client, make_token
from yunzhang import audit, clock, db
from yunzhang.api import audit as endpoints
from yunzhang.jobs.models import Job
from yunzhang.units.scope import Granted


@pytest.fixture
def auditor(client: Client) -> Client:
    """Somebody who may look at the record; their tokens' two entries are sealed by then."""
    asker = Client(client.app, make_token("zhou", ["auditor"]))
    audit.seal()
    return asker


def write(count: int, who: str = "wang") -> None:
    with db.transaction() as session:
        for number in range(count):
            audit.record(
                session, who, "approve", "plan", f"plan-{number}",
                before={"state": "draft"}, after={"state": "approved"}, why="because",
            )  # fmt: skip


def test_entries_newest_first_page_by_page(auditor: Client) -> None:
    write(5)
    page = auditor.get("/audit/entries?noun=plan&limit=2").json()
    seen = [entry["reference"] for entry in page["items"]]
    assert page["total"] == 5
    while page["next"]:
        page = auditor.get(f"/audit/entries?noun=plan&limit=2&cursor={page['next']}").json()
        seen += [entry["reference"] for entry in page["items"]]
    assert seen == [f"plan-{number}" for number in (4, 3, 2, 1, 0)]
    last = auditor.get("/audit/entries?noun=plan&limit=2&cursor=last").json()
    assert [entry["reference"] for entry in last["items"]] == ["plan-1", "plan-0"]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("who=li", 1), ("who=wang", 3), ("act=approve", 4), ("act=sign", 0), ("noun=plan", 4),
        ("reference=plan-0", 2), ("since=2000-01-01T00:00:00Z&act=approve", 4),
        ("until=2000-01-01T00:00:00Z", 0), ("who=wang&reference=plan-2", 1),
    ],
)  # fmt: skip
def test_entries_are_narrowed(auditor: Client, query: str, count: int) -> None:
    write(3)
    write(1, "li")
    page = auditor.get(f"/audit/entries?{query}").json()
    assert (page["total"], len(page["items"])) == (count, count)


def test_a_time_without_a_zone_is_beijings(auditor: Client) -> None:
    write(1)
    soon = f"{clock.beijing(clock.now() + timedelta(hours=1)):%Y-%m-%dT%H:%M:%S}"
    assert auditor.get(f"/audit/entries?noun=plan&until={soon}").json()["total"] == 1
    assert auditor.get(f"/audit/entries?since={soon}").json()["total"] == 0


def test_one_entry_whole_and_where_it_is_sealed(auditor: Client) -> None:
    write(1)
    (entry,) = auditor.get("/audit/entries?noun=plan").json()["items"]
    assert "before" not in entry
    whole = auditor.get(f"/audit/entries/{entry['id']}").json()
    assert (whole["block"], whole["leaf"]) == (None, None)
    assert whole["before"] == {"state": "draft"}
    assert whole["details"] == {"why": "because"}
    audit.seal()
    sealed = auditor.get(f"/audit/entries/{entry['id']}").json()
    assert sealed["block"] == 2
    assert len(sealed["leaf"]) == 64
    missing = auditor.get("/audit/entries/99999")
    assert (missing.status_code, missing.json()["code"]) == (404, "audit.unknown")


def test_the_head(auditor: Client) -> None:
    write(2)
    audit.seal()
    write(1)
    head = auditor.get("/audit/head").json()
    assert (head["number"], head["waiting"], len(head["digest"])) == (2, 1, 16)


def test_the_head_of_a_record_without_blocks(client: Client) -> None:
    asker = Client(client.app, make_token("zhou", ["auditor"]))
    assert asker.get("/audit/head").json() == {
        "number": None, "at": None, "digest": None, "waiting": 2,
    }  # fmt: skip


def test_a_short_record_is_verified_at_once(auditor: Client) -> None:
    write(3)
    audit.seal()
    told = auditor.ask("POST", "/api/v1/audit/verifications").json()
    assert (told["done"], told["sound"], told["fault"]) == (True, True, None)
    assert (told["blocks"], told["entries"], told["keyed"]) == (2, 5, True)


def test_what_was_changed_is_named(auditor: Client) -> None:
    write(3)
    audit.seal()
    with db.transaction() as session:
        if session.get_bind().dialect.name == "postgresql":
            session.execute(text("SET LOCAL session_replication_role = replica"))
        else:
            for name in session.scalars(
                text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            ).all():
                session.execute(text(f'DROP TRIGGER "{name}"'))
        session.execute(text("UPDATE audit_entry SET act = 'refuse' WHERE id = 4"))
    told = auditor.ask("POST", "/api/v1/audit/verifications").json()
    assert told["sound"] is False
    assert (told["fault"]["code"], told["fault"]["entry"]) == ("audit.fault_entry_changed", 4)
    assert told["fault"]["message"]


def test_a_long_record_is_verified_by_a_job(
    auditor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(3)
    audit.seal()
    monkeypatch.setattr(endpoints, "AT_ONCE", 2)
    with clock.fixed(clock.now()):
        answers = [auditor.ask("POST", "/api/v1/audit/verifications") for _ in range(2)]
    assert {answer.status_code for answer in answers} == {202}
    # who asks again within the minute asks for the same
    (reference,) = {answer.json()["reference"] for answer in answers}
    assert answers[0].json()["done"] is False
    with db.reading() as session:
        (job,) = session.scalars(select(Job)).all()
    assert (job.kind, job.key) == ("verify-audit", reference)
    assert f"{job.kind}:{job.payload['slot']}" == reference


@pytest.mark.parametrize("role", ["auditor", "engineer"])
def test_of_a_part_of_the_record_nothing_is_said(client: Client, role: str) -> None:
    """Within a unit the record looks empty, and an empty one is sound."""
    write(1)
    part = Client(client.app, make_token("qian", [], [Granted(role, "unit", "U-mib")]))
    for method, path in (("GET", "entries"), ("GET", "entries/1"), ("GET", "head"),
                         ("POST", "verifications")):  # fmt: skip
        assert part.ask(method, f"/api/v1/audit/{path}").status_code == 403, path
