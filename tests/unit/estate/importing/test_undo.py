"""Undo: an import is taken back whole, or not at all while something later depends on it."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.unit.estate.address_book import add_owners, add_prefixes
from tests.unit.estate.books import save, set_cell, stored
from tests.unit.estate.whole import load_whole, whole_cells
from yunzhang import audit
from yunzhang.errors import Conflict, Forbidden, NotFound
from yunzhang.estate import service
from yunzhang.estate.addresses.schemas import FreeRequest
from yunzhang.estate.addresses.service import take_free
from yunzhang.estate.changes.models import ChangeLog, ImportBatch, ImportRow
from yunzhang.estate.changes.service import list_item_changes
from yunzhang.estate.importing.batches import list_batches
from yunzhang.estate.importing.undo import undo_batch
from yunzhang.estate.items import reform
from yunzhang.estate.items.editing import remove_item
from yunzhang.estate.workbooks.sheets import BY_KEY
from yunzhang.units.models import Person
from yunzhang.units.scope import SYSTEM, Principal

WANG = Principal("wang", frozenset({"operator"}), 1)


def change(session: Session, folder: Path, *cells: tuple[str, int, str, object]) -> int:
    """Import the whole register with some cells changed; the batch."""
    book = whole_cells(folder)
    for place in cells:
        set_cell(book, *place)
    report = service.import_workbook(session, SYSTEM, save(folder / "b.xlsx", book), "all")
    session.commit()
    assert report.batch_id
    return report.batch_id


def csv(session: Session, path: Path, content: str) -> int:
    path.write_text(content, "utf-8")
    report = service.import_workbook(session, SYSTEM, path, "all")
    session.commit()
    assert report.batch_id, [fault.message for fault in report.faults]
    return report.batch_id


def test_everything_is_taken_back(session: Session, tmp_path: Path) -> None:
    report = load_whole(session, tmp_path)
    assert report.batch_id
    shown = undo_batch(session, SYSTEM, report.batch_id, dry_run=True)
    assert any(stored(session).values())
    found = undo_batch(session, SYSTEM, report.batch_id)
    session.commit()
    assert found.removed == shown.removed
    assert found.removed == {key: of["create"] for key, of in report.counts.items()}
    assert not any(stored(session).values())
    assert audit.verify(session) is None
    # the log only grows
    acts = session.scalars(select(ChangeLog.act)).all()
    assert acts.count("create") == acts.count("undo") == len(report.changes)


def test_changed_values_are_restored_as_they_were(session: Session, tmp_path: Path) -> None:
    load_whole(session, tmp_path)
    before = stored(session)
    batch = change(
        session, tmp_path,
        ("业务专网", 3, "计划时间", "2029-09-09"), ("业务专网", 3, "年运维经费(万元)", ""),
        ("线路", 3, "合同编号", "GX-2"), ("互联网出口", 3, "公网地址段", "198.51.100.0/24"),
        ("虚拟机", 3, "vCPU", 16), ("磁盘", 3, "大小(GiB)", 80),
    )  # fmt: skip
    assert stored(session) != before
    found = undo_batch(session, SYSTEM, batch)
    session.commit()
    session.expire_all()
    assert stored(session) == before
    assert found.restored == {
        "networks": 1,
        "circuits": 1,
        "egresses": 1,
        "workloads": 1,
        "disks": 1,
    }
    assert found.personal == 0


def test_names_of_people_have_no_history(session: Session, tmp_path: Path) -> None:
    load_whole(session, tmp_path)
    batch = change(session, tmp_path, ("人员", 3, "姓名", "黄丽萍"), ("人员", 3, "备注", "新人"))
    logged = session.execute(select(ChangeLog.before, ChangeLog.after)).all()
    assert "韦建华" not in str(logged)
    assert "黄丽萍" not in str(logged)
    assert "138****5678" not in str(logged)
    found = undo_batch(session, SYSTEM, batch)
    session.commit()
    assert found.personal == 1
    person = session.scalars(select(Person).where(Person.code == "p1")).one()
    assert (person.name, person.note) == ("黄丽萍", "")


def test_a_later_change_stands_in_the_way(session: Session, tmp_path: Path) -> None:
    first = load_whole(session, tmp_path).batch_id or 0
    second = change(session, tmp_path, ("虚拟机", 3, "vCPU", 16))
    with pytest.raises(Conflict) as caught:
        undo_batch(session, SYSTEM, first)
    assert caught.value.code == "estate.batch_changed"
    assert "w1" in str(caught.value)
    undo_batch(session, SYSTEM, second)
    # what was undone is a change too, but nothing is left of it
    with pytest.raises(Conflict):
        undo_batch(session, SYSTEM, second)


@pytest.mark.parametrize(
    ("name", "content", "named"),
    [
        ("地址域.csv", "编号,地址域名称,业务专网编号\nd9,新域,n1\n", "d9"),
        ("磁盘.csv", "虚拟机编号,磁盘名,大小(GiB),是否系统盘\nw1,vdz,1,否\n", "w1/vdz"),
        ("运维经费.csv", "单位编号,对象类型,对象编号,年度\nu2,信息系统,s1,2020\n", "s1"),
        ("单位.csv", "编号,单位名称,行政区划代码,层级,上级单位编号\n"
         "u9,某局,450100,设区市,u1\n", "u9"),
    ],
)  # fmt: skip
def test_what_later_names_it_stands_in_the_way(
    session: Session, tmp_path: Path, name: str, content: str, named: str
) -> None:
    first = load_whole(session, tmp_path).batch_id or 0
    later = csv(session, tmp_path / name, content)
    with pytest.raises(Conflict) as caught:
        undo_batch(session, SYSTEM, first)
    assert caught.value.code == "estate.batch_depended"
    assert named in str(caught.value)
    assert caught.value.hint
    undo_batch(session, SYSTEM, later)
    undo_batch(session, SYSTEM, first)
    session.commit()
    assert not any(stored(session).values())


def test_the_same_file_says_so_until_it_is_undone(session: Session, tmp_path: Path) -> None:
    first = load_whole(session, tmp_path)
    path = tmp_path / "whole.xlsx"
    assert (first.earlier, service.check_workbook(session, SYSTEM, path).earlier) == (
        None,
        first.batch_id,
    )
    undo_batch(session, SYSTEM, first.batch_id or 0)
    assert service.check_workbook(session, SYSTEM, path).earlier is None
    again = service.import_workbook(session, SYSTEM, path, "all")
    assert again.counts == first.counts


def test_every_row_of_a_file_is_accounted_for(session: Session, tmp_path: Path) -> None:
    load_whole(session, tmp_path)
    cells = whole_cells(tmp_path)
    set_cell(cells, "虚拟机", 3, "vCPU", 16)
    set_cell(cells, "信息系统", 3, "网络区域", "某区")
    path = save(tmp_path / "b.xlsx", cells)
    report = service.import_workbook(session, SYSTEM, path, "good")
    rows = session.execute(
        select(ImportRow.sheet, ImportRow.row, ImportRow.key, ImportRow.action).where(
            ImportRow.batch_id == report.batch_id
        )
    ).all()
    assert [tuple(row) for row in rows] == [
        ("systems", 3, "s1", "bad"),
        ("workloads", 3, "w1", "update"),
    ]
    changes = list_item_changes(session, SYSTEM, "虚拟机", "w1").items
    assert [(c.act, c.before, c.batch_id) for c in changes] == [
        ("update", {"vcpu": 4}, report.batch_id),
        ("create", None, 1),
    ]
    units = session.execute(select(ChangeLog.sheet, ChangeLog.unit_code)).all()
    assert {unit for sheet, unit in units if sheet in {"prefixes", "disks", "segments"}} == {"u2"}
    assert all(unit for _, unit in units)


def test_batches_are_listed(session: Session, tmp_path: Path) -> None:
    first = load_whole(session, tmp_path)
    undo_batch(session, SYSTEM, first.batch_id or 0)
    (batch,) = list_batches(session, SYSTEM).items
    assert (batch.id, batch.written) == (first.batch_id, len(first.changes))
    assert batch.undone_by == "system"


def test_batches_without_a_log_are_not_undone(session: Session, tmp_path: Path) -> None:
    first = load_whole(session, tmp_path)
    batch = session.get_one(ImportBatch, first.batch_id)
    batch.counts = {"units": {"create": 1, "update": 0}}
    session.commit()
    with pytest.raises(Conflict) as caught:
        undo_batch(session, SYSTEM, first.batch_id or 0)
    assert caught.value.code == "estate.batch_unlogged"
    with pytest.raises(NotFound):
        undo_batch(session, SYSTEM, 99)
    with pytest.raises(Forbidden):
        undo_batch(session, Principal("li", frozenset({"reviewer"}), 1), 1)


def test_a_pool_was_undone_under_the_prefix_taken_from_it(session: Session, tmp_path: Path) -> None:
    add_owners(session, 1)
    batch = csv(
        session, tmp_path / "地址段.csv",
        "地址域编号,地址段,角色\nd000,10.0.0.0/22,地址池\nd000,10.9.0.0/24,网段\n",
    )  # fmt: skip
    asked = FreeRequest.model_validate({"length": 24})
    taken = take_free(session, SYSTEM, "d000", asked).cidr
    with pytest.raises(Conflict) as refused:
        undo_batch(session, SYSTEM, batch)
    assert refused.value.code == "estate.batch_depended"
    assert f"d000/{taken}" in refused.value.message
    # with what was taken gone, nothing depends on the pool
    remove_item(session, SYSTEM, BY_KEY["prefixes"], ("d000", taken), 1)
    assert undo_batch(session, SYSTEM, batch).removed == {"prefixes": 2}


def test_an_import_that_changed_a_taken_prefix_is_undone_only_before_later_changes(
    session: Session, tmp_path: Path
) -> None:
    add_owners(session, 1)
    add_prefixes(session, [("d000", "10.0.0.0/22", "pool")])
    batch = csv(session, tmp_path / "地址段.csv", "地址域编号,地址段,角色\nd000,10.0.0.0/24,网段\n")
    remove_item(session, SYSTEM, BY_KEY["prefixes"], ("d000", "10.0.0.0/24"), 1)
    asked = FreeRequest.model_validate({"length": 24})
    assert take_free(session, SYSTEM, "d000", asked).cidr == "10.0.0.0/24"
    with pytest.raises(Conflict) as refused:
        undo_batch(session, SYSTEM, batch)
    assert refused.value.code == "estate.batch_changed"


def test_a_leaf_was_put_back_over_a_later_leaf(session: Session, tmp_path: Path) -> None:
    add_owners(session, 1)
    csv(session, tmp_path / "地址段.csv", "地址域编号,地址段,角色\nd000,10.9.0.0/16,网段\n")
    batch = csv(
        session, tmp_path / "地址段.csv", "地址域编号,地址段,角色\nd000,10.9.0.0/16,汇总段\n"
    )
    csv(session, tmp_path / "地址段.csv", "地址域编号,地址段,角色\nd000,10.9.1.0/24,网段\n")
    for dry_run in (True, False):
        with pytest.raises(Conflict) as refused:
            undo_batch(session, SYSTEM, batch, dry_run=dry_run)
        assert refused.value.code == "estate.batch_depended"
        assert "10.9.1.0/24" in refused.value.message


def test_something_was_given_back_to_a_unit_that_was_closed_since(
    session: Session, tmp_path: Path
) -> None:
    load_whole(session, tmp_path)
    path = tmp_path / "机房.csv"
    head = "编号,机房名称,单位编号,行政区划代码,是否涉密\n"
    csv(session, path, head + "dc9,新机房,u2,450100,否\n")
    batch = csv(session, path, head + "dc9,新机房,u1,450100,否\n")
    reform.merge_units(session, WANG, ["u2"], "u1")
    with pytest.raises(Conflict) as refused:
        undo_batch(session, SYSTEM, batch)
    assert refused.value.code == "estate.batch_depended"
