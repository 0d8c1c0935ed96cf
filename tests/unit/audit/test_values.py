"""Whatever callers give, an entry can be sealed, and says nothing about persons."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from yunzhang import audit
from yunzhang.audit import AuditEntry
from yunzhang.audit.hashing import content_of, entry_leaf
from yunzhang.audit.values import WITHHELD, plain
from yunzhang.kit.canonical import canonical_json

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.decimals(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=4)
        | st.frozensets(st.integers(), max_size=4)
    ),
    max_leaves=12,
)


@given(anything)
def test_values_become_canonical_and_stay(value: Any) -> None:
    once = plain(value)
    assert canonical_json(plain(once)) == canonical_json(once)


@pytest.mark.usefixtures("engine")
@hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=anything)
def test_databases_give_back_what_was_hashed(session: Session, value: Any) -> None:
    entry = audit.record(session, "wang", "a", "n", "r", before=value, after=[value], x=value)
    session.flush()
    before = canonical_json(content_of(entry))
    session.expire(entry)
    assert canonical_json(content_of(session.get_one(AuditEntry, entry.id))) == before
    assert len(entry_leaf(entry)) == 32


def test_values_of_other_kinds_are_told_as_text() -> None:
    given = {"on": date(2026, 11, 23), 5: Decimal("1.50"), "ids": {3, 1}, "big": 2**60}
    assert plain(given) == {
        "on": "2026-11-23",
        "5": "1.50",
        "ids": [1, 3],
        "big": "1152921504606846976",
    }


def test_persons_stand_in_the_record_by_reference_only(session: Session) -> None:
    circuit = {"code": "c-1", "contact_name": "李四", "contact_phone": "13900000000"}
    told = audit.refer(circuit, 7, ("contact_name", "contact_phone"))
    assert told == {"code": "c-1", "person": "person:7"}
    entry = audit.record(
        session,
        "wang",
        "change",
        "circuit",
        "c-1",
        before={"nested": [circuit], "contact": audit.person(6)},
        after=told,
        phone="13900000000",
    )
    assert entry.before == {
        "nested": [{"code": "c-1", "contact_name": WITHHELD, "contact_phone": WITHHELD}],
        "contact": "person:6",
    }
    assert entry.details == {"phone": WITHHELD}
    assert "李四" not in str(content_of(entry))
