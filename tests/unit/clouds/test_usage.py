"""Counters, what is free, and the marks of leftovers."""

from __future__ import annotations

from typing import Any

import pytest

from yunzhang.clouds import leftovers, marks
from yunzhang.clouds.observed import ObservedPool
from yunzhang.clouds.usage import Amount, Headroom, map_counters, pool_free

MARK, KEY = "plan-1", "hrss/net"


def test_amounts() -> None:
    assert Amount(limit=10, used=3, reserved=2).free == 5
    assert Amount(limit=1, used=3).free == 0
    assert Amount(limit=-1, used=3).free is None


def test_counters_of_each_service() -> None:
    counters = map_counters(
        {
            "id": "p",
            "cores": {"limit": 20, "in_use": 3, "reserved": 1},
            "port": {"limit": 5, "used": 2, "reserved": 0},
        }
    )
    assert counters == {
        "cores": Amount(limit=20, used=3, reserved=1),
        "port": Amount(limit=5, used=2),
    }


def test_what_pools_can_still_promise() -> None:
    pool = ObservedPool(
        id="a", name="a", resource_class="VCPU", total=10, reserved=2, ratio=4.0, used=5
    )
    full = pool.model_copy(update={"id": "b", "used": 99})
    assert (pool_free(pool), pool_free(full)) == (27, 0)
    room = Headroom(id="p", name="p", compute={}, network={}, volume={}, pools=(pool, full))
    assert (room.pool_free("VCPU"), room.pool_free("DISK_GB")) == (27, 0)


@pytest.mark.parametrize(
    ("thing", "key"),
    [
        ({"tags": ["x", *marks.tags(MARK, KEY)]}, "hrss:net"),
        ({"metadata": marks.metadata(MARK, KEY)}, KEY),
        ({"name": "i", **marks.metadata(MARK, KEY)}, KEY),
        ({"description": marks.description(MARK, KEY)}, KEY),
        ({"tags": [marks.plan_tag(MARK)]}, ""),
        ({"tags": marks.tags(MARK + "0", KEY)}, None),
        ({"metadata": marks.metadata(MARK + "0", KEY)}, None),
        ({"description": marks.description(MARK + "0", KEY)}, None),
        ({"tags": None, "metadata": None, "description": None}, None),
    ],
)
def test_marks_are_recognised_wherever_they_stand(thing: dict[str, Any], key: str | None) -> None:
    assert leftovers.key_anywhere(thing, MARK) == key
