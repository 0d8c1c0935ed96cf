"""Reading the ledger over HTTP. Lists of pools and allocations stand in `api.lists`."""

from __future__ import annotations

from fastapi import APIRouter

from yunzhang.allocation import schemas, service
from yunzhang.estate.endpoints import Asking, ReadingSession
from yunzhang.units.scope import demand

router = APIRouter(prefix="/ledger", tags=["ledger"])


@router.get("/check", summary="Check the ledger")
def check_ledger(session: ReadingSession, principal: Asking) -> schemas.LedgerCheck:
    """Compare the sums of the ledger, the pools' counters and the allocations."""
    demand(principal, "read")
    faults = service.verify_ledger(session)
    return schemas.LedgerCheck(sound=not faults, faults=faults)
