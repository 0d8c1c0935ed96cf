"""Nothing of a classified item is kept, nor of what belongs to it; it is only counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.unit.estate.whole import load_whole
from yunzhang import clock
from yunzhang.audit import AuditEntry
from yunzhang.estate import service
from yunzhang.estate.changes.models import ChangeLog, ImportBatch, ImportRow
from yunzhang.estate.workbooks import bad_rows
from yunzhang.estate.workbooks.files import RawFile, RawSheet, read_file
from yunzhang.estate.workbooks.report import ImportReport
from yunzhang.estate.workbooks.sheets import BY_KEY
from yunzhang.units.scope import SYSTEM

SECRET = "SECRETNET"


def network(code: str, classified: str = "否", **more: Any) -> dict[str, Any]:
    return {"code": code, "name": code, "unit_code": "u2", "reach": "市", "ministry_run": "否",
            "zone": "专网区", "classified": classified, **more}  # fmt: skip


def bring(
    session: Session,
    merged: list[tuple[tuple[int, int], tuple[int, int]]] | None = None,
    **sheets: list[dict[str, Any]],
) -> ImportReport:
    """Import rows as one file, the good ones."""
    raw = []
    for key, rows in sheets.items():
        names = list(rows[0])
        cells = [[row.get(name, "") for name in names] for row in rows]
        raw.append(RawSheet(BY_KEY[key].title, [names, *cells], merged or []))
    return service.import_raw(session, SYSTEM, RawFile("file", "0" * 64, raw), "good")


def traces(session: Session, report: ImportReport) -> str:
    """All that is kept or told of an import, as text."""
    kept: list[Any] = [
        session.execute(select(ImportRow.sheet, ImportRow.key)).all(),
        session.execute(select(ChangeLog.key, ChangeLog.before, ChangeLog.after)).all(),
        session.execute(select(AuditEntry.reference, AuditEntry.details)).all(),
        session.execute(select(ImportBatch.counts, ImportBatch.excluded)).all(),
    ]
    told = [(f.message, f.suggestion, f.values) for f in report.faults]
    return str(kept) + str(told) + str(report.changes)


def codes(report: ImportReport) -> list[tuple[str, int, str]]:
    return [(f.sheet, f.row, f.code) for f in report.faults if f.severity == "error"]


def test_what_belongs_to_a_classified_network_was_kept_by_its_key(
    session: Session, tmp_path: Path
) -> None:
    load_whole(session, tmp_path)
    report = bring(
        session,
        networks=[network(SECRET, "是"), network("open")],
        domains=[{"code": "SD", "name": "x", "network_code": SECRET}],
        prefixes=[{"domain_code": "SD", "cidr": "10.77.0.0/16", "role": "网段"}],
        opex=[{"unit_code": "u2", "object_sheet": "业务专网", "object_code": SECRET, "year": 2025}],
    )  # fmt: skip
    assert codes(report) == [
        ("业务专网", 2, "classified"), ("地址域", 2, "classified_named"),
        ("地址段", 2, "classified_named"), ("运维经费", 2, "classified_named"),
    ]  # fmt: skip
    assert report.excluded == {"": 2, "u2": 2}
    assert report.counts["networks"]["create"] == 1
    text = traces(session, report)
    assert [word for word in (SECRET, "SD", "10.77") if word in text] == []


def test_the_annotated_workbook_gives_nothing_of_it_back(session: Session, tmp_path: Path) -> None:
    load_whole(session, tmp_path)
    raw = RawFile("file", "0" * 64, [
        RawSheet("业务专网", [list(network(SECRET)), list(network(SECRET, "绝密").values()),
                          list(network("bad", reach="?").values())]),
        RawSheet("地址域", [["code", "name", "network_code"], ["SD", "x", SECRET]]),
    ])  # fmt: skip
    checked = service._import(session, SYSTEM, raw, "good", None, lambda *_: None)
    bad_rows.write_bad_rows(tmp_path / "bad.xlsx", checked.parsed, created=clock.now())
    text = str([sheet.rows for sheet in read_file(tmp_path / "bad.xlsx").sheets])
    assert "bad" in text
    assert [word for word in (SECRET, "SD") if word in text] == []


def test_a_merged_cell_spoke_for_its_first_row_alone(session: Session, tmp_path: Path) -> None:
    load_whole(session, tmp_path)
    rows = [network("a", "是"), network("b", ""), network("c", "")]
    place = list(rows[0]).index("classified")
    report = bring(session, [((1, place), (3, place))], networks=rows)
    assert report.excluded == {"u2": 3}
    assert {code for *_, code in codes(report)} == {"classified"}


@pytest.mark.parametrize(
    "row",
    [network("x", word) for word in ("涉密", "秘密", "机密", "绝密", "机密级")]
    + [network("x", zone=zone) for zone in ("政务内网", "政务内网（涉密）", "电子政务内网区")],
)
def test_other_words_for_classified(session: Session, tmp_path: Path, row: dict[str, Any]) -> None:
    load_whole(session, tmp_path)
    report = bring(session, networks=[row])
    assert codes(report) == [("业务专网", 2, "classified")]
    assert report.excluded == {"u2": 1}


def test_a_code_was_told_as_a_double_and_as_a_suggestion(session: Session, tmp_path: Path) -> None:
    load_whole(session, tmp_path)
    twice = bring(session, networks=[network(SECRET, "是"), network(SECRET, "是")])
    assert {code for *_, code in codes(twice)} == {"classified"}
    platform = {"name": "x", "unit_code": "u2", "kind": "子云", "technology": "kvm"}
    near = bring(
        session,
        platforms=[
            platform | {"code": SECRET, "parent_code": "gov", "classified": "是"},
            platform | {"code": "fine", "parent_code": "SECRETNEX", "classified": "否"},
        ],
    )
    assert codes(near)[-1] == ("云平台", 3, "reference_unknown")
    assert SECRET not in traces(session, near)


def test_what_is_stored_already_is_told(session: Session, tmp_path: Path) -> None:
    load_whole(session, tmp_path)
    report = bring(session, networks=[network("n1", "是")])
    assert [f.code for f in report.faults] == ["classified", "classified_stored"]
