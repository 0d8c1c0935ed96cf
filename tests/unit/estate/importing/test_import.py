"""Import: every fault of every row at once, nothing else; what is written is exactly the good."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.orm import Session

from tests.unit.estate.books import (
    BAD,
    DEMO,
    Cells,
    column_of,
    demo_cells,
    load_demo,
    save,
    set_cell,
    stored,
)
from tests.unit.estate.whole import load_whole
from yunzhang import audit, texts
from yunzhang.audit import AuditEntry
from yunzhang.errors import Conflict, Forbidden, InputError
from yunzhang.estate import repository, service
from yunzhang.estate.changes.models import ChangeLog, ImportBatch
from yunzhang.estate.models import InfoSystem, Prefix, Workload
from yunzhang.estate.workbooks.files import RawFile, RawSheet
from yunzhang.estate.workbooks.report import ImportReport
from yunzhang.estate.workbooks.sheets import BY_KEY
from yunzhang.units.models import Unit
from yunzhang.units.scope import SYSTEM, Principal

# sheet, row, column, what is written there, the code expected. Row 3 is the first of data.
PLANTED: list[tuple[str, int, str, Any, str]] = [
    ("单位", 3, "单位名称", "", "required"),
    ("单位", 4, "统一社会信用代码", "91350100M000100Y44", "uscc_check"),
    ("单位", 4, "行政区划代码", "459999", "division_unknown"),
    ("单位", 4, "行政区划代码", "450127", "division_ended"),
    ("单位", 4, "层级", "地市", "choice_bad"),
    ("单位", 4, "上级单位编号", "hrss", "parent_cycle"),
    ("单位", 4, "上级单位编号", "nobody", "reference_unknown"),
    ("机房", 3, "机柜总数", "许多", "number_bad"),
    ("业务专网", 3, "单位编号", "hrs", "reference_similar"),
    ("地址域", 3, "业务专网编号", "zzz", "reference_unknown"),
    ("地址段", 3, "地址段", "192.168.10.9/24", "host_bits"),
    ("地址段", 4, "地址段", "192.168.10.128/25", "leaf_overlap"),
    ("地址段", 5, "角色", "", "required"),
    ("云平台", 4, "上级云平台编号", "", "parent_missing"),
    ("云平台", 4, "上级云平台编号", "legacy", "parent_cycle"),
    ("虚拟机", 3, "vCPU", "0", "number_range"),
    ("虚拟机", 3, "信息系统编号", "zzz", "reference_unknown"),
    ("虚拟机", 3, "云平台编号", "zzz", "reference_unknown"),
    ("虚拟机", 3, "地址域编号", "zzz", "reference_unknown"),
    ("虚拟机", 3, "地址域编号", "", "domain_missing"),
    ("虚拟机", 3, "网络名称", "hrss-lan", "network_unknown"),
    ("虚拟机", 3, "地址", "192.168.20.11", "address_outside"),
    ("虚拟机", 3, "地址", "192.168.10.11、192.168.10.99", "addresses_unpaired"),
    ("依赖", 3, "目标虚拟机编号", "hrss-web", "depends_on_itself"),
    ("依赖", 3, "端口", "70000", "number_range"),
]


def check(session: Session, path: Path) -> ImportReport:
    return service.check_workbook(session, SYSTEM, path)


def found(report: ImportReport) -> list[tuple[str, int, str, str]]:
    return [(fault.sheet, fault.row, fault.column, fault.code) for fault in report.faults]


@pytest.mark.parametrize(("sheet", "row", "column", "value", "code"), PLANTED)
def test_one_planted_fault_is_one_finding(
    session: Session, tmp_path: Path, sheet: str, row: int, column: str, value: str, code: str
) -> None:
    cells = demo_cells()
    set_cell(cells, sheet, row, column, value)
    report = check(session, save(tmp_path / "book.xlsx", cells))
    # what names the broken row is held back, not called wrong
    assert found(report) == [(sheet, row, column, code)]
    for language in texts.LANGUAGES:
        with texts.in_language(language):
            assert report.faults[0].message
            assert report.faults[0].suggestion


def test_a_key_given_twice_is_one_finding_on_the_second(session: Session, tmp_path: Path) -> None:
    cells = demo_cells()
    cells["单位"].append(list(cells["单位"][2]))
    cells["依赖"].append(list(cells["依赖"][2]))
    report = check(session, save(tmp_path / "book.xlsx", cells))
    assert [(fault.sheet, fault.row, fault.code) for fault in report.faults] == [
        ("单位", 6, "key_twice"), ("依赖", 8, "key_twice"),
    ]  # fmt: skip


def test_many_faults_are_found_in_one_pass(session: Session, tmp_path: Path) -> None:
    cells = demo_cells()
    planted = [
        ("单位", 5, "层级", "州", "choice_bad"),
        ("机房", 3, "行政区划代码", "459999", "division_unknown"),
        ("地址段", 3, "角色", "大段", "choice_bad"),
        ("云平台", 3, "存储容量(GiB)", "-5", "number_range"),
        ("信息系统", 3, "等保级别", "五级", "mlps_bad"),
        ("虚拟机", 8, "内存(MiB)", "", "required"),
        ("依赖", 7, "端口", "x", "number_bad"),
    ]
    for sheet, row, column, value, _ in planted:
        set_cell(cells, sheet, row, column, value)
    report = check(session, save(tmp_path / "book.xlsx", cells))
    assert found(report) == [(s, r, c, code) for s, r, c, _, code in planted]


def test_import_twice_changes_nothing(session: Session) -> None:
    first = load_demo(session)
    assert first.counts["workloads"]["create"] == 6
    before = stored(session)
    again = service.import_workbook(session, SYSTEM, DEMO, "all")
    session.commit()
    assert {change.action for change in again.changes} == {"unchanged"}
    assert stored(session) == before
    assert set(session.scalars(select(Workload.revision))) == {1}
    batches = session.scalars(select(ImportBatch)).all()
    assert [batch.file_sha256 for batch in batches] == [first.file_sha256] * 2
    assert audit.verify(session) is None
    acts = session.scalars(select(AuditEntry.act).where(AuditEntry.noun == "register")).all()
    assert list(acts) == ["import", "import"]


def test_a_change_is_shown_then_written_once(session: Session, tmp_path: Path) -> None:
    load_demo(session)
    cells = demo_cells()
    set_cell(cells, "虚拟机", 3, "内存(MiB)", 256)
    set_cell(cells, "虚拟机", 3, "地址", "192.168.10.14")
    set_cell(cells, "业务专网", 3, "年运维经费(万元)", 12.5)
    path = save(tmp_path / "book.xlsx", cells)
    changes = [c for c in check(session, path).changes if c.action != "unchanged"]
    assert [(c.sheet, c.row, c.key, c.action) for c in changes] == [
        ("networks", 3, "hrss-wan", "update"),
        ("workloads", 3, "hrss-web", "update"),
    ]
    assert changes[0].diff == {"opex_fen": (None, 12_500_000)}
    assert changes[1].diff == {
        "ram_mib": (192, 256),
        "addresses": (["192.168.10.11"], ["192.168.10.14"]),
    }
    service.import_workbook(session, SYSTEM, path, "all")
    session.commit()
    session.expire_all()
    row = session.scalars(select(Workload).where(Workload.code == "hrss-web")).one()
    assert (row.ram_mib, row.addresses, row.revision) == (256, ["192.168.10.14"], 2)
    assert {c.action for c in check(session, path).changes} == {"unchanged"}


def test_what_somebody_else_changed_first_is_not_overwritten(session: Session) -> None:
    load_demo(session)
    seen = repository.current_rows(session, "units", [("hrss",), ("mib",)])
    rows = [
        {"id": row["id"], "revision": row["revision"], "name": "新名称"} for row in seen.values()
    ]
    session.execute(update(Unit).where(Unit.code == "mib").values(revision=2))
    with pytest.raises(Conflict) as caught:
        repository.update_rows(session, "units", rows)
    assert caught.value.code == "estate.changed_meanwhile"


def test_all_mode_writes_nothing_when_anything_is_wrong(session: Session, tmp_path: Path) -> None:
    cells = demo_cells()
    set_cell(cells, "依赖", 7, "端口", "x")
    path = save(tmp_path / "book.xlsx", cells)
    report = service.import_workbook(session, SYSTEM, path, "all")
    session.commit()
    assert not report.written
    assert not any(stored(session).values())
    assert session.scalars(select(ImportBatch)).all() == []


def test_good_mode_holds_back_what_names_a_bad_row(session: Session, tmp_path: Path) -> None:
    cells = demo_cells()
    set_cell(cells, "信息系统", 4, "网络区域", "某区")  # mib-pay
    path = save(tmp_path / "book.xlsx", cells)
    report = service.import_workbook(session, SYSTEM, path, "good")
    session.commit()
    assert report.errors == 1
    actions = {(c.sheet, c.key): c.action for c in report.changes}
    assert actions["systems", "mib-pay"] == "bad"
    assert actions["workloads", "mib-app"] == "held"
    assert actions["dependencies", "mib-app/hrss-app/8080"] == "held"
    assert [row["code"] for row in stored(session)["workloads"]] == [
        "hrss-app", "hrss-db", "hrss-web",
    ]  # fmt: skip
    assert len(stored(session)["dependencies"]) == 2


def test_good_mode_holds_workloads_of_a_bad_prefix(session: Session, tmp_path: Path) -> None:
    cells = demo_cells()
    set_cell(cells, "地址段", 4, "地址段", "192.168.20.1/24")  # hrss-store
    report = service.import_workbook(session, SYSTEM, save(tmp_path / "b.xlsx", cells), "good")
    assert [fault.code for fault in report.faults] == ["host_bits"]
    held = {c.key for c in report.changes if c.sheet == "workloads" and c.action == "held"}
    assert held == {"hrss-db"}


def test_an_item_already_stored_may_be_named_though_its_row_is_bad(
    session: Session, tmp_path: Path
) -> None:
    load_demo(session)
    cells = demo_cells()
    set_cell(cells, "信息系统", 4, "网络区域", "某区")
    report = check(session, save(tmp_path / "book.xlsx", cells))
    assert [c.action for c in report.changes if c.sheet == "workloads"] == ["unchanged"] * 6


def test_classified_rows_are_counted_and_nothing_is_kept(session: Session, tmp_path: Path) -> None:
    cells = demo_cells()
    cells["信息系统"].append([""] * len(cells["信息系统"][0]))
    for header, value in (("编号", "secret-9"), ("系统名称", "某某机要系统"),
                          ("单位编号", "mib"), ("是否涉密", "是")):  # fmt: skip
        set_cell(cells, "信息系统", 5, header, value)
    report = service.import_workbook(session, SYSTEM, save(tmp_path / "b.xlsx", cells), "good")
    session.commit()
    assert report.excluded == {"mib": 1}
    assert found(report) == [("信息系统", 5, "是否涉密", "classified")]
    batch = session.scalars(select(ImportBatch)).one()
    assert batch.excluded == {"mib": 1}
    entries = session.scalars(select(AuditEntry)).all()
    told = f"{report} {batch.counts} {[entry.details for entry in entries]} {stored(session)}"
    assert "secret-9" not in told
    assert "机要" not in told
    assert session.scalars(select(InfoSystem.code)).all() == ["hrss-jobs", "mib-pay"]


def test_leaves_overlap_with_what_is_stored(session: Session, tmp_path: Path) -> None:
    load_demo(session)
    path = tmp_path / "地址段.csv"
    path.write_text(
        "地址域编号,地址段,角色\nhrss,192.168.10.0/25,网段\nhrss,192.168.0.0/16,汇总段\n"
        "mib,192.168.20.0/24,网段\n",
        "utf-8",
    )
    report = check(session, path)
    assert found(report) == [("地址段", 2, "地址段", "leaf_overlap_stored")]
    assert [c.action for c in report.changes] == ["bad", "create", "create"]


def test_settled_items_are_not_changed_by_import(session: Session, tmp_path: Path) -> None:
    load_demo(session)
    session.execute(update(Unit).where(Unit.code == "mib").values(state="verified"))
    session.commit()
    assert check(session, DEMO).errors == 0
    cells = demo_cells()
    set_cell(cells, "单位", 5, "单位名称", "医保局")
    report = check(session, save(tmp_path / "book.xlsx", cells))
    assert found(report) == [("单位", 5, "编号", "row_locked")]


def _rename(cells: Cells) -> None:
    cells["杂项"] = cells.pop("依赖")


def _add_column(cells: Cells) -> None:
    cells["依赖"][0].append("协议")


def _double_column(cells: Cells) -> None:
    cells["依赖"][0].append("端口")


def _drop_column(cells: Cells) -> None:
    place = column_of(cells, "依赖", "类型")
    for row in cells["依赖"]:
        del row[place]


@pytest.mark.parametrize(
    ("spoil", "code", "sheet"),
    [(_rename, "sheet_unknown", "杂项"), (_add_column, "column_unknown", "依赖"),
     (_double_column, "column_twice", "依赖"), (_drop_column, "column_missing", "依赖")],
)  # fmt: skip
def test_headers_are_never_guessed(
    session: Session, tmp_path: Path, spoil: Callable[[Cells], None], code: str, sheet: str
) -> None:
    cells = demo_cells()
    spoil(cells)
    report = service.import_workbook(session, SYSTEM, save(tmp_path / "b.xlsx", cells), "good")
    assert [(fault.code, fault.sheet) for fault in report.faults] == [(code, sheet)]
    assert stored(session)["dependencies"] == []
    assert len(stored(session)["workloads"]) == 6


def test_missing_optional_columns_take_defaults_and_keep_what_is_stored(
    session: Session, tmp_path: Path
) -> None:
    load_demo(session)
    path = tmp_path / "workloads.csv"
    path.write_text(
        "编号,名称,信息系统编号,单位编号,云平台编号,vCPU,内存(MiB),系统盘(GiB)\n"
        "hrss-app,hrss-app,hrss-jobs,hrss,legacy,2,192,1\nnew,new,hrss-jobs,hrss,legacy,1,1,1\n",
        "utf-8-sig",
    )
    service.import_workbook(session, SYSTEM, path, "all")
    session.commit()
    rows = {row.code: row for row in session.scalars(select(Workload))}
    assert (rows["hrss-app"].vcpu, rows["hrss-app"].data_gib) == (2, 1)
    assert rows["hrss-app"].addresses == ["192.168.10.12"]
    assert (rows["new"].data_gib, rows["new"].addresses, rows["new"].domain_code) == (0, [], None)


@pytest.mark.parametrize(
    ("name", "code"),
    [("wrong_type.xlsx", "estate.file_type"), ("empty_sheet.xlsx", "estate.file_empty")],
)
def test_files_that_are_no_register(session: Session, name: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        check(session, BAD / name)
    assert caught.value.code == code
    assert caught.value.hint


@pytest.mark.parametrize(
    ("name", "faults"),
    [
        ("full_width-prefixes.csv", []),
        ("gb18030-systems.csv", []),
        ("host_bits-prefixes.csv", [("地址段", 2, "地址段", "host_bits")]),
        ("unknown_column-prefixes.csv", [("地址段", 1, "网关", "column_unknown")]),
        ("unknown_network-workloads.csv", [("虚拟机", 2, "网络名称", "network_unknown")]),
    ],
)
def test_shipped_bad_files(session: Session, name: str, faults: list[Any]) -> None:
    load_demo(session)
    assert found(check(session, BAD / name)) == faults


def test_normalised_rows_are_stored_plain(session: Session) -> None:
    load_demo(session)
    service.import_workbook(session, SYSTEM, BAD / "full_width-prefixes.csv", "all")
    service.import_workbook(session, SYSTEM, BAD / "gb18030-systems.csv", "all")
    session.commit()
    rows = session.scalars(select(Prefix).where(Prefix.network_name.like("hrss-new%"))).all()
    assert [row.cidr for row in rows] == ["192.168.30.0/24", "192.168.31.0/24", "192.168.32.0/23"]
    assert (rows[2].lo, rows[2].hi) == ("0" * 24 + "c0a82000", "0" * 24 + "c0a821ff")
    card = session.scalars(select(InfoSystem).where(InfoSystem.code == "hrss-card")).one()
    assert (card.name, card.mlps_level, card.note) == ("社会保障卡管理系统", 3, "镕圳")


def test_queries_grow_with_sheets_not_rows(session: Session, tmp_path: Path) -> None:
    statements: list[str] = []

    def note(_c: Any, _u: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    bind = session.get_bind()
    event.listen(bind, "before_cursor_execute", note)
    try:
        load_whole(session, tmp_path)  # a row or two in every sheet
        small = len(statements)
        statements.clear()
        province = DEMO.parents[1] / "example" / "province.xlsx"
        report = service.import_workbook(session, SYSTEM, province, "all")
    finally:
        event.remove(bind, "before_cursor_execute", note)
    assert report.written
    # large inserts are sent in a few batches, so a little more than the small file's
    assert len(statements) < small + 20


def test_reviewers_import_nothing(session: Session) -> None:
    reviewer = Principal("li", frozenset({"reviewer"}), 1)
    with pytest.raises(Forbidden):
        service.import_workbook(session, reviewer, DEMO, "all")
    with pytest.raises(Forbidden):
        service.check_workbook(session, reviewer, DEMO)


def test_a_bad_row_said_whose_a_network_is(session: Session, tmp_path: Path) -> None:
    """What hangs on the network was logged as of the unit that its refused row named."""
    load_whole(session, tmp_path)
    network = {"code": "n1", "name": "x", "unit_code": "u1", "reach": "?", "ministry_run": "否",
               "zone": "专网区", "classified": "否"}  # fmt: skip
    domain = {"code": "d2", "name": "x", "network_code": "n1"}
    sheets = [
        RawSheet(BY_KEY[key].title, [list(row), list(row.values())])
        for key, row in (("networks", network), ("domains", domain))
    ]
    report = service.import_raw(session, SYSTEM, RawFile("f", "1" * 64, sheets), "good")
    assert report.counts["domains"]["create"] == 1
    logged = select(ChangeLog.unit_code).where(ChangeLog.key == "d2")
    assert session.scalars(logged).all() == ["u2"]


def test_a_locked_leaf_gave_way_to_a_leaf_inside_it(session: Session, tmp_path: Path) -> None:
    load_whole(session, tmp_path)
    session.execute(update(Prefix).values(state="submitted"))
    rows = [["domain_code", "cidr", "role"], ["d1", "10.1.0.0/22", "汇总段"],
            ["d1", "10.1.1.0/24", "网段"]]  # fmt: skip
    raw = RawFile("f", "1" * 64, [RawSheet("地址段", rows)])
    report = service.import_raw(session, SYSTEM, raw, "good")
    assert [(f.row, f.code) for f in report.faults] == [
        (2, "row_locked"), (3, "leaf_overlap_stored"),
    ]  # fmt: skip
