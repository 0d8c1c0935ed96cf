"""Addresses over HTTP: the merge forecast, free space, whose an address is."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query

from yunzhang.access.dependencies import Asking, ReadingSession, Writing
from yunzhang.estate.addresses import service
from yunzhang.estate.addresses.schemas import (
    ConflictReport,
    FreePrefix,
    FreeRequest,
    Policy,
    WhoisReport,
)
from yunzhang.estate.endpoints import Code, Limit, Offset

router = APIRouter(prefix="/estate", tags=["estate"])


DomainCode = Annotated[str, Path(max_length=64)]


@router.get("/conflicts", operation_id="find_conflicts")
def find_conflicts(
    *,
    session: ReadingSession,
    principal: Asking,
    unit: Code = None,
    network: Code = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> ConflictReport:
    """The merge forecast with one page of overlapping pairs."""
    return service.find_conflicts(
        session, principal, unit=unit, network=network, limit=limit, offset=offset
    )


@router.get("/whois", operation_id="whois", summary="Whose an address is")
def whois(
    *,
    session: ReadingSession,
    principal: Asking,
    address: Annotated[str, Query(min_length=2, max_length=80)],
) -> WhoisReport:
    """Prefixes and workloads of an address or prefix, in every address domain."""
    return service.whois(session, principal, address)


@router.get(
    "/domains/{code}/free", operation_id="look_free", summary="The next free prefix of a domain"
)
def look_free(
    *,
    session: ReadingSession,
    principal: Asking,
    code: DomainCode,
    length: Annotated[int, Query(ge=1, le=128)],
    pool: Annotated[str | None, Query(max_length=43)] = None,
    family: Annotated[Literal["4", "6"], Query()] = "4",
    policy: Policy = "first",
) -> FreePrefix:
    """The prefix that would be taken now, from one pool or from any of the domain's."""
    asked = FreeRequest(length=length, pool=pool, family=6 if family == "6" else 4, policy=policy)
    return service.look_free(session, principal, code, asked)


@router.post(
    "/domains/{code}/free",
    operation_id="take_free",
    status_code=201,
    summary="Take the next free prefix of a domain",
)
def take_free(
    *, transaction: Writing, principal: Asking, code: DomainCode, asked: FreeRequest
) -> FreePrefix:
    """Declare the next free prefix as a leaf in draft; two takers never get the same."""
    with transaction() as session:
        return service.take_free(session, principal, code, asked)
