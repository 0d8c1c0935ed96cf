"""Reports and totals over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import HTMLResponse

from yunzhang.access.dependencies import Overseeing, ReadingSession
from yunzhang.api.schemas import TotalsPage
from yunzhang.db import Session
from yunzhang.estate.endpoints import Limit, Offset
from yunzhang.plans.endpoints import PlanName
from yunzhang.reports import totals
from yunzhang.reports.observation import observe_run
from yunzhang.reports.run import gather_run, render_run
from yunzhang.reports.schemas import RunReport, Totals
from yunzhang.texts import Language, current_language
from yunzhang.units.scope import Principal

router = APIRouter(tags=["reports"])

Number = Annotated[int, Path(ge=1, le=2**31 - 1, description="the wave's number in its plan")]
Offline = Annotated[bool, Query(description="do not look at the clouds; says so in the report")]
# The page brings its own style and needs nothing else.
PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


def _gather(
    session: Session, principal: Principal, name: str, number: int, offline: bool
) -> RunReport:
    seen = None if offline else observe_run(session, principal, name, number)
    return gather_run(session, principal, name, number, seen)


@router.get("/plans/{name}/waves/{number}/report", summary="Report of a wave as data")
def get_report(
    *,
    name: PlanName,
    number: Number,
    session: ReadingSession,
    principal: Overseeing,
    offline: Offline = False,
) -> RunReport:
    """Everything the printed report of a wave says."""
    return _gather(session, principal, name, number, offline)


@router.get(
    "/plans/{name}/waves/{number}/report.html",
    summary="Report of a wave as a page",
    # not HTMLResponse: errors would be described as HTML, too
    response_class=Response,
    responses={200: {"content": {"text/html": {"schema": {"type": "string"}}}}},
)
def get_report_page(
    *,
    name: PlanName,
    number: Number,
    session: ReadingSession,
    principal: Overseeing,
    offline: Offline = False,
    language: Annotated[Language | None, Query(description="else Accept-Language's")] = None,
) -> HTMLResponse:
    """One self-contained page to print: what moved, proofs, durations, what is left, totals."""
    report = _gather(session, principal, name, number, offline)
    page = render_run(report, language or current_language())
    return HTMLResponse(page, headers={"Content-Security-Policy": PAGE_POLICY})


@router.get("/totals/cities", summary="Totals by city")
def get_city_totals(session: ReadingSession, principal: Overseeing) -> Totals:
    """What the units of each city declared, and how many workloads were moved."""
    return totals.totals_by_city(session, principal)


@router.get("/totals/units", summary="Totals by unit")
def list_unit_totals(
    *, session: ReadingSession, principal: Overseeing, limit: Limit = 100, offset: Offset = 0
) -> TotalsPage:
    """One page of the units that have workloads, by code."""
    found = totals.totals_by_unit(session, principal, limit=limit, offset=offset)
    return TotalsPage(
        items=found.rows,
        sum=found.total,
        total=totals.count_units(session, principal),
        limit=limit,
        offset=offset,
    )
