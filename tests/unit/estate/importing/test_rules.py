"""Every rule has a fault that only it finds; k planted faults are exactly k findings."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.unit.estate.books import Cells, save, set_cell
from tests.unit.estate.whole import (
    check_cells,
    load_whole,
    whole_cells,
    whole_rows,
    write_whole,
)
from yunzhang import texts
from yunzhang.estate import service
from yunzhang.estate.importing.set_rules import MAX_DUTIES
from yunzhang.estate.workbooks.report import ImportReport
from yunzhang.estate.workbooks.sheets import BY_TITLE, SHEETS
from yunzhang.units.scope import SYSTEM

# sheet, row, column, what is written there, the code expected, its severity
PLANTED: list[tuple[str, int, str, Any, str, str]] = [
    ("单位", 4, "统一社会信用代码", whole_rows()["units"][0]["uscc"], "uscc_twice", "error"),
    ("单位", 4, "单位名称", "数据局", "name_similar", "warning"),
    ("人员", 3, "姓名", "", "required", "error"),
    ("人员", 3, "单位编号", "zzz", "reference_unknown", "error"),
    ("人员", 3, "联系电话", "无", "phone_bad", "error"),
    ("机房", 3, "计划停用年份", 2009, "retired_before_built", "error"),
    ("机房", 3, "已用机柜", 21, "racks_over", "warning"),
    ("业务专网", 3, "计划停用年份", "很快", "year_bad", "error"),
    ("业务专网", 3, "计划时间", "下月", "date_bad", "error"),
    ("业务专网", 3, "等保级别", "三级", "filing_missing", "warning"),
    ("业务专网", 3, "年运维经费(万元)", 0, "cost_zero", "warning"),
    ("专网片区", 3, "VLAN", 4095, "number_range", "error"),
    ("专网片区", 3, "地址域编号", "zzz", "reference_unknown", "error"),
    ("地址段", 4, "地址段", "2001:db8:1::/64", "public_inside", "warning"),
    ("地址段", 4, "专网片区编号", "zzz", "reference_unknown", "error"),
    ("地址范围", 3, "结束地址", "10.1.0.10", "range_reversed", "error"),
    ("地址范围", 3, "结束地址", "fd00::1", "range_reversed", "error"),
    ("地址范围", 3, "起始地址", "10.1.0", "address_bad", "error"),
    ("线路", 3, "带宽(Mbps)", "很快", "bandwidth_bad", "error"),
    ("线路", 3, "带宽(Mbps)", "", "required", "error"),
    ("线路", 3, "带宽(Mbps)", 1_000_000, "bandwidth_doubtful", "warning"),
    ("线路", 3, "运营商", "长城", "choice_bad", "error"),
    ("线路", 3, "替代线路编号", "c1", "parent_cycle", "error"),
    ("线路", 3, "合同到期日", "2026-02-30", "date_bad", "error"),
    ("互联网出口", 4, "运营商", "", "required", "error"),
    ("互联网出口", 4, "带宽(Mbps)", "", "required", "error"),
    ("互联网出口", 3, "公网地址段", "192.0.2.0/24、10.0.0.0/24", "egress_private", "warning"),
    ("互联网出口", 3, "公网地址段", "192.0.2.1/24", "host_bits", "error"),
    ("互联网出口", 4, "并入的出口编号", "e2", "target_itself", "error"),
    ("互联网出口", 3, "等保级别", "S3A3G3", "filing_missing", "warning"),
    ("云平台", 4, "子云长单位编号", "zzz", "reference_unknown", "error"),
    ("云平台", 3, "vCPU超分比(%)", 50, "number_range", "error"),
    ("云平台", 4, "vCPU容量", 11, "capacity_over", "warning"),
    ("云平台", 4, "并入的云平台编号", "sub", "target_itself", "error"),
    ("信息系统", 3, "意见有效期至", "2027年", "date_bad", "error"),
    ("虚拟机", 3, "平台UUID", "1234", "uuid_bad", "error"),
    ("虚拟机", 4, "平台UUID", "11111111-2222-4333-8444-555555555555", "uuid_twice", "error"),
    ("虚拟机", 3, "电源状态", "待机", "choice_bad", "error"),
    ("磁盘", 3, "大小(GiB)", 0, "number_range", "error"),
    ("磁盘", 3, "虚拟机编号", "zzz", "reference_unknown", "error"),
    ("网卡", 3, "MAC地址", "fa:16:3e", "mac_bad", "error"),
    ("网卡", 4, "MAC地址", "FA-16-3E-00-00-01", "mac_twice", "warning"),
    ("网卡", 3, "地址", "10.1.0.256", "address_bad", "error"),
    ("依赖", 3, "类型", "必须", "choice_bad", "error"),
    ("责任分工", 3, "对象编号", "zzz", "reference_unknown", "error"),
    ("责任分工", 3, "人员编号", "zzz", "reference_unknown", "error"),
    ("责任分工", 4, "离任日期", "2023-01-01", "dates_reversed", "error"),
    ("责任分工", 3, "对象类型", "车辆", "choice_bad", "error"),
    ("运维经费", 3, "对象编号", "zzz", "reference_unknown", "error"),
    ("运维经费", 3, "决算(万元)", 0, "cost_zero", "warning"),
    ("运维经费", 3, "年度", "明年", "year_bad", "error"),
    ("运维经费", 3, "预算(万元)", "#VALUE!", "cell_error", "error"),
]
# Where a finding stands when it is not where the fault was planted.
ELSEWHERE = {"capacity_over": ("虚拟机", 3, "云平台编号")}
MISSING = {"filing_missing": "等保备案号"}


def found(report: ImportReport) -> list[tuple[str, int, str, str, str]]:
    return [(f.sheet, f.row, f.column, f.code, f.severity) for f in report.faults]


def expected(planted: tuple[str, int, str, Any, str, str]) -> tuple[str, int, str, str, str]:
    sheet, row, column, _, code, severity = planted
    place = ELSEWHERE.get(code, (sheet, row, MISSING.get(code, column)))
    return (*place, code, severity)


@pytest.mark.parametrize("planted", PLANTED, ids=[f"{p[0]}-{p[2]}-{p[4]}" for p in PLANTED])
def test_one_planted_fault_is_one_finding(
    session: Session, tmp_path: Path, planted: tuple[str, int, str, Any, str, str]
) -> None:
    cells = whole_cells(tmp_path)
    set_cell(cells, *planted[:4])
    report = check_cells(session, tmp_path, cells)
    assert found(report) == [expected(planted)]
    for language in texts.LANGUAGES:
        with texts.in_language(language):
            assert report.faults[0].message
            assert report.faults[0].suggestion


def test_faults_are_planted_in_every_sheet() -> None:
    # the first sheets of all have their faults in test_import
    assert {sheet.title for sheet in SHEETS} - {p[0] for p in PLANTED} <= {"地址域"}


def faults_for(random: Random) -> list[tuple[str, int, str, Any, str, str]]:
    """Some of the planted faults, no two on one row, that do not touch each other's rows."""
    alone = {"parent_cycle", "uscc_twice", "uuid_twice", "mac_twice", "capacity_over",
             "name_similar"}  # fmt: skip
    chosen: dict[tuple[str, int], tuple[str, int, str, Any, str, str]] = {}
    for planted in random.sample(PLANTED, len(PLANTED)):
        if planted[4] not in alone:
            chosen.setdefault(planted[:2], planted)
    kept = list(chosen.values())
    return random.sample(kept, random.randrange(2, len(kept)))


