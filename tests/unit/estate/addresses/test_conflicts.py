"""The merge forecast tells who collides with whom."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from tests.unit.estate.books import INVENTORY, load_demo
from yunzhang.errors import InputError
from yunzhang.estate import service
from yunzhang.estate.addresses import service as address_service
from yunzhang.units.scope import SYSTEM


def test_the_demo_has_its_one_conflict(session: Session, tmp_path: Path) -> None:
    load_demo(session)
    report = address_service.find_conflicts(session, SYSTEM)
    assert (report.total, report.equal, report.contains, report.public_total) == (1, 1, 0, 0)
    (pair,) = report.pairs
    assert pair.relation == "equal"
    assert {pair.first.unit_code, pair.second.unit_code} == {"hrss", "mib"}
    assert [(row.network_code, row.prefixes, row.conflicts) for row in report.networks] == [
        ("hrss-wan", 2, 1), ("mib-wan", 1, 1),
    ]  # fmt: skip

    path = tmp_path / "地址段.csv"
    path.write_text(
        "地址域编号,地址段,角色\nmib,192.168.0.0/16,汇总段\nmib,1.1.1.0/24,网段\n", "utf-8"
    )
    service.import_workbook(session, SYSTEM, path, "all")
    session.commit()
    wider = address_service.find_conflicts(session, SYSTEM, unit="hrss")
    assert (wider.total, wider.equal, wider.contains) == (3, 1, 2)
    assert all(pair.first.unit_code == "hrss" for pair in wider.pairs)
    assert sorted(pair.relation for pair in wider.pairs) == ["contained", "contained", "equal"]
    other = address_service.find_conflicts(session, SYSTEM, network="mib-wan")
    assert [side.cidr for side in other.public] == ["1.1.1.0/24"]
    assert sorted(pair.relation for pair in other.pairs) == ["contains", "contains", "equal"]


def test_pages_of_a_province_join_up(session: Session) -> None:
    service.import_workbook(session, SYSTEM, INVENTORY / "example" / "province.xlsx", "all")
    session.commit()
    whole = address_service.find_conflicts(session, SYSTEM, limit=0)
    assert whole.total == whole.equal + whole.contains > 10_000
    assert sum(row.conflicts for row in whole.networks) == 2 * whole.total
    one = address_service.find_conflicts(session, SYSTEM, limit=200)
    two = [
        pair
        for offset in (0, 100)
        for pair in address_service.find_conflicts(session, SYSTEM, limit=100, offset=offset).pairs
    ]
    assert two == one.pairs
    last = address_service.find_conflicts(session, SYSTEM, limit=100, offset=whole.total - 1)
    assert len(last.pairs) == 1


@pytest.mark.parametrize(("limit", "offset"), [(501, 0), (-1, 0), (1, -1)])
def test_pages_have_limits(session: Session, limit: int, offset: int) -> None:
    with pytest.raises(InputError):
        address_service.find_conflicts(session, SYSTEM, limit=limit, offset=offset)
