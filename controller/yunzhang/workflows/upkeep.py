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
    """Verify the audit record and record what was found, under the job's slot."""
    broken = find_broken_entry()
    record_verification(str(payload["slot"]), broken)
    return {"broken_entry": broken}


@step("find-broken-entry")
def find_broken_entry() -> dict[str, Any] | None:
    """The first thing wrong in the audit record: code, block, entry; or None."""
    with db.reading() as session:
        fault = audit.verify(session)
    return {"fault": fault.code, "block": fault.block, "entry": fault.entry} if fault else None


@step("record-verification")
def record_verification(
    slot: str, broken: dict[str, Any] | None, principal: Principal = SYSTEM
) -> None:
    """Write the finding into the audit record, once per slot."""
    demand(principal, "verify")
    if broken is not None:
        log.error("audit record broken", **broken)
    reference = f"verify-audit:{slot}"
    with db.transaction() as session:
        if not repository.has_audit_entry(session, VERIFY, reference):
            audit.record(session, principal, VERIFY, "audit", reference, broken_entry=broken)
