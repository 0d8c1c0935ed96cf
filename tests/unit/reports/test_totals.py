"""Totals are the sums of what is declared, by unit and by city."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete
from sqlalchemy.orm import Session

from tests.factories import make_register, make_wave
from yunzhang import db
from yunzhang.errors import Forbidden
from yunzhang.estate.models import Workload
from yunzhang.reports.schemas import TotalsRow
from yunzhang.reports.totals import count_units, totals_by_city, totals_by_unit
from yunzhang.units.divisions import city_of
from yunzhang.units.models import Unit
from yunzhang.units.scope import SYSTEM, Principal

AMOUNTS = st.lists(st.tuples(*[st.integers(0, 2**30)] * 4), max_size=8)


def amounts(row: TotalsRow) -> tuple[int, int, int, int]:
    """Workloads, vCPU, MiB, GiB."""
    return row.workloads, row.vcpus, row.ram_mib, row.disk_gib


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(declared=st.lists(AMOUNTS, min_size=3, max_size=3))
def test_sums(session: Session, declared: list[list[tuple[int, int, int, int]]]) -> None:
    session.rollback()
    make_register(session)
    sample = session.query(Workload).first()
    assert sample is not None
    columns = {c.key for c in Workload.__table__.columns} - {"id", "uid"}
    kept = {name: getattr(sample, name) for name in columns}
    session.execute(delete(Workload))
    by_unit: dict[str, list[int]] = {}
    by_city: dict[str, list[int]] = defaultdict(lambda: [0] * 4)
    units = sorted(session.query(Unit), key=lambda unit: unit.code)
    for unit, own in zip(units, declared, strict=True):
        for number, (vcpu, ram, disk, data) in enumerate(own):
            session.add(
                Workload(
                    **kept | {"code": f"{unit.code}-{number}", "unit_code": unit.code}
                    | {"vcpu": vcpu, "ram_mib": ram, "disk_gib": disk, "data_gib": data}
                )
            )  # fmt: skip
            told = (1, vcpu, ram, disk + data)
            for sums in (
                by_unit.setdefault(unit.code, [0] * 4),
                by_city[city_of(unit.division_code)],
            ):
                sums[:] = [a + b for a, b in zip(sums, told, strict=True)]
    session.flush()
    found = totals_by_unit(session, SYSTEM)
    assert {row.code: list(amounts(row)) for row in found.rows} == by_unit
    cities = totals_by_city(session, SYSTEM)
    assert {row.code: list(amounts(row)) for row in cities.rows} == dict(by_city)
    whole = tuple(sum(part) for part in zip(*by_unit.values(), strict=True)) or (0, 0, 0, 0)
    assert amounts(found.total) == amounts(cities.total) == whole
    assert count_units(session, SYSTEM) == len(by_unit)


def test_only_validated_workloads_are_moved_and_each_once(running: object) -> None:
    with db.transaction() as session:
        make_register(session)
    make_wave(until="validate_targets", fault="x")
    with db.reading() as session:
        assert totals_by_unit(session, SYSTEM).total.migrated == 0


def test_moved_workloads_are_counted_where_they_are_declared(running: object) -> None:
    with db.transaction() as session:
        make_register(session)
    make_wave()
    with db.reading() as session:
        found = totals_by_city(session, SYSTEM)
        page = totals_by_unit(session, SYSTEM, limit=1, offset=1)
    assert {row.name: row.migrated for row in found.rows} == {
        "广西壮族自治区": 3,
        "南宁市": 3,
        "柳州市": 0,
    }
    assert [row.code for row in page.rows] == ["U-lz"]
    assert page.total.migrated == 6


def test_who_may_not_read_gets_no_totals(session: Session) -> None:
    with pytest.raises(Forbidden):
        totals_by_city(session, Principal("nobody", frozenset(), 7))
