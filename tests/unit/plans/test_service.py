"""Plans are signed by somebody else, by hash, and hold capacity or are not signed at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from tests.estates import PASSWORD, ROOM, make_accounts, make_approved_plan, make_submitted_plan
from tests.surveys import snapshot, target_survey
from yunzhang.access import service as access
from yunzhang.allocation import repository as allocations
from yunzhang.allocation import service as allocation
from yunzhang.errors import Conflict, Forbidden, InputError, NotFound, Shortage
from yunzhang.plans import document as documents
from yunzhang.plans import service
from yunzhang.units.scope import SYSTEM

pytestmark = pytest.mark.usefixtures("noon")


def test_approval_places_holds_and_signs_the_hash(session: Session) -> None:
    version = make_approved_plan(session)
    assert version.state == "approved"
    (signature,) = service.signatures(session, version)
    assert (signature.account, signature.hash) == ("li", version.hash)
    assert allocations.sum_by_unit(session)["U-hrss", "held", "VCPU"] == 3
    assert allocation.verify_ledger(session) == []


def test_nobody_approves_their_own_plan(session: Session) -> None:
    wang, _ = make_accounts(session)
    version = make_submitted_plan(session, wang)
    version.created_by = "li"
    li = access.principal_of(session, "li")
    with pytest.raises(Forbidden, match="li"):
        service.approve_plan(session, li, "demo", signed_hash=version.hash, password=PASSWORD)


def test_planner_and_system_cannot_approve(session: Session) -> None:
    wang, _ = make_accounts(session)
    version = make_submitted_plan(session, wang)
    for principal in (wang, SYSTEM):
        with pytest.raises(Forbidden):
            service.approve_plan(
                session, principal, "demo", signed_hash=version.hash, password=PASSWORD
            )


def test_signature_needs_password_and_the_newest_hash(session: Session) -> None:
    wang, li = make_accounts(session)
    version = make_submitted_plan(session, wang)
    with pytest.raises(Forbidden):
        service.approve_plan(session, li, "demo", signed_hash=version.hash, password="wrong")
    with pytest.raises(Conflict, match="demo"):
        service.approve_plan(session, li, "demo", signed_hash="0" * 64, password=PASSWORD)


def test_hold_that_cannot_be_placed_signs_nothing(session: Session) -> None:
    wang, li = make_accounts(session)
    version = make_submitted_plan(session, wang)
    allocation.sync_pool(session, SYSTEM, "gov", {**ROOM, "VCPU": 5})
    session.commit()
    with pytest.raises(Shortage, match="VCPU"):
        service.approve_plan(session, li, "demo", signed_hash=version.hash, password=PASSWORD)
    session.rollback()
    assert not service.signatures(session, version)
    assert allocations.sum_by_unit(session) == {}


def test_new_version_supersedes_and_gives_back(session: Session) -> None:
    old = make_approved_plan(session)
    wang = access.principal_of(session, "wang")
    li = access.principal_of(session, "li")
    service.build_plan(session, wang, snapshot(wave_limit=3))
    new = service.submit_plan(session, wang, "demo")
    service.approve_plan(session, li, "demo", signed_hash=new.hash, password=PASSWORD)
    assert old.state == "superseded"
    assert allocations.sum_by_unit(session)["U-hrss", "held", "VCPU"] == 3
    assert allocation.verify_ledger(session) == []


def test_plan_that_does_not_fit_stays_a_draft(session: Session) -> None:
    wang, _ = make_accounts(session)
    version = service.build_plan(session, wang, snapshot(target_survey(vcpus=5)))
    assert version.state == "draft"
    with pytest.raises(Conflict, match="demo"):
        service.submit_plan(session, wang, "demo")


def test_document_round_trip_is_the_stored_version(session: Session, tmp_path: Path) -> None:
    version = make_approved_plan(session)
    path = tmp_path / "demo.yml"
    documents.write_document(service.export_plan(session, version), path)
    assert service.version_of(session, documents.read_document(path)).id == version.id


def test_edited_document_is_no_version_until_adopted(session: Session) -> None:
    version = make_approved_plan(session)
    wang = access.principal_of(session, "wang")
    document = service.export_plan(session, version)
    document["validation"] = {"console_patterns": ["ready"], "console_timeout_seconds": 60}
    with pytest.raises(Conflict):
        service.version_of(session, document)
    adopted = service.adopt_document(session, wang, document)
    assert (adopted.number, adopted.state) == (2, "simulated")
    assert not service.signatures(session, adopted)


def test_unsound_document_is_not_adopted(session: Session) -> None:
    version = make_approved_plan(session)
    wang = access.principal_of(session, "wang")
    document = service.export_plan(session, version)
    document["holds"] = []
    with pytest.raises(InputError, match="holds"):
        service.adopt_document(session, wang, document)


@pytest.mark.parametrize("content", ["", "just text", "a: [", "schema: other/1\n"])
def test_what_is_no_plan_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "plan.yml"
    path.write_text(content, "utf-8")
    with pytest.raises(InputError, match=r"plan\.yml"):
        documents.read_document(path)


def test_unknown_plan(session: Session) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        service.get_version(session, "nowhere")
