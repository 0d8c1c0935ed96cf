"""Reading the ledger over HTTP. Lists of pools and allocations stand in `api.lists`."""

from __future__ import annotations

from fastapi import APIRouter

from yunzhang.access.dependencies import Overseeing, ReadingSession
from yunzhang.allocation import schemas, service

router = APIRouter(prefix="/ledger", tags=["ledger"])


@router.get("/check", summary="Check the ledger")
def check_ledger(session: ReadingSession, principal: Overseeing) -> schemas.LedgerCheck:
    """Compare the sums of the ledger, the pools' counters and the allocations."""
    faults = service.verify_ledger(session)
    return schemas.LedgerCheck(sound=not faults, faults=faults)
