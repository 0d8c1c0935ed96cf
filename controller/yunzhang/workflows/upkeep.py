"""Workflows that look after the product itself."""

from __future__ import annotations

from typing import Any

from yunzhang import audit, db
from yunzhang.kit.logs import logger
from yunzhang.units.scope import SYSTEM, Principal, demand
from yunzhang.workflows import repository
from yunzhang.workflows.dispatcher import register
from yunzhang.workflows.engine import step

log = logger("workflows")

VERIFY = "verify"


@register("verify-audit")
def verify_audit(payload: dict[str, Any]) -> dict[str, Any]:
    """Follow the audit record's chain and record what was found, under the job's slot."""
    broken = find_broken_entry()
    record_verification(str(payload["slot"]), broken)
    return {"broken_entry": broken}


@step("find-broken-entry")
def find_broken_entry() -> int | None:
    """The first entry of the audit record that does not fit, or None."""
    with db.reading() as session:
        return audit.verify(session)


@step("record-verification")
def record_verification(slot: str, broken: int | None, principal: Principal = SYSTEM) -> None:
    """Write the finding into the audit record, once per slot."""
    demand(principal, "verify")
    if broken is not None:
        log.error("audit record broken", entry=broken)
    reference = f"verify-audit:{slot}"
    with db.transaction() as session:
        if not repository.has_audit_entry(session, VERIFY, reference):
            audit.record(session, principal.name, VERIFY, "audit", reference, broken_entry=broken)
