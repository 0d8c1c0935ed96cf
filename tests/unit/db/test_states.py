"""Transitions are one compare-and-set, whoever asks and on whatever database."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from tests.factories import make_register
from yunzhang.db.states import advance
from yunzhang.errors import Conflict
from yunzhang.estate.items import editing, lifecycle
from yunzhang.estate.items.lifecycle import TRANSITIONS, Step
from yunzhang.estate.models import Workload
from yunzhang.estate.workbooks.sheets import BY_KEY
from yunzhang.settings import Settings
from yunzhang.units.scope import Granted, Principal, bind

MEI = Principal("mei", account_id=7, grants=frozenset([Granted("manager", "unit", "U-mib")]))


@pytest.fixture
def drafts(session: Session, instance: Settings, noon: Any) -> Session:
    make_register(session)
    session.execute(update(Workload).values(state="draft"))
    session.commit()
    return session


def test_a_unit_hands_in_its_own_though_its_statement_has_no_count(drafts: Session) -> None:
    # on SQLite an UPDATE that begins with WITH, as a restricted one does, tells no row count
    bind(drafts, MEI)
    lifecycle.advance_items(drafts, MEI, "workloads", ["mib-app"], Step("submitted"))
    assert drafts.scalars(select(Workload.state).where(Workload.code == "mib-app")).all() == [
        "submitted"
    ]


def test_a_unit_changes_and_removes_its_own(drafts: Session) -> None:
    bind(drafts, MEI)
    sheet = BY_KEY["workloads"]
    changed = editing.change_item(drafts, MEI, sheet, ("mib-app",), {"vcpu": 3}, 1)
    assert changed.vcpu == 3
    editing.remove_item(drafts, MEI, sheet, ("mib-app",), changed.revision)
    assert drafts.scalars(select(Workload.code)).all() == ["mib-web", "mib-db"]


@pytest.mark.parametrize("grant", ["U-hrss", "U-lz"])
def test_nobody_moves_what_is_not_theirs(drafts: Session, grant: str) -> None:
    row = drafts.scalars(select(Workload).where(Workload.code == "mib-app")).one()
    bind(drafts, replace(MEI, grants=frozenset([Granted("manager", "unit", grant)])))
    with pytest.raises(Conflict) as refused:
        advance(drafts, row, "submitted", TRANSITIONS)
    assert refused.value.code == "db.transition_lost"
