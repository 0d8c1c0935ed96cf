"""States of register items: only listed steps, only with what they need, all items or none."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from tests.unit.estate.whole import load_whole
from yunzhang import texts
from yunzhang.errors import Conflict, Forbidden, InputError, NotFound
from yunzhang.estate import service
from yunzhang.estate.changes.service import list_item_changes
from yunzhang.estate.items.editing import remove_item
from yunzhang.estate.items.lifecycle import STATES, TRANSITIONS, Step, advance_items, reopen_expired
from yunzhang.estate.models import Circuit, PrivateNetwork, Responsibility, Site
from yunzhang.estate.repository import MODELS
from yunzhang.estate.workbooks.sheets import BY_KEY
from yunzhang.units.scope import SYSTEM, Granted, Principal, bind

OPERATOR = Principal("wang", frozenset({"operator"}), 1)


def state_of(session: Session, code: str = "n1") -> str:
    session.expire_all()
    return session.scalars(select(PrivateNetwork.state).where(PrivateNetwork.code == code)).one()


def put(session: Session, state: str) -> None:
    session.execute(update(PrivateNetwork).values(state=state))
    session.commit()


def go(session: Session, to: str, **values: object) -> None:
    advance_items(session, OPERATOR, "networks", ["n1"], Step(to, **values))  # type: ignore[arg-type]
    session.commit()


def refused(session: Session, to: str, **values: object) -> str:
    with pytest.raises(Conflict) as caught:
        go(session, to, **values)
    assert caught.value.code == "estate.step_refused"
    return str(caught.value)


def test_only_listed_steps_are_made(session: Session, tmp_path: Path, noon: datetime) -> None:
    load_whole(session, tmp_path)
    session.execute(update(Circuit).values(state="closed"))
    session.execute(
        update(PrivateNetwork).values(disposition="retain", disposition_until=date(2030, 1, 1))
    )
    told = {"evidence": "纪要", "reason": "因", "reasons": {"zone": "不符"}}
    runner = Principal("sun", frozenset({"operator", "engineer"}), 2)
    for before in STATES:
        for to in STATES:
            disposition = "merge" if to == "to_migrate" else "retain"
            session.execute(update(PrivateNetwork).values(disposition=disposition))
            put(session, before)
            session.expire_all()
            if to in TRANSITIONS[before]:
                advance_items(session, runner, "networks", ["n1"], Step(to, **told))  # type: ignore[arg-type]
                assert state_of(session) == to
            else:
                with pytest.raises(Conflict):
                    advance_items(session, runner, "networks", ["n1"], Step(to, **told))  # type: ignore[arg-type]
                session.rollback()
                assert state_of(session) == before


def test_every_state_is_reached_from_the_draft_and_named() -> None:
    reached, waiting = {"draft"}, ["draft"]
    while waiting:
        fresh = TRANSITIONS[waiting.pop()] - reached
        reached |= fresh
        waiting.extend(fresh)
    assert reached == set(STATES)
    assert all(texts.has_text(f"estate.state_{state}") for state in STATES)


def test_verified_needs_somebody_responsible_today(
    session: Session, tmp_path: Path, noon: datetime
) -> None:
    load_whole(session, tmp_path)
    go(session, "submitted")
    session.execute(update(Responsibility).values(valid_to=date(2026, 11, 22)))
    assert "责任人" in refused(session, "verified")
    session.rollback()
    session.execute(update(Responsibility).values(valid_to=date(2026, 11, 23)))
    go(session, "verified")
    assert state_of(session) == "verified"


def test_to_migrate_needs_a_decision_and_a_target(session: Session, tmp_path: Path) -> None:
    load_whole(session, tmp_path)
    session.execute(update(PrivateNetwork).values(target=""))
    put(session, "verified")
    assert "target" in refused(session, "to_migrate")
    session.execute(update(PrivateNetwork).values(disposition=None))
    session.commit()
    assert "disposition" in refused(session, "to_migrate")
    # what is given up goes nowhere
    session.execute(update(PrivateNetwork).values(disposition="retire"))
    session.commit()
    go(session, "to_migrate")


def test_retained_needs_document_and_expiry_and_is_reopened(
    session: Session, tmp_path: Path, noon: datetime
) -> None:
    load_whole(session, tmp_path)
    session.execute(
        update(PrivateNetwork).values(legal_basis="", disposition_until=date(2026, 11, 23))
    )
    put(session, "verified")
    told = refused(session, "retained")
    assert all(name in told for name in ("disposition:", "legal_basis:", "disposition_until:"))
    session.execute(
        update(PrivateNetwork).values(
            disposition="retain", legal_basis="某号", disposition_until=date(2026, 11, 24)
        )
    )
    session.commit()
    go(session, "retained")
    assert reopen_expired(session, SYSTEM) == 0
    session.execute(update(PrivateNetwork).values(disposition_until=date(2026, 11, 22)))
    session.commit()
    assert reopen_expired(session, SYSTEM) == 1
    session.commit()
    assert state_of(session) == "verified"
    assert reopen_expired(session, SYSTEM) == 0


def test_closed_needs_evidence_and_ended_lines(session: Session, tmp_path: Path) -> None:
    load_whole(session, tmp_path)
    put(session, "observed")
    told = refused(session, "closed")
    assert "线路" in told
    assert "--evidence" in told
    session.execute(update(Circuit).values(state="closed"))
    session.commit()
    go(session, "closed", evidence="30 日无流量报告")
    (change, *_) = list_item_changes(session, SYSTEM, "networks", "n1").items
    assert change.after == {"state": "closed", "evidence": "30 日无流量报告"}


def test_returned_tells_why_field_by_field(session: Session, tmp_path: Path) -> None:
    load_whole(session, tmp_path)
    go(session, "submitted")
    assert "逐项" in refused(session, "returned")
    assert "没有这一列" in refused(session, "returned", reasons={"zon": "不符"})
    go(session, "returned", reasons={"zone": "应为政务外网专用区"})
    (page,) = service.list_rows(session, SYSTEM, "networks").items
    assert (page.state, page.reasons) == ("returned", {"zone": "应为政务外网专用区"})
    go(session, "submitted")
    (page,) = service.list_rows(session, SYSTEM, "networks").items
    assert page.reasons is None


def test_all_items_or_none(session: Session, tmp_path: Path) -> None:
    load_whole(session, tmp_path)
    advance_items(session, OPERATOR, "workloads", ["w1", "w2"], Step("submitted"), dry_run=True)
    advance_items(session, OPERATOR, "workloads", ["w1"], Step("submitted"))
    session.commit()
    with pytest.raises(Conflict):
        advance_items(session, OPERATOR, "workloads", ["w1", "w2"], Step("submitted"))
    session.rollback()
    states = {w.code: w.state for w in service.list_rows(session, SYSTEM, "workloads").items}
    assert states == {"w1": "submitted", "w2": "draft"}
    with pytest.raises(NotFound):
        advance_items(session, OPERATOR, "workloads", ["w9"], Step("submitted"))
    with pytest.raises(NotFound):
        advance_items(session, OPERATOR, "responsibilities", ["n1"], Step("submitted"))
    with pytest.raises(InputError):
        advance_items(session, OPERATOR, "workloads", ["w1"], Step("done"))


def test_items_of_every_sheet_are_found_by_their_shown_key(
    session: Session, tmp_path: Path
) -> None:
    report = load_whole(session, tmp_path)
    for sheet in MODELS:
        keys = [change.key for change in report.changes if change.sheet == sheet]
        assert advance_items(session, OPERATOR, sheet, keys, Step("submitted")) == len(keys) > 0


def test_deciding_is_the_offices(session: Session, tmp_path: Path) -> None:
    load_whole(session, tmp_path)
    go(session, "submitted")
    for principal in (SYSTEM, Principal("li", frozenset({"reviewer"}), 3)):
        with pytest.raises(Forbidden):
            advance_items(session, principal, "networks", ["n1"], Step("verified"))


def test_a_unit_could_not_submit_its_own_draft_on_sqlite(session: Session, tmp_path: Path) -> None:
    load_whole(session, tmp_path)
    session.commit()
    zhao = Principal("zhao", account_id=9, grants=frozenset({Granted("applicant", "unit", "u2")}))
    advance_items(bind(session, zhao), zhao, "networks", ["n1"], Step("submitted"))
    assert state_of(session) == "submitted"


def test_another_units_line_did_not_keep_a_network_open_for_whom_one_unit_was_granted(
    session: Session, tmp_path: Path
) -> None:
    load_whole(session, tmp_path)
    put(session, "observed")
    session.execute(update(Circuit).values(unit_code="u1"))
    session.commit()
    qian = Principal("qian", account_id=9, grants=frozenset({Granted("operator", "unit", "u2")}))
    step = Step("closed", evidence="30 日无流量报告")
    with pytest.raises(Conflict) as caught:
        advance_items(bind(session, qian), qian, "networks", ["n1"], step)
    assert "线路" in str(caught.value)


def test_what_another_unit_names_was_removed_under_it(session: Session, tmp_path: Path) -> None:
    load_whole(session, tmp_path)
    session.execute(update(Site).values(unit_code="u2"))
    session.execute(update(PrivateNetwork).values(unit_code="u1"))
    session.commit()
    zhao = Principal("zhao", account_id=9, grants=frozenset({Granted("applicant", "unit", "u2")}))
    with pytest.raises(Conflict) as caught:
        remove_item(bind(session, zhao), zhao, BY_KEY["sites"], ("dc1",), 1)
    assert caught.value.code == "item.named"
    assert "其他单位的" in str(caught.value)
    assert "n1" not in str(caught.value)


def test_reasons_stand_in_the_log_as_they_were_given(session: Session, tmp_path: Path) -> None:
    """On SQLite they were kept as the text of a dictionary."""
    load_whole(session, tmp_path)
    put(session, "submitted")
    go(session, "returned", reasons={"zone": "不符"})
    (change, *_) = list_item_changes(session, SYSTEM, "networks", "n1").items
    assert change.after == {"state": "returned", "reasons": {"zone": "不符"}}
