"""Institutional reforms: all that a unit has goes along, in one transaction, and is logged."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from tests.unit.estate.books import set_cell, stored
from tests.unit.estate.whole import check_cells, load_whole, whole_cells
from yunzhang import audit
from yunzhang.audit import AuditEntry
from yunzhang.errors import Conflict, Forbidden, InputError, NotFound
from yunzhang.estate import service
from yunzhang.estate.changes.models import ChangeLog
from yunzhang.estate.changes.service import list_item_changes
from yunzhang.estate.example.province import invented_uscc
from yunzhang.estate.items import reform
from yunzhang.estate.models import Responsibility, Workload
from yunzhang.units.models import Person, Unit
from yunzhang.units.scope import SYSTEM, Principal

WANG = Principal("wang", frozenset({"operator"}), 1)


def unit(session: Session, code: str) -> Unit:
    session.expire_all()
    return session.scalars(select(Unit).where(Unit.code == code)).one()


def test_the_old_name_becomes_an_alias(session: Session, tmp_path: Path) -> None:
    load_whole(session, tmp_path)
    reform.rename_unit(session, WANG, "u1", "自治区数据管理局", dry_run=True)
    assert unit(session, "u1").name == "自治区数据局"
    reform.rename_unit(session, WANG, "u1", "自治区数据管理局", reason="桂编〔2026〕3号")
    session.commit()
    renamed = unit(session, "u1")
    assert (renamed.name, renamed.aliases) == ("自治区数据管理局", ["数据局", "自治区数据局"])
    change = list_item_changes(session, SYSTEM, "units", "u1").items[0]
    assert (change.act, change.reason) == ("rename", "桂编〔2026〕3号")
    with pytest.raises(Conflict):
        reform.rename_unit(session, WANG, "u1", "自治区数据管理局")
    reform.rename_unit(session, WANG, "u1", "自治区数据局")
    assert unit(session, "u1").aliases == ["数据局", "自治区数据管理局"]


def test_a_merged_unit_leaves_nothing_behind(
    session: Session, tmp_path: Path, noon: datetime
) -> None:
    load_whole(session, tmp_path)
    shown = reform.merge_units(session, WANG, ["u2"], "u1", dry_run=True)
    moved = reform.merge_units(session, WANG, ["u2"], "u1", reason="撤并")
    session.commit()
    assert moved == shown
    assert moved["workloads"] == 2
    closed = unit(session, "u2")
    assert (closed.state, closed.replaced_by, closed.valid_to) == ("closed", "u1", noon.date())
    assert "南宁市林业局" in unit(session, "u1").aliases
    for rows in stored(session).values():
        named = [row for row in rows if "u2" in (row.get("unit_code"), row.get("chief_unit_code"))]
        assert named == []
    logged = session.scalars(select(ChangeLog.sheet).where(ChangeLog.act == "merge")).all()
    assert len(logged) == sum(moved.values()) + 1
    assert audit.verify(session) is None
    with pytest.raises(Conflict) as caught:
        reform.merge_units(session, WANG, ["u2"], "u1")
    assert "u1" in (caught.value.hint or "")


def test_a_successor_that_was_a_part_becomes_its_own_master(
    session: Session, tmp_path: Path
) -> None:
    load_whole(session, tmp_path)
    reform.merge_units(session, WANG, ["u1"], "u2")
    session.commit()
    assert unit(session, "u2").parent_code is None
    with pytest.raises(InputError):
        reform.merge_units(session, WANG, ["u2"], "u2")


def test_a_closed_unit_gets_nothing_new_but_its_export_still_imports(
    session: Session, tmp_path: Path
) -> None:
    load_whole(session, tmp_path)
    reform.merge_units(session, WANG, ["u2"], "u1")
    session.commit()
    service.export_workbook(session, SYSTEM, tmp_path / "out.xlsx")
    again = service.check_workbook(session, SYSTEM, tmp_path / "out.xlsx")
    assert (again.errors, {c.action for c in again.changes}) == (0, {"unchanged"})
    cells = whole_cells(tmp_path)
    for title in list(cells):
        if title not in {"单位", "机房"}:
            del cells[title]
    del cells["单位"][3]
    set_cell(cells, "机房", 3, "编号", "dc2")
    set_cell(cells, "机房", 3, "单位编号", "u2")
    cells["单位"][2][1] = unit(session, "u1").name
    cells["单位"][2][2] = "、".join(unit(session, "u1").aliases)
    report = check_cells(session, tmp_path, cells)
    assert [(f.sheet, f.code, f.values["now"]) for f in report.faults] == [
        ("机房", "unit_closed", "u1")
    ]


def test_a_split_takes_along_what_hangs_on_it(session: Session, tmp_path: Path) -> None:
    load_whole(session, tmp_path)
    chosen = [("systems", "s1"), ("networks", "n1")]
    counts = {"systems": 1, "networks": 1, "workloads": 2, "circuits": 1}
    assert reform.move_items(session, WANG, chosen, "u1", dry_run=True) == counts
    assert reform.move_items(session, WANG, chosen, "u1") == counts
    session.commit()
    assert set(session.scalars(select(Workload.unit_code))) == {"u1"}
    assert set(session.scalars(select(Workload.revision))) == {2}
    assert reform.move_items(session, WANG, chosen, "u1") == {}
    with pytest.raises(InputError):
        reform.move_items(session, WANG, [("prefixes", "d1")], "u1")
    with pytest.raises(NotFound):
        reform.move_items(session, WANG, [("systems", "s9")], "u1")


def test_duties_are_handed_over(session: Session, tmp_path: Path) -> None:
    load_whole(session, tmp_path)
    day = date(2026, 12, 1)
    assert reform.hand_over(session, WANG, "p2", "p1", day=day, dry_run=True) == 1
    assert reform.hand_over(session, WANG, "p2", "p1", day=day) == 1
    session.commit()
    duties = [
        (duty.person_code, duty.valid_from, duty.valid_to)
        for duty in session.scalars(
            select(Responsibility).where(Responsibility.object_code == "n1").order_by("id")
        )
    ]
    assert duties == [
        ("p2", date(2024, 1, 1), date(2026, 11, 30)),
        ("p1", day, None),
    ]
    assert reform.hand_over(session, WANG, "p2", "p1", day=day) == 0
    with pytest.raises(Conflict):
        reform.hand_over(session, WANG, "p1", "p2", day=day)
    with pytest.raises(InputError):
        reform.hand_over(session, WANG, "p1", "p1")
    with pytest.raises(NotFound):
        reform.hand_over(session, WANG, "p1", "p9")


def test_a_duty_the_taker_has_already_is_not_begun_twice(session: Session, tmp_path: Path) -> None:
    load_whole(session, tmp_path)
    path = tmp_path / "责任分工.csv"
    path.write_text(
        "对象类型,对象编号,责任,人员编号,任职日期\n业务专网,n1,责任人,p1,2025-01-01\n", "utf-8"
    )
    service.import_workbook(session, SYSTEM, path, "all")
    reform.hand_over(session, WANG, "p2", "p1", day=date(2026, 12, 1))
    session.commit()
    active = session.scalars(
        select(Responsibility.person_code).where(
            Responsibility.object_code == "n1", Responsibility.valid_to.is_(None)
        )
    ).all()
    assert active == ["p1"]


def test_a_person_is_forgotten_without_breaking_the_record(
    session: Session, tmp_path: Path, noon: datetime
) -> None:
    load_whole(session, tmp_path)
    with pytest.raises(Conflict):
        reform.erase_person(session, WANG, "p2")
    reform.erase_person(session, WANG, "p1", reason="本人申请")
    session.commit()
    session.expire_all()
    person = session.scalars(select(Person).where(Person.code == "p1")).one()
    assert (person.name, person.phone) == (reform.ERASED, "")
    told: list[Any] = list(session.scalars(select(AuditEntry.details)))
    told += session.execute(select(ChangeLog.before, ChangeLog.after)).all()
    assert "韦建华" not in str(told)
    assert audit.verify(session) is None


def test_reforms_are_the_offices(session: Session, tmp_path: Path) -> None:
    load_whole(session, tmp_path)
    for principal in (SYSTEM, Principal("li", frozenset({"reviewer"}), 2)):
        with pytest.raises(Forbidden):
            reform.merge_units(session, principal, ["u2"], "u1")


def test_a_successor_far_below_stood_above_its_own_ancestors(
    session: Session, tmp_path: Path
) -> None:
    load_whole(session, tmp_path)
    below = tmp_path / "单位.csv"
    below.write_text(
        "编号,单位名称,统一社会信用代码,行政区划代码,层级,上级单位编号\n"
        f"u3,林业信息中心,{invented_uscc('450100', 900_003)},450100,设区市,u2\n",
        "utf-8",
    )
    report = service.import_workbook(session, SYSTEM, below, "all")
    assert report.written, report.faults
    reform.merge_units(session, WANG, ["u1"], "u3")
    session.commit()
    assert (unit(session, "u3").parent_code, unit(session, "u2").parent_code) == (None, "u3")


def add_duty(session: Session, tmp_path: Path, *rows: str) -> None:
    path = tmp_path / "责任分工.csv"
    head = "对象类型,对象编号,责任,人员编号,任职日期,离任日期"
    path.write_text("\n".join((head, *rows)) + "\n", "utf-8")
    assert service.import_workbook(session, SYSTEM, path, "all").written


def duties_of(session: Session, person: str) -> list[tuple[date, date | None]]:
    rows = select(Responsibility).where(
        Responsibility.object_code == "n1", Responsibility.person_code == person
    )
    return [(duty.valid_from, duty.valid_to) for duty in session.scalars(rows.order_by("id"))]


def test_two_rows_for_one_duty_were_begun_twice_by_a_handover(
    session: Session, tmp_path: Path
) -> None:
    load_whole(session, tmp_path)
    add_duty(session, tmp_path, "业务专网,n1,责任人,p2,2025-01-01,")
    day = date(2026, 12, 1)
    assert reform.hand_over(session, WANG, "p2", "p1", day=day) == 2
    session.commit()
    assert duties_of(session, "p1") == [(day, None)]


def test_a_term_became_endless_by_a_handover(session: Session, tmp_path: Path) -> None:
    load_whole(session, tmp_path)
    session.execute(update(Responsibility).values(valid_to=date(2027, 12, 31)))
    day = date(2026, 12, 1)
    reform.hand_over(session, WANG, "p2", "p1", day=day)
    session.commit()
    assert duties_of(session, "p1") == [(day, date(2027, 12, 31))]


def test_what_the_taker_had_from_that_day_only_for_a_while_is_lengthened(
    session: Session, tmp_path: Path
) -> None:
    load_whole(session, tmp_path)
    day = date(2026, 12, 1)
    add_duty(session, tmp_path, "业务专网,n1,责任人,p1,2026-12-01,2026-12-31")
    reform.hand_over(session, WANG, "p2", "p1", day=day)
    session.commit()
    assert duties_of(session, "p1") == [(day, None)]


@pytest.mark.parametrize("name", ["", "  ", "长" * 500])
def test_a_unit_was_renamed_to_what_is_no_name(session: Session, tmp_path: Path, name: str) -> None:
    load_whole(session, tmp_path)
    with pytest.raises(InputError):
        reform.rename_unit(session, WANG, "u2", name)
