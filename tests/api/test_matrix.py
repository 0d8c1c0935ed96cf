"""Every route × every role × own, assigned, shared and foreign objects, as `matrix.csv` lists them.

A cell is what the role gets: a status, or letters for whose things are told: o its own unit's, a
what was assigned to it, f another unit's; `-` an answer without any. The columns own, assigned and
foreign are words by which an answer is known to tell of such a thing. `{noun}` stands for every
noun of the register; a row of a noun's own goes before. Roles of a unit are granted
for U-mib, the sub-cloud operator's for P-lz, and the wave 1.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import Client, make_token
from yunzhang import clock, db
from yunzhang.api.app import make_app
from yunzhang.estate import history
from yunzhang.estate.changes.models import ImportBatch
from yunzhang.estate.models import Dependency
from yunzhang.estate.service import READS
from yunzhang.units.roles import ROLE_ACTS
from yunzhang.units.scope import Granted

FILE = Path(__file__).with_name("matrix.csv")
PUBLIC = "public"
VALUES = {"cloud": "legacy", "name": "target", "token": "1", "grant": "1", "wave_id": "1",
          "number": "1", "finding_id": "9999", "code": "none", "batch_id": "1"}  # fmt: skip
# Keys of nothing, where one word is no key.
KEYS = {"prefixes": "none/10.0.0.0/24", "ranges": "none/10.0.0.1/10.0.0.9", "disks": "none/vda",
        "nics": "none/eth0", "dependencies": "none/none/0", "opex": "sites/none/2026",
        "responsibilities": "sites/none/responsible/none/2026-01-01"}  # fmt: skip
UNIT = [Granted("applicant", "unit", "U-mib")]
GRANTS = {
    "applicant": UNIT,
    "manager": [Granted("manager", "unit", "U-mib")],
    "cloud_operator": [
        Granted("cloud_operator", "platform", "P-lz"),
        Granted("cloud_operator", "wave", "1"),
    ],
}


def rows() -> list[dict[str, str]]:
    """The table, with a row for every noun where one stands for all."""
    with FILE.open(encoding="utf-8", newline="") as file:
        written = list(csv.DictReader(file))
    own = {row["route"] for row in written}
    return [row for told in written for row in _spread(told, own)]


def _spread(told: dict[str, str], own: set[str]) -> Iterator[dict[str, str]]:
    if "{noun}" not in told["route"]:
        yield told
        return
    for noun in READS:
        route = told["route"].replace("{noun}", noun)
        if route not in own:
            yield {**told, "route": route}


@cache
def _described() -> dict[str, Any]:
    paths: dict[str, Any] = make_app().openapi()["paths"]
    return paths


def operations() -> Iterator[tuple[str, str]]:
    """Method and path of every operation, the path without its prefix."""
    for path, methods in _described().items():
        for method in methods:
            yield method.upper(), path.removeprefix("/api/v1")


def _matches(template: str, path: str) -> bool:
    ours, theirs = template.split("/"), path.partition("?")[0].split("/")
    if ours[-1] == "{key}":  # a key may have slashes of its own
        theirs = [*theirs[: len(ours) - 1], "/".join(theirs[len(ours) - 1 :])]
    return len(ours) == len(theirs) and all(
        mine == their or mine.startswith("{") for mine, their in zip(ours, theirs, strict=True)
    )


def template_of(method: str, path: str) -> str | None:
    """The described path a row is about: the one with the fewest variables."""
    found = [p for m, p in operations() if m == method and _matches(p, path)]
    return min(found, key=lambda told: (told.count("{"), -len(told))) if found else None


def filled(path: str) -> str:
    """A path with a value for every variable."""
    noun = path.split("/")[2] if path.count("/") > 1 else ""
    return path.format_map({**VALUES, "key": KEYS.get(noun, "none"), "noun": "units"})


def test_every_route_has_a_row_and_every_row_a_route() -> None:
    listed = {(m, template_of(m, p)) for m, p in (row["route"].split(" ", 1) for row in rows())}
    assert set(operations()) - listed == set(), "routes without a row in matrix.csv"
    assert listed - set(operations()) == set(), "rows without a route"


def test_every_role_has_a_column() -> None:
    assert ROLE_ACTS.keys() <= rows()[0].keys()


@pytest.fixture
def askers(client: Client, wave: int) -> dict[str, Client]:
    """A client of each role, and an account `target` with grant 1, on the filled instance."""
    assert wave == 1
    make_token("target", ["engineer"], UNIT)
    now = clock.now()
    with db.transaction() as session:
        for unit in ("mib", "hrss"):
            session.add(
                Dependency(
                    source_code=f"{unit}-app", target_code=f"{unit}-db", kind="hard",
                    note=f"{unit}-app > {unit}-db", created_at=now, updated_at=now,
                )
            )  # fmt: skip
        add_imports(session)
    tokens = {
        role: make_token(f"a-{role}", [] if role in GRANTS else [role], GRANTS.get(role, ()))
        for role in ROLE_ACTS
    }
    return {role: Client(client.app, token) for role, token in tokens.items()}


def add_imports(session: db.Session) -> None:
    """An import of each unit, of which the log is not whole, and a change of something it has."""
    for number, unit in enumerate(("mib", "hrss"), 1):
        batch = ImportBatch(
            id=number, file_name=f"{unit}.xlsx", file_sha256=str(number) * 64, mode="all",
            principal=f"{unit}-clerk", unit_code=f"U-{unit}", created_at=clock.now(),
            counts={"workloads": {"create": 1}}, excluded={},
        )  # fmt: skip
        session.add(batch)
        session.flush()
        row = (number, "workloads", 3, f"{unit}-app", "create")
        history.add_import_rows(session, [row])
    entries = [
        history.Entry("workloads", f"{unit}-app", f"U-{unit}", "update", {"vcpu": 1}, {"vcpu": 2})
        for unit in ("mib", "lz", "hrss")
    ]
    history.log_changes(session, entries, at=clock.now(), principal="clerk")


def outcome(row: dict[str, str], answer: Any) -> str:
    """What an answer gives: its status, or whose things it tells of."""
    if answer.status_code != 200:
        return str(answer.status_code)
    marks = {"o": row["own"], "a": row["assigned"], "f": row["foreign"]}
    return "".join(mark for mark, word in marks.items() if word and word in answer.text) or "-"


def test_matrix(askers: dict[str, Client]) -> None:
    wrong = []
    for row in rows():
        method, path = row["route"].split(" ", 1)
        for role, asker in askers.items():
            if row[role] == PUBLIC:
                continue
            body = json.loads(row["body"].replace("{role}", role)) if row["body"] else None
            answer = asker.ask(method, f"/api/v1{filled(path)}", body=body)
            got = outcome(row, answer)
            if got != row[role]:
                wrong.append(f"{row['route']} as {role}: {got}, not {row[role]}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("token", [None, "yz_wrong", "wrong"])
def test_nobody_gets_anything(client: Client, token: str | None) -> None:
    public = {row["route"] for row in rows() if row["operator"] == PUBLIC}
    stranger = Client(client.app, token)
    for method, path in operations():
        if f"{method} {path}" in public:
            continue
        answer = stranger.ask(method, f"/api/v1{filled(path)}")
        assert answer.status_code == 401, f"{method} {path}"
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.headers["content-type"] == "application/problem+json"


def test_token_for_reading_changes_nothing(askers: dict[str, Client]) -> None:
    reader = Client(askers["operator"].app, make_token("root", ["administrator"], (), ["read"]))
    assert reader.get("/estate/units").status_code == 200
    body = {"name": "x", "password": "some unrelated words"}
    assert reader.ask("POST", "/api/v1/accounts", body=body).status_code == 403
    assert reader.ask("POST", "/api/v1/accounts/target/disable").status_code == 403


def test_grant_ends_with_its_date_and_with_its_revocation(askers: dict[str, Client]) -> None:
    asker = askers["applicant"]
    assert asker.get("/estate/units").json()["total"] == 1
    root = askers["administrator"]
    number = next(
        grant["id"]
        for grant in root.get("/grants").json()["items"]
        if grant["account"] == "a-applicant"
    )
    assert root.ask("DELETE", f"/api/v1/grants/{number}").status_code == 204
    assert asker.get("/estate/units").status_code == 403
