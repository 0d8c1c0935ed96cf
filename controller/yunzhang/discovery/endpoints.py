"""What was observed, and findings, over HTTP. The list of all runs stands in `api.lists`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Path, Query

from yunzhang.access.dependencies import Asking, Overseeing, ReadingSession, Writing
from yunzhang.discovery import decisions, finding_repository, repository, schemas, service
from yunzhang.discovery.finding_repository import Filter
from yunzhang.discovery.finding_states import STATES
from yunzhang.discovery.findings import accuracy_page
from yunzhang.discovery.reconciling import KINDS
from yunzhang.errors import NotFound
from yunzhang.estate.endpoints import Code, Limit, Offset
from yunzhang.estate.schemas import Page
from yunzhang.units.scope import demand

router = APIRouter(prefix="/discovery", tags=["discovery"])
findings = APIRouter(prefix="/findings", tags=["findings"])

CloudName = Annotated[str, Path(max_length=80, description="the cloud's name in clouds.yaml")]
FindingId = Annotated[int, Path(ge=1, le=2**31 - 1)]
Source = Annotated[str | None, Query(max_length=80)]
FindingKind = StrEnum("FindingKind", {kind: kind for kind in KINDS})  # type: ignore[misc]
FindingState = StrEnum("FindingState", {state: state for state in STATES})  # type: ignore[misc]
Kind = StrEnum("Kind", {name: name for name in service.KINDS})  # type: ignore[misc]


@router.get("/clouds/{cloud}", summary="Latest reading of a cloud")
def get_latest_run(
    cloud: CloudName, session: ReadingSession, principal: Overseeing
) -> schemas.RunRead:
    """When a cloud was last read completely, and how many resources of each kind it had."""
    run = repository.latest_run(session, cloud)
    if run is None:
        raise NotFound("discovery.never", cloud=cloud)
    return schemas.RunRead.model_validate(run)


@router.get("/clouds/{cloud}/items", summary="Resources of a cloud")
def list_items(
    *,
    cloud: CloudName,
    session: ReadingSession,
    principal: Overseeing,
    kind: Annotated[Kind | None, Query(description="only this kind")] = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> Page[schemas.ItemRead]:
    """One page of what the latest run of a cloud saw, by kind and name; none before any run."""
    wanted = str(kind) if kind else None
    total, rows = repository.list_items(session, cloud, wanted, limit=limit, offset=offset)
    items = [schemas.ItemRead.model_validate(row) for row in rows]
    return Page(items=items, total=total, limit=limit, offset=offset)


@findings.get("", summary="Findings of reconciliation")
def list_findings(
    *,
    session: ReadingSession,
    principal: Asking,
    state: Annotated[FindingState | None, Query(description="only in this state")] = None,
    kind: Annotated[FindingKind | None, Query(description="only this kind")] = None,
    unit: Code = None,
    source: Source = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> Page[schemas.FindingRead]:
    """One page of what the register and the sources do not agree on, oldest first."""
    demand(principal, "read")
    which = Filter(
        state=str(state) if state else None,
        kind=str(kind) if kind else None,
        unit=unit,
        source=source,
    )
    total, rows = finding_repository.page(session, which, limit=limit, offset=offset)
    items = [schemas.FindingRead.model_validate(row) for row in rows]
    return Page(items=items, total=total, limit=limit, offset=offset)


@findings.get("/accuracy", summary="Accuracy of units' declarations")
def list_accuracies(
    *, session: ReadingSession, principal: Asking, limit: Limit = 100, offset: Offset = 0
) -> Page[schemas.AccuracyRead]:
    """One page of units by code: fields compared, equal, and differing but decided.

    Units of which nothing was compared have no row: what is not known is not scored.
    """
    total, rows = accuracy_page(session, principal, limit=limit, offset=offset)
    items = [schemas.AccuracyRead.model_validate(row) for row in rows]
    return Page(items=items, total=total, limit=limit, offset=offset)


@findings.post("/registrations", summary="Register machines that are in no register")
def create_registrations(
    asked: schemas.RegistrationWrite, principal: Asking, transaction: Writing
) -> schemas.RegistrationRead:
    """Make drafts of the register from machines that were only seen, by rules, in one import.

    The first rule that fits a machine's project and name places it; each is whole or refused.
    """
    which = Filter(state="open", source=asked.source)
    with transaction() as session:
        done, refused = decisions.register_all(
            session, principal, asked.findings or which, [r.rule for r in asked.rules], asked.reason
        )
        answer = schemas.RegistrationRead(
            written=not asked.dry_run,
            registered=[schemas.RegisteredRead(finding=row.id, code=code) for row, code in done],
            refused=[
                schemas.RefusedRead(
                    finding=one.finding, code=one.error.code, message=str(one.error)
                )
                for one in refused
            ],
        )
        if asked.dry_run:
            session.rollback()
    return answer


@findings.post("/{finding_id}/decision", summary="Decide a finding")
def decide_finding(
    finding_id: FindingId, asked: schemas.DecisionWrite, principal: Asking, transaction: Writing
) -> schemas.FindingRead:
    """Accept what was seen, keep what is declared, return it to the unit, or except it for a time.

    409 when the finding, or the workload it would change, is no longer what was seen.
    """
    rule = asked.rule.rule if asked.rule else None
    verdict = decisions.Verdict(asked.decision, asked.reason, asked.until, asked.match, rule)
    with transaction() as session:
        row = decisions.decide(session, principal, finding_id, verdict, revision=asked.revision)
        return schemas.FindingRead.model_validate(row)
