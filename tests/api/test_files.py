"""Files over HTTP: checked, imported, given back, exported; too large ones are refused early."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from tests.api.conftest import Client, make_token
from tests.unit.estate.books import DEMO
from yunzhang import db
from yunzhang.estate.changes.models import ImportBatch
from yunzhang.estate.importing import endpoints_files
from yunzhang.estate.models import Site
from yunzhang.estate.workbooks import files
from yunzhang.estate.workbooks.files import read_file
from yunzhang.units.scope import Granted

HEAD = "编号*,机房名称*,单位编号*,行政区划代码*,是否涉密*\n"
GOOD = "s1,新机房,U-mib,450102,否\n"
BAD = "s2,别处机房,U-hrss,459999,否\n"


def send(
    client: Client, content: str | bytes, query: str = "name=机房.csv", path: str = "imports"
) -> httpx.Response:
    """Send a file as the body."""
    sent = content.encode() if isinstance(content, str) else content
    return client.ask("POST", f"/api/v1/estate/{path}?{query}", content=sent)


@pytest.fixture
def unit(client: Client, wave: int) -> Client:
    """Somebody who declares for one unit."""
    return Client(client.app, make_token("zhao", [], [Granted("manager", "unit", "U-mib")]))


def sites() -> int:
    with db.reading() as session:
        return session.scalar(select(func.count()).select_from(Site)) or 0


def test_a_file_is_checked_and_nothing_written(client: Client, wave: int) -> None:
    before = sites()
    told = send(client, HEAD + GOOD + BAD).json()
    assert (told["written"], told["batch_id"], told["errors"]) == (False, None, 1)
    assert told["counts"] == {
        "sites": {"create": 1, "update": 0, "unchanged": 0, "bad": 1, "held": 0}
    }
    (fault,) = told["faults"]
    assert {**fault, "message": "", "suggestion": ""} == {
        "sheet": "机房", "row": 3, "column": "行政区划代码", "code": "estate.division_unknown",
        "severity": "error", "message": "", "suggestion": "",
    }  # fmt: skip
    assert fault["message"]
    assert fault["suggestion"]
    assert sites() == before


def test_all_or_none_and_the_good_rows(client: Client, wave: int) -> None:
    before = sites()
    assert send(client, HEAD + GOOD + BAD, "name=机房.csv&mode=all").json()["written"] is False
    assert sites() == before
    told = send(client, HEAD + GOOD + BAD, "name=机房.csv&mode=good").json()
    assert told["written"] is True
    assert sites() == before + 1
    batch = client.get(f"/estate/imports/{told['batch_id']}").json()
    assert (batch["file_sha256"], batch["mode"]) == (told["file_sha256"], "good")
    rows = client.get(f"/estate/imports/{told['batch_id']}/rows").json()["items"]
    assert [(row["row"], row["key"], row["action"]) for row in rows] == [
        (2, "s1", "create"), (3, "s2", "bad"),
    ]  # fmt: skip
    bad = client.get(f"/estate/imports/{told['batch_id']}/rows?action=bad").json()
    assert (bad["total"], bad["items"][0]["key"]) == (1, "s2")


def test_the_same_file_again_says_so_and_changes_nothing(client: Client, wave: int) -> None:
    first = send(client, HEAD + GOOD, "name=机房.csv&mode=all").json()
    assert first["earlier"] is None
    again = send(client, HEAD + GOOD, "name=另一个名字-sites.csv&mode=all").json()
    assert again["earlier"] == first["batch_id"]
    assert again["counts"]["sites"]["unchanged"] == 1
    listed = client.get(f"/estate/imports?sha256={first['file_sha256']}").json()
    assert listed["total"] == 2


def test_an_import_is_taken_back(client: Client, wave: int) -> None:
    before = sites()
    batch = send(client, HEAD + GOOD, "name=机房.csv&mode=all").json()["batch_id"]
    undo = f"/api/v1/estate/imports/{batch}/undo"
    assert client.ask("POST", f"{undo}?dry_run=true").json()["removed"] == {"sites": 1}
    assert sites() == before + 1
    assert client.ask("POST", undo).json()["removed"] == {"sites": 1}
    assert sites() == before
    answer = client.ask("POST", undo)
    assert (answer.status_code, answer.json()["code"]) == (409, "estate.batch_undone")


def test_a_unit_brings_its_own_rows_and_sees_its_import(client: Client, unit: Client) -> None:
    theirs = "s2,别处机房,U-hrss,450102,否\n"
    told = send(unit, HEAD + GOOD + theirs, "name=机房.csv&mode=good").json()
    assert [fault["code"] for fault in told["faults"]] == ["estate.not_yours"]
    assert told["counts"]["sites"]["create"] == 1
    (batch,) = unit.get("/estate/imports").json()["items"]
    assert (batch["id"], batch["unit_code"]) == (told["batch_id"], "U-mib")
    # what the office imports stays the office's
    send(client, HEAD + "s9,机房九,U-mib,450102,否\n", "name=机房.csv&mode=all")
    assert unit.get("/estate/imports").json()["total"] == 1
    assert client.get("/estate/imports").json()["total"] == 2
    assert unit.ask("POST", f"/api/v1/estate/imports/{batch['id']}/undo").status_code == 200


def test_bad_rows_come_back_as_a_workbook(client: Client, wave: int, tmp_path: Path) -> None:
    answer = send(client, HEAD + GOOD + BAD, path="imports/bad-rows")
    assert answer.headers["content-type"] == endpoints_files.XLSX
    assert "bad-rows.xlsx" in answer.headers["content-disposition"]
    (tmp_path / "bad.xlsx").write_bytes(answer.content)
    pages = {sheet.title: sheet.rows for sheet in read_file(tmp_path / "bad.xlsx").sheets}
    assert [row[0] for row in pages["机房"][2:]] == ["s2"]
    assert send(client, HEAD + GOOD, path="imports/bad-rows").status_code == 204


def test_template_and_export_are_imported_as_they_are(
    client: Client, wave: int, tmp_path: Path
) -> None:
    template = client.get("/estate/template.xlsx")
    (tmp_path / "template.xlsx").write_bytes(template.content)
    titles = [sheet.title for sheet in read_file(tmp_path / "template.xlsx").sheets]
    assert {"单位", "机房", "虚拟机"} <= set(titles)
    book = client.get("/estate/export.xlsx")
    told = send(client, book.content, "name=register.xlsx").json()
    changing = {action: n for of in told["counts"].values() for action, n in of.items() if n}
    assert set(changing) <= {"unchanged", "bad", "held"}
    sheet = client.get("/estate/export/sites.csv")
    assert sheet.content.startswith(b"\xef\xbb\xbf")
    assert sheet.headers["content-type"] == "text/csv; charset=utf-8"
    assert send(client, sheet.content, "name=机房.csv").json()["counts"] == {
        "sites": {"create": 0, "update": 0, "unchanged": 3, "bad": 0, "held": 0}
    }
    other = client.get("/estate/export/sites.csv?encoding=gb18030")
    assert other.content.decode("gb18030") == sheet.content.decode("utf-8-sig")


def test_a_unit_exports_its_own(unit: Client, tmp_path: Path) -> None:
    (tmp_path / "own.xlsx").write_bytes(unit.get("/estate/export.xlsx").content)
    cells = {
        str(cell)
        for sheet in read_file(tmp_path / "own.xlsx").sheets
        for row in sheet.rows
        for cell in row
    }
    assert "mib-app" in cells
    assert not cells & {"hrss-app", "U-hrss", "N-hrss"}


FIXTURE = [
    {"model": "tenancy.tenant", "pk": 1, "fields": {"name": "T", "slug": "t"}},
    {
        "model": "dcim.site",
        "pk": 1,
        "fields": {"name": "S", "slug": "s", "tenant": 1, "status": "active"},
    },
]


def test_a_file_of_another_program(client: Client, wave: int) -> None:
    query = "name=netbox.json&tenant=T=U-mib&division=450102"
    told = send(client, json.dumps(FIXTURE), query).json()
    assert told["format"] == "netbox"
    assert {row["sheet"] for row in told["accounts"]} == {"tenancy.tenant", "dcim.site"}
    assert sum(sum(of.values()) for of in told["outcomes"].values()) == 2
    bad = send(client, json.dumps(FIXTURE), "name=netbox.json&format=rvtools").json()
    assert bad["code"] == "foreign.format_unknown"
    bad = send(client, json.dumps(FIXTURE), "name=netbox.json&tenant=T").json()
    assert bad["code"] == "foreign.tenant_bad"


@pytest.mark.parametrize(
    ("content", "query", "status", "code"),
    [
        ("", "name=机房.csv", 422, "estate.file_empty"),
        ("x", "name=机房.xlsx", 422, "estate.file_type"),
        ("x", "name=a.csv", 422, "estate.sheet_unnamed"),
        ("x", "name=a.csv&sheet=none", 422, "estate.sheet_missing"),
        ("x", "name=a.exe", 422, "api.request_bad"),
        ("x", "name=../a.csv", 422, "api.request_bad"),
        ("x", "name=a%00.csv", 422, "api.request_bad"),
        ("x", f"name={'云' * 60}.csv", 422, "api.request_bad"),
        ("x", f"name={'云' * 55}.csv", 422, "estate.sheet_unnamed"),
        ("x", "", 422, "api.request_bad"),
        ("x", "name=机房.csv&mode=some", 422, "api.request_bad"),
    ],
)
def test_files_that_cannot_be_read(
    client: Client, wave: int, content: str, query: str, status: int, code: str
) -> None:
    answer = send(client, content, query)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def chunks(count: int, sent: list[int]) -> Callable[[], Any]:
    """A body without a length, and how much of it was taken."""

    async def body() -> Any:
        for _ in range(count):
            sent.append(1000)
            yield b"x" * 1000

    return body


def test_a_file_too_large_is_refused_before_it_is_read(
    client: Client, wave: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoints_files, "MAX_BYTES", 4_000)
    answer = send(client, b"x" * 4_001)
    assert (answer.status_code, answer.json()["code"]) == (413, "estate.file_large")
    sent: list[int] = []
    answer = client.ask("POST", "/api/v1/estate/imports?name=机房.csv", content=chunks(100, sent)())
    assert answer.status_code == 413
    assert len(sent) < 10


def test_a_file_that_unpacks_to_too_much(
    client: Client, wave: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = client.get("/estate/export.xlsx").content
    monkeypatch.setattr(files, "MAX_UNPACKED_BYTES", 4_000)
    answer = send(client, book, "name=register.xlsx&format=workbook")
    assert (answer.status_code, answer.json()["code"]) == (422, "estate.file_large")


def test_who_may_not_write_sends_nothing(client: Client, wave: int) -> None:
    engineer = Client(client.app, make_token("sun", ["engineer"]))
    sent: list[int] = []
    answer = engineer.ask(
        "POST", "/api/v1/estate/imports?name=机房.csv", content=chunks(100, sent)()
    )
    assert answer.status_code == 403
    assert sent == []


def test_nothing_of_an_upload_is_left(
    client: Client, wave: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    send(client, HEAD + BAD, path="imports/bad-rows")
    send(client, HEAD + BAD)
    send(client, "x", "name=机房.xlsx")
    assert client.get("/estate/export.xlsx").status_code == 200
    assert list(folder.iterdir()) == []


def test_a_check_writes_no_batch(client: Client, wave: int) -> None:
    send(client, HEAD + GOOD)
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(ImportBatch)) == 0


def test_overlaps_with_other_networks_are_told_as_notes(client: Client) -> None:
    told = send(client, DEMO.read_bytes(), "name=r.xlsx").json()
    assert told["errors"] == 0
    assert {note["severity"] for note in told["notes"]} == {"info"}
    assert "192.168.10.0/24" in str(told["notes"])
