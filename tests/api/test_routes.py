"""Every route is described and typed, its name says whether it writes, and lists take a fixed
number of statements.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from tests.api.conftest import Client, make_token
from yunzhang import audit, clock, db
from yunzhang.api.app import make_app
from yunzhang.estate import history
from yunzhang.estate.changes.models import ImportBatch
from yunzhang.estate.importing.endpoints_files import XLSX
from yunzhang.units.scope import Granted

TEXT = ("text/html", "text/event-stream", "application/yaml", "text/csv", XLSX)
# how operations begin that change something
WRITES = (
    "take_", "create_", "change_", "remove_", "save_", "decide_", "log_", "make_", "revoke_",
    "reset_", "disable_", "enable_", "link_", "give_", "delegate_", "import_", "undo_",
    "advance_", "rename_", "merge_", "move_", "hand_", "erase_", "verify_",
)  # fmt: skip
# Statements that find out who asks: the token with its account, and the grants.
WHO = 2
# list → statements it may take, whatever the page's size
BUDGETS = {
    "/plans": 2,
    "/waves": 2,
    "/waves/1/objects": 2,
    "/discovery/runs": 2,
    "/discovery/clouds/legacy/items": 3,
    "/findings": 2,
    "/findings/accuracy": 4,
    "/ledger/pools": 2,
    "/ledger/allocations": 3,
    "/totals/cities": 2,
    "/totals/units": 5,
    "/estate/units": 2,
    "/estate/workloads": 2,
    "/estate/prefixes": 2,
    "/estate/conflicts": 3,
    "/estate/whois?address=10.0.0.1": 3,
    "/catalogue": 2,
    "/estate/imports": 2,
    "/estate/changes": 2,
    "/estate/workloads/mib-app/history": 2,
    # one thing with all its parts
    "/waves/1": 4,
    "/plans/demo": 2,
    "/plans/demo/check": 2,
}


@cache
def described() -> dict[str, Any]:
    """The API's own description."""
    return make_app().openapi()


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    """Path, method and description of every operation."""
    paths = described()["paths"]
    return [(path, method, told) for path, own in paths.items() for method, told in own.items()]


@pytest.mark.parametrize(
    ("path", "method", "told"), operations(), ids=[told["operationId"] for *_, told in operations()]
)
def test_route_is_described(path: str, method: str, told: dict[str, Any]) -> None:
    assert (method != "get") == told["operationId"].startswith(WRITES)
    assert told["summary"]
    assert len(told["description"]) > len("One.")
    assert told["tags"]
    success = min(told["responses"].keys() & {"200", "201", "204", "303"})
    content = told["responses"][success].get("content", {})
    typed = {kind: body["schema"] for kind, body in content.items()}
    assert all(typed.values()), f"{path} has no response model"
    assert typed or success in {"204", "303"}
    for status in ("404", "422", "500"):
        schema = told["responses"][status]["content"]["application/problem+json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/ErrorRead"}
    if success in {"200", "201"} and "application/json" not in typed:
        assert any(kind in typed for kind in TEXT)


def test_operations_have_names_of_their_own() -> None:
    names = [told["operationId"] for _, _, told in operations()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("path", [path for path, method, _ in operations() if method == "get"])
def test_lists_are_limited(path: str) -> None:
    told = described()["paths"][path]["get"]
    schema = (
        told["responses"]
        .get("200", {})
        .get("content", {})
        .get("application/json", {})
        .get("schema", {})
    )
    named = schema.get("$ref", "").split("/")[-1]
    if not named.startswith(("Page", "TotalsPage")):
        return
    limits = {p["name"]: p["schema"] for p in told["parameters"]}
    assert limits["limit"]["maximum"] == 500
    assert limits["limit"]["minimum"] == 1
    assert limits["offset"]["minimum"] == 0


def test_statement_budgets(client: Client, wave: int) -> None:
    assert wave == 1
    client.get("/session")  # the first use of a token is noted
    for path, budget in BUDGETS.items():
        assert client.get(path).status_code == 200, path
        # on SQLite a deferred BEGIN; an immediate one would wait for writers
        said_all = [said for said in client.statements if said != "BEGIN"]
        who = [said for said in said_all if "access_token" in said or "access_grant" in said]
        assert len(who) <= WHO, f"{path}: {who}"
        taken = [said for said in said_all if said not in who]
        assert all(said.startswith("SELECT") for said in taken), f"{path} does more than read"
        assert 1 <= len(taken) <= budget, f"{path}: {len(taken)} > {budget}"


# lists that grow with use → statements they may take, with 1 row and with 100
GROWING = {
    "/estate/imports": 2,
    "/estate/imports/1/rows": 3,
    "/estate/changes": 2,
    "/estate/workloads/w/history": 2,
    "/audit/entries": 2,
    "/waves/1/objects": 2,
}


def test_lists_take_as_many_statements_with_100_rows(client: Client, wave: int) -> None:
    auditor = Client(client.app, make_token("zhou", ["auditor"]))

    def taken(path: str, rows: int) -> int:
        assert auditor.get(path).status_code == 200
        page = auditor.get(f"{path}?limit=100")
        assert len(page.json()["items"]) >= rows, path
        said = (said for said in auditor.statements if said != "BEGIN")
        return len([s for s in said if "access_token" not in s and "access_grant" not in s])

    for count in (1, 99):
        _add_history(count)
        rows = 1 if count == 1 else 100
        for path, budget in GROWING.items():
            # of a wave there is what it made
            assert taken(path, min(rows, 5) if "waves" in path else rows) == budget, (path, rows)


def _add_history(count: int) -> None:
    """More imports, rows of import 1, changes of workload w, and entries of the audit record."""
    entry = history.Entry("workloads", "w", "U-mib", "update", {"vcpu": 1}, {"vcpu": 2})
    with db.transaction() as session:
        for number in range(count):
            batch = ImportBatch(
                file_name="f", file_sha256="0" * 64, mode="all", principal="wang",
                created_at=clock.now(), counts={}, excluded={},
            )  # fmt: skip
            history.add_batch(session, batch)
            audit.record(session, "wang", "import", "register", f"batch-{number}")
        rows = [(1, "workloads", n, "w", "update") for n in range(count)]
        history.add_import_rows(session, rows)
        history.log_changes(session, [entry] * count, at=clock.now(), principal="wang")


def test_lists_of_plans_and_waves_leave_documents_unread(client: Client, wave: int) -> None:
    for path in ("/plans", "/waves"):
        client.get(path)
        assert not any("plan_version.content" in said for said in client.statements), path


def test_reading_leaves_nothing_behind(client: Client, wave: int) -> None:
    before = client.get(f"/waves/{wave}").json(), client.get("/ledger/pools").json()
    for path in BUDGETS:
        client.get(path)
    assert before == (client.get(f"/waves/{wave}").json(), client.get("/ledger/pools").json())


def test_a_unit_reads_its_changes_in_three_statements(client: Client, wave: int) -> None:
    """One more than the office: its units' codes are written out, so that their index serves."""
    _add_history(100)
    unit = Client(client.app, make_token("zhao", [], [Granted("manager", "unit", "U-mib")]))
    assert unit.get("/estate/changes").json()["total"] == 100
    page = unit.get("/estate/changes?limit=100")
    assert len(page.json()["items"]) == 100
    told = [s for s in unit.statements if "FROM change_log" in s or "FROM unit" in s]
    assert len(told) == 3
    other = Client(client.app, make_token("lu", [], [Granted("manager", "unit", "U-hrss")]))
    assert other.get("/estate/changes").json()["total"] == 0