@pytest.mark.parametrize("seed", range(12))
def test_k_planted_faults_are_k_findings(session: Session, tmp_path: Path, seed: int) -> None:
    cells = whole_cells(tmp_path)
    planted = faults_for(Random(seed))
    for fault in planted:
        set_cell(cells, *fault[:4])
    assert sorted(found(check_cells(session, tmp_path, cells))) == sorted(map(expected, planted))


def test_k_faults_in_many_rows_are_k_findings(session: Session, tmp_path: Path) -> None:
    """Every column of every sheet, one unreadable cell a row, in a file of hundreds of rows."""
    random, rows = Random(7), whole_rows()
    unreadable = {"integer": "许多", "year": "近年", "date": "某日", "money": "不详",
                  "mlps": "九级", "yesno": "也许", "choice": "无此项", "bandwidth": "快",
                  "mac": "甲", "uuid": "甲", "address": "甲", "addresses": "甲", "cidrs": "甲",
                  "phone": "甲", "uscc": "甲", "division": "甲", "cidr": "甲"}  # fmt: skip
    cells = whole_cells(tmp_path)
    planted = []
    for title, lines in cells.items():
        sheet = BY_TITLE[title]
        if not sheet.coded or sheet.key in {"units", "platforms", "egresses", "circuits"}:
            continue
        for number, column in enumerate(sheet.columns):
            line = list(lines[2])
            line[0] = f"x{number}"
            if column.kind in unreadable and column.key != "classified":
                if sheet.key == "workloads":
                    line = [cell if c.required else "" for cell, c in
                            zip(line, sheet.columns, strict=True)]  # fmt: skip
                line[number] = unreadable[column.kind]
                planted.append((title, len(lines) + 1, column.header))
            elif sheet.key == "workloads":
                line = [cell if c.required else "" for cell, c in
                        zip(line, sheet.columns, strict=True)]  # fmt: skip
            lines.append(line)
    random.shuffle(planted)
    report = check_cells(session, tmp_path, cells)
    assert rows
    assert sorted((f.sheet, f.row, f.column) for f in report.faults) == sorted(planted)
    assert len(planted) > 30


