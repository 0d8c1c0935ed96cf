"""Tables that are the office's alone tell nobody else of a single row."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from tests.factories import make_instance
from yunzhang import db
from yunzhang.units.reach import owned_models
from yunzhang.units.scope import SYSTEM, Granted, Principal, bind

# Named here once more, so that none leaves the list by a change elsewhere.
AUDIT = ("audit_block", "audit_entry", "audit_seal", "audit_waiting")
WORK = ("plan_signature", "plan_version", "wave", "move", "step", "cloud_object")
POOLS = ("pool", "pool_counter", "ledger_entry")
READINGS = ("discovery_run", "observed_item")
OFFICE_ONLY = frozenset((*AUDIT, *WORK, *POOLS, *READINGS))
# Whoever was assigned a wave sees it and what belongs to it.
OF_WAVES = frozenset({"wave", "move", "step", "cloud_object"})


def test_tables_of_the_office_are_the_known_ones() -> None:
    found = {name for name, model in owned_models().items() if getattr(model, "office_only", False)}
    assert found == OFFICE_ONLY


def seen(principal: Principal) -> dict[str, int]:
    """How many rows of each table of the office somebody sees."""
    models = owned_models()
    with db.reading() as session:
        bind(session, principal)
        return {
            name: session.scalar(select(func.count()).select_from(models[name])) or 0
            for name in OFFICE_ONLY
        }


@pytest.mark.usefixtures("running")
def test_rows_of_the_office_are_hidden_from_units_and_operators_of_sub_clouds() -> None:
    wave = make_instance()
    every = seen(SYSTEM)
    # the factory fills most of them; the rest stands in the list above
    assert sum(map(bool, every.values())) >= 11, every
    applicant = Principal(
        "a", account_id=1, grants=frozenset({Granted("applicant", "unit", "U-mib")})
    )
    assert not any(seen(applicant).values())
    of_cloud = Granted("cloud_operator", "platform", "P-lz")
    operator = Principal("o", account_id=2, grants=frozenset({of_cloud}))
    assert not any(seen(operator).values())
    of_wave = Granted("cloud_operator", "wave", str(wave))
    assigned = seen(Principal("w", account_id=3, grants=frozenset({of_cloud, of_wave})))
    assert {name for name, count in assigned.items() if count} <= OF_WAVES
    assert assigned["wave"] == 1
