"""Reading one plan over HTTP. The list of all versions stands in `api.lists`."""

from __future__ import annotations

from typing import Annotated

import yaml
from fastapi import APIRouter, Path, Query, Response

from yunzhang.access.dependencies import Overseeing, ReadingSession
from yunzhang.db import Session
from yunzhang.errors import NotFound
from yunzhang.plans import repository, schemas, service
from yunzhang.plans.document import Document
from yunzhang.plans.models import PlanVersion
from yunzhang.texts import text

router = APIRouter(prefix="/plans", tags=["plans"])

PlanName = Annotated[str, Path(max_length=80, description="the plan's identifier")]
Digest = Annotated[
    str | None,
    Query(pattern="^[0-9a-f]{64}$", description="hash of a version; without it the newest"),
]
YAML = "application/yaml"


def _version(session: Session, name: str, digest: str | None) -> PlanVersion:
    if digest is None:
        return service.get_version(session, name)
    version = repository.version_of_hash(session, digest)
    if version is None or version.name != name:
        raise NotFound("api.version_unknown", name=name, hash=digest[:12])
    return version


@router.get("/{name}", summary="One plan")
def get_plan(
    name: PlanName, session: ReadingSession, principal: Overseeing, version: Digest = None
) -> schemas.PlanRead:
    """The newest version of a plan, or the one with a hash: waves, need, misfits, approvals."""
    row = _version(session, name, version)
    content, build = row.content, row.content["build"]
    references = content["address_book"]["references"]
    return schemas.PlanRead(
        **schemas.VersionRead.model_validate(row).model_dump(),
        source_cloud=build["source_cloud"],
        target_cloud=build["target_cloud"],
        workloads=len(content["workloads"]),
        waves=[schemas.PlannedWave.model_validate(wave) for wave in content["waves"]],
        need=content["fit"]["need"],
        misfits=[schemas.MisfitRead.model_validate(misfit) for misfit in content["fit"]["misfits"]],
        open_references=sum(reference["state"] != "rewritten" for reference in references),
        approvals=[
            schemas.ApprovalRead.model_validate(signature)
            for signature in service.signatures(session, row)
        ],
    )


@router.get("/{name}/document", summary="A plan's document as JSON")
def get_document(
    name: PlanName, session: ReadingSession, principal: Overseeing, version: Digest = None
) -> Document:
    """The exact export of a version with its hash and approvals (`migrations_plans/schema`)."""
    return service.export_plan(session, _version(session, name, version))


@router.get(
    "/{name}/document.yaml",
    summary="A plan's document as YAML",
    response_class=Response,
    responses={200: {"content": {YAML: {"schema": {"type": "string"}}}}},
)
def get_document_yaml(
    name: PlanName, session: ReadingSession, principal: Overseeing, version: Digest = None
) -> Response:
    """The same document as the file that `yunzhang plan export` writes."""
    row = _version(session, name, version)
    dumped = yaml.safe_dump(
        service.export_plan(session, row), allow_unicode=True, sort_keys=False, width=100
    )
    disposition = f'attachment; filename="{row.name}-v{row.number}.yml"'
    return Response(
        dumped, media_type=f"{YAML}; charset=utf-8", headers={"Content-Disposition": disposition}
    )


@router.get("/{name}/check", summary="Check a plan")
def check_plan(
    name: PlanName, session: ReadingSession, principal: Overseeing, version: Digest = None
) -> schemas.CheckRead:
    """What the checker, which shares no code with the planner, finds wrong with a version."""
    row = _version(session, name, version)
    faults = service.check_version(service.export_plan(session, row))
    return schemas.CheckRead(
        name=row.name,
        number=row.number,
        hash=row.hash,
        sound=not faults,
        faults=[
            schemas.FaultRead(
                code=fault.code,
                place=fault.place,
                message=text(fault.code, **{"place": fault.place, **fault.values}),
            )
            for fault in faults
        ],
    )
