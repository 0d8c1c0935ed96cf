"""The small province as the source cloud shows it, on each kind of database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.conftest import NOON
from tests.factories import make_register
from tests.unit.discovery.world import DAY, read
from yunzhang import clock
from yunzhang.estate.models import Workload


@pytest.fixture
def estate(session: Session, noon: Any) -> Session:
    """The register of three units, brought to what the source cloud shows, and one reading."""
    make_register(session)
    for row in session.scalars(select(Workload)):
        row.vcpu, row.ram_mib, row.disk_gib = 1, 192, 1
        row.data_gib = 0 if row.code.endswith("web") else 1
        if row.unit_code == "U-lz":
            session.delete(row)
    session.flush()
    assert read(session).gone == {}
    return session


@pytest.fixture
def days() -> Callable[[int], Any]:
    """Let a block be so many days later."""
    return lambda count: clock.fixed(NOON + count * DAY)
