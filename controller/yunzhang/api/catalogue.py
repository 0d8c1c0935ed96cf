"""The shared catalogue: what there is already and whose, so that nobody builds it again."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from yunzhang.access.dependencies import Asking, ReadingSession
from yunzhang.api import repository
from yunzhang.api.schemas import CatalogueRow
from yunzhang.estate.endpoints import Code, Paging
from yunzhang.estate.pages import told_page
from yunzhang.estate.schemas import Page
from yunzhang.units.scope import demand

router = APIRouter(prefix="/catalogue", tags=["catalogue"])


@router.get("", summary="Shared catalogue")
def list_catalogue(
    *,
    session: ReadingSession,
    principal: Asking,
    asked: Paging,
    kind: Literal["system", "site", "network", "platform"] | None = None,
    unit: Code = None,
    name: Annotated[str | None, Query(max_length=80, description="only names with this")] = None,
) -> Page[CatalogueRow]:
    """One page of all units' verified systems, sites, networks and platforms: name, unit and
    purpose, no addresses, contacts or protection filings. For every role."""
    demand(principal, "catalogue")
    found = repository.page_catalogue(session, kind, unit, name, asked, principal)
    names = tuple(CatalogueRow.model_fields)
    return told_page(found, asked, lambda row: CatalogueRow(**dict(zip(names, row, strict=True))))
