"""The audit record over HTTP: entries, the newest block, and verification."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response, status

from yunzhang import audit, clock, jobs
from yunzhang.access.dependencies import Asking, ReadingSession, Writing
from yunzhang.api import repository
from yunzhang.api.schemas import (
    AuditEntryRead,
    AuditEntryWhole,
    AuditHead,
    AuditVerification,
)
from yunzhang.audit.repository import Filter, count_waiting, seal_of
from yunzhang.errors import Forbidden
from yunzhang.estate.endpoints import Paging, Since, Until, Who, moment
from yunzhang.estate.pages import told_page
from yunzhang.estate.schemas import Page
from yunzhang.units.scope import Principal, demand

router = APIRouter(prefix="/audit", tags=["audit"])

# Entries that are verified while the asker waits: about a second's work.
AT_ONCE = 20_000
JOB = "verify-audit"
Word = Annotated[str | None, Query(max_length=80)]
Reference = Annotated[str | None, Query(max_length=200, description="only acts on this")]
Number = Annotated[int, Path(ge=1, le=2**53)]


def _of_the_office(principal: Principal, act: str) -> Principal:
    """The record is the office's: of a part of it nothing can be said."""
    demand(principal, act)
    if not principal.reach().office:
        raise Forbidden("units.forbidden", name=principal.name, act=act)
    return principal


def auditing(principal: Asking) -> Principal:
    """Who is asking, provided they may see who did what."""
    return _of_the_office(principal, "audit")


def verifying(principal: Asking) -> Principal:
    """Who is asking, provided they may verify the record."""
    return _of_the_office(principal, "verify")


Auditing = Annotated[Principal, Depends(auditing)]
Verifying = Annotated[Principal, Depends(verifying)]


@router.get("/entries", summary="Entries of the audit record")
def list_audit_entries(
    *,
    session: ReadingSession,
    principal: Auditing,
    asked: Paging,
    who: Who = None,
    act: Word = None,
    noun: Word = None,
    reference: Reference = None,
    since: Since = None,
    until: Until = None,
) -> Page[AuditEntryRead]:
    """One page of who did what, newest first, each with the block that seals it."""
    wanted = Filter(who, act, noun, reference, moment(since), moment(until))
    found = repository.page_audit(session, wanted, asked, principal)
    return told_page(found, asked, lambda row: AuditEntryRead.of(*row))


@router.get("/entries/{number}", summary="One entry of the audit record")
def get_audit_entry(
    *, number: Number, session: ReadingSession, principal: Auditing
) -> AuditEntryWhole:
    """All that an entry says: who, from where, what, before and after, and where it is sealed."""
    return AuditEntryWhole.of_whole(audit.get_entry(session, number), seal_of(session, number))


@router.get("/head", summary="The newest block of the audit record")
def get_audit_head(*, session: ReadingSession, principal: Verifying) -> AuditHead:
    """Number and digest of the newest block, to be kept elsewhere; and what is not sealed yet."""
    head = audit.head(session)
    if head is None:
        return AuditHead(number=None, at=None, digest=None, waiting=count_waiting(session))
    return AuditHead(number=head.number, at=head.at, digest=head.digest, waiting=head.waiting)


@router.post(
    "/verifications",
    summary="Verify the audit record",
    responses={202: {"model": AuditVerification, "description": "Begun; see `reference`"}},
)
def verify_audit(
    *, session: ReadingSession, transaction: Writing, principal: Verifying, response: Response
) -> AuditVerification:
    """Read the whole record and name the first thing wrong, with this instance's own keys.

    A long record is verified in the background (202): its finding is the entry of the act
    `verify` on `reference`.
    """
    if repository.count_sealed(session, AT_ONCE + 1) <= AT_ONCE:
        return AuditVerification.of(audit.examine(session))
    # asking again within the minute asks for the same
    slot = f"asked-{clock.now():%Y%m%dT%H%M}"
    reference = f"{JOB}:{slot}"
    with transaction() as writing:
        jobs.start(writing, JOB, reference, {"slot": slot})
    response.status_code = status.HTTP_202_ACCEPTED
    return AuditVerification(done=False, reference=reference)
