"""Small instances for tests: accounts, a pool, a plan that is approved."""

from __future__ import annotations

from sqlalchemy.orm import Session

from tests.surveys import snapshot
from yunzhang.access import service as access
from yunzhang.allocation import service as allocation
from yunzhang.plans import service as plans
from yunzhang.plans.models import PlanVersion
from yunzhang.plans.snapshot import Snapshot
from yunzhang.units.scope import SYSTEM, Principal

PASSWORD = "correct horse battery"
ROOM = {"VCPU": 64, "MEMORY_MB": 65536, "VOLUME_GB": 1000}


def make_accounts(session: Session) -> tuple[Principal, Principal]:
    """Wang plans and runs, Li reviews."""
    for name, roles in (("wang", ["operator", "engineer"]), ("li", ["reviewer"])):
        access.create_account(
            session, SYSTEM, name=name, display_name=name, roles=roles, password=PASSWORD
        )
    return access.principal_of(session, "wang"), access.principal_of(session, "li")


def make_submitted_plan(
    session: Session, wang: Principal, taken: Snapshot | None = None
) -> PlanVersion:
    """A plan that fits, built and submitted by Wang, and a pool it fits into."""
    allocation.sync_pool(session, SYSTEM, "gov", ROOM)
    plans.build_plan(session, wang, taken or snapshot())
    return plans.submit_plan(session, wang, "demo")


def make_approved_plan(session: Session, taken: Snapshot | None = None) -> PlanVersion:
    """A plan approved by Li."""
    wang, li = make_accounts(session)
    version = make_submitted_plan(session, wang, taken)
    return plans.approve_plan(session, li, "demo", signed_hash=version.hash, password=PASSWORD)
