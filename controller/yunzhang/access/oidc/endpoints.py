"""The outside provider over HTTP: sent there, back logged in; whose its identities are."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from yunzhang.access import schemas
from yunzhang.access.cookies import (
    COOKIE,
    address_of,
    cookie_name,
    keep_cookie,
    keep_session,
)
from yunzhang.access.dependencies import Asking, ReadingSession, WritingSession
from yunzhang.access.endpoints import AccountName, Limit, Offset
from yunzhang.access.oidc import identities, service
from yunzhang.access.oidc.configuration import is_configured
from yunzhang.settings import current

router = APIRouter()

MARK = "yunzhang_oidc"
Told = Annotated[str | None, Query(max_length=4096)]
ReturnTo = Annotated[
    str, Query(max_length=500, description="path of this instance to go to afterwards")
]


@router.get("/oidc", tags=["session"], summary="Outside provider")
def get_provider() -> schemas.ProviderRead:
    """Whether one can log in at an outside provider; asked before logging in."""
    found = is_configured()
    return schemas.ProviderRead(configured=found, label=current().oidc_label if found else None)


@router.get(
    "/oidc/start",
    tags=["session"],
    summary="Log in elsewhere",
    status_code=303,
    response_class=Response,
)
def start_oidc(request: Request, return_to: ReturnTo = "/") -> Response:
    """Send the browser to the provider of the settings, with a mark to come back by."""
    mark = service.browser_mark(request.cookies.get(cookie_name(MARK)))
    target = service.begin_login(return_to, mark, address_of(request))
    answer = RedirectResponse(target, status_code=303)
    keep_cookie(answer, MARK, mark, int(service.JOURNEY.total_seconds()))
    return answer


@router.get(
    "/oidc/callback",
    tags=["session"],
    summary="Come back logged in",
    status_code=303,
    response_class=Response,
)
def finish_oidc(
    *,
    request: Request,
    code: Told = None,
    state: Told = None,
    error: Told = None,
    iss: Told = None,
) -> Response:
    """Where the provider sends the browser: exchanges the code, checks the ID token, and begins a
    console session of the account that an administrator linked."""
    told = service.Answer(code=code, state=state, issuer=iss, error=error)
    mark, former = (request.cookies.get(cookie_name(name)) for name in (MARK, COOKIE))
    arrival = service.finish_login(told, mark, former=former)
    answer = RedirectResponse(arrival.return_to, status_code=303)
    # the mark stays: another window of the browser may be on its way back
    keep_session(answer, arrival.made)
    return answer


@router.get("/identities", tags=["accounts"], summary="Linked identities")
def list_identities(
    session: ReadingSession,
    principal: Asking,
    account: Annotated[str | None, Query(max_length=80)] = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> schemas.PageOfIdentities:
    """One page of links in use by account, for administrators."""
    rows, total = identities.page_identities(
        session, principal, account, limit=limit, offset=offset
    )
    items = [
        schemas.IdentityRead(
            account=owner.name,
            issuer=link.issuer,
            subject=link.subject,
            linked_at=link.created_at,
            linked_by=link.linked_by,
        )
        for link, owner in rows
    ]
    return schemas.PageOfIdentities(items=items, total=total, limit=limit, offset=offset)


@router.post(
    "/accounts/{name}/identity", tags=["accounts"], summary="Link an identity", status_code=204
)
def link_identity(
    name: AccountName, asked: schemas.Link, principal: Asking, session: WritingSession
) -> None:
    """Say which account an identity of the outside provider is."""
    identities.link_identity(session, principal, name, issuer=asked.issuer, subject=asked.subject)


@router.delete(
    "/accounts/{name}/identity", tags=["accounts"], summary="Unlink an identity", status_code=204
)
def remove_identity(
    name: AccountName,
    issuer: Annotated[str, Query(max_length=300)],
    subject: Annotated[str, Query(max_length=255)],
    principal: Asking,
    session: WritingSession,
) -> None:
    """End a link, and the account's console sessions: any may have begun by it."""
    identities.unlink_identity(session, principal, name, issuer=issuer, subject=subject)
