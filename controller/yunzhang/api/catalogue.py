"""The shared catalogue: what there is already and whose, so that nobody builds it again."""

from __future__ import annotations

from fastapi import APIRouter

from yunzhang.access.dependencies import Asking, ReadingSession
from yunzhang.api import repository
from yunzhang.api.schemas import CatalogueRow
from yunzhang.estate.endpoints import Limit, Offset
from yunzhang.estate.schemas import Page
from yunzhang.units.scope import demand

router = APIRouter(prefix="/catalogue", tags=["catalogue"])


@router.get("", summary="Shared catalogue")
def list_catalogue(
    session: ReadingSession, principal: Asking, limit: Limit = 100, offset: Offset = 0
) -> Page[CatalogueRow]:
    """One page of all units' verified systems, sites, networks and platforms: name, unit and
    purpose, no addresses, contacts or protection filings. For every role."""
    demand(principal, "catalogue")
    total, rows = repository.page_catalogue(session, limit, offset)
    items = [CatalogueRow.model_validate(row, from_attributes=True) for row in rows]
    return Page(items=items, total=total, limit=limit, offset=offset)