def test_a_median_tells_doubtful_costs(session: Session, tmp_path: Path) -> None:
    rows = whole_rows()
    base = rows["networks"][0]
    rows["networks"] = [base | {"code": f"n{n}", "opex_fen": 10_000_000} for n in range(1, 6)]
    rows["networks"][4]["opex_fen"] = 100_000_001
    report = service.check_workbook(session, SYSTEM, write_whole(tmp_path / "a.xlsx", rows))
    assert [(f.row, f.code) for f in report.faults] == [(7, "cost_high")]
    rows["networks"][4]["opex_fen"] = 100_000_000
    report = service.check_workbook(session, SYSTEM, write_whole(tmp_path / "a.xlsx", rows))
    assert report.faults == []


def test_nobody_answers_for_too_much(session: Session, tmp_path: Path) -> None:
    rows = whole_rows()
    duty = rows["responsibilities"][0]
    rows["responsibilities"] += [
        duty | {"valid_from": date(2020, 1, 1 + day)} for day in range(MAX_DUTIES)
    ]
    report = service.check_workbook(session, SYSTEM, write_whole(tmp_path / "a.xlsx", rows))
    assert [(f.sheet, f.code) for f in report.faults] == [("责任分工", "duties_many")]
    rows["responsibilities"].pop()
    load_whole(session, tmp_path)
    assert service.import_workbook(
        session, SYSTEM, write_whole(tmp_path / "a.xlsx", rows), "all"
    ).faults == []  # fmt: skip
    # what is stored already counts too, and the same row is not counted twice
    assert service.check_workbook(session, SYSTEM, tmp_path / "a.xlsx").faults == []
    rows["responsibilities"] = [duty | {"valid_from": date(2021, 1, 1)}]
    report = service.check_workbook(session, SYSTEM, write_whole(tmp_path / "b.xlsx", rows))
    assert [f.code for f in report.faults] == ["duties_many"]


def test_capacity_counts_what_is_stored_once(session: Session, tmp_path: Path) -> None:
    load_whole(session, tmp_path)
    cells = whole_cells(tmp_path)
    set_cell(cells, "云平台", 4, "vCPU容量", 12)
    assert check_cells(session, tmp_path, cells).faults == []
    set_cell(cells, "虚拟机", 3, "vCPU", 5)
    report = check_cells(session, tmp_path, cells)
    assert [(f.code, f.values["total"], f.values["room"]) for f in report.faults] == [
        ("capacity_over", 13, 12)
    ]
    set_cell(cells, "云平台", 4, "vCPU超分比(%)", 200)
    assert check_cells(session, tmp_path, cells).faults == []


def test_a_code_is_checked_on_the_day_it_is_meant_for(session: Session, tmp_path: Path) -> None:
    rows = whole_rows()
    rows["sites"][0]["division_code"] = "450127"  # 横县, until 2021-02-02
    path = write_whole(tmp_path / "a.xlsx", rows)
    report = service.check_workbook(session, SYSTEM, path)
    assert [(f.code, f.values["now"]) for f in report.faults] == [("division_ended", "450181")]
    before = date(2021, 2, 2)
    assert service.import_workbook(session, SYSTEM, path, "all", day=before).faults == []
    # and what was right when it was written is not wrong when it comes back
    assert service.check_workbook(session, SYSTEM, path).faults == []
    rows["sites"][0]["division_code"] = "450181"
    path = write_whole(tmp_path / "a.xlsx", rows)
    report = service.check_workbook(session, SYSTEM, path, day=before)
    assert [f.code for f in report.faults] == ["division_ended"]


@pytest.mark.parametrize("header", ["是否涉密", "网络区域"])
@pytest.mark.parametrize("title", ["业务专网", "信息系统", "线路", "互联网出口", "云平台", "机房"])
def test_classified_rows_of_every_sheet_are_only_counted(
    session: Session, tmp_path: Path, title: str, header: str
) -> None:
    cells: Cells = whole_cells(tmp_path)
    if header not in [str(cell).rstrip("*") for cell in cells[title][0]]:
        return
    cells[title].append(list(cells[title][-1]))
    row = len(cells[title])
    set_cell(cells, title, row, "编号", "secret-9")
    set_cell(cells, title, row, header, "是" if header == "是否涉密" else "政务内网")
    path = save(tmp_path / "b.xlsx", cells)
    bad = tmp_path / "bad.xlsx"
    report = service.import_workbook(session, SYSTEM, path, "good", bad=bad)
    assert [(f.sheet, f.row, f.code) for f in report.faults] == [(title, row, "classified")]
    assert sum(report.excluded.values()) == 1
    assert "secret-9" not in f"{report}"
    assert report.written
