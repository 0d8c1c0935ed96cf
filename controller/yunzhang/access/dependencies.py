"""Who is asking over HTTP, and sessions of the database that know it.

A request shows a token (`Authorization: Bearer`) or the cookie of a console session; with the
cookie, what changes anything must also carry the session's CSRF token, which no other site can
read. A restricted session comes with every principal: no endpoint gets another one.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from fastapi import Depends, Request

from yunzhang import db, settings
from yunzhang.access import service, sessions, tokens
from yunzhang.access.cookies import cookie_name
from yunzhang.access.models import Account, ConsoleSession, Token
from yunzhang.errors import Forbidden, Unauthenticated
from yunzhang.units import scope
from yunzhang.units.scope import Principal, demand, demand_oversight

CSRF_HEADER = "X-CSRF-Token"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
BEARER = "bearer "


def own_origins(request: Request) -> set[str]:
    """What browsers call pages of this instance."""
    host, public = request.headers.get("host", "").lower(), settings.current().public_url
    return {public} if public.endswith(f"//{host}") else {f"http://{host}"}


def check_origin(request: Request) -> None:
    """Refuse a changing request that a page of another site makes a browser send.

    Raises Forbidden `access.origin`.
    """
    origin = request.headers.get("origin")
    if request.method in SAFE or origin is None:
        return
    if origin.lower() not in own_origins(request):
        raise Forbidden("access.origin")


@dataclass(frozen=True, slots=True)
class Shown:
    """What a request showed, and whose it is."""

    account: Account
    principal: Principal
    how: Literal["token", "session"]
    identifier: str


def _from_token(secret: str) -> tuple[Shown, Token]:
    with db.reading() as session:
        account, token = tokens.account_of(session, secret)
        principal = service.principal_for(session, account)
    acts = tokens.acts_within(token.scopes)
    return Shown(account, replace(principal, token_acts=acts), "token", secret), token


def _from_session(identifier: str) -> tuple[Shown, ConsoleSession]:
    with db.reading() as session:
        account, kept = sessions.account_of(session, identifier)
        principal = service.principal_for(session, account)
    return Shown(account, principal, "session", identifier), kept


def shown(request: Request) -> Shown:
    """Who is asking, also when the password must be changed first.

    Raises Unauthenticated `access.nobody`, `access.token_bad` or `access.session_over`, Forbidden
    `access.csrf` or `access.origin`.
    """
    check_origin(request)
    header = request.headers.get("authorization", "")
    if header:
        if not header.lower().startswith(BEARER):
            raise Unauthenticated("access.token_bad")
        found, token = _from_token(header[len(BEARER) :].strip())
        tokens.touch(token)
        return found
    identifier = request.cookies.get(cookie_name())
    if not identifier:
        raise Unauthenticated("access.nobody")
    found, kept = _from_session(identifier)
    if request.method not in SAFE:
        told = request.headers.get(CSRF_HEADER, "")
        if not hmac.compare_digest(told.encode(), sessions.csrf_of(identifier).encode()):
            raise Forbidden("access.csrf")
    sessions.touch(kept)
    return found


Showing = Annotated[Shown, Depends(shown)]


def asking(found: Showing) -> Principal:
    """Who is asking. Raises Forbidden `access.must_change` before a new password was chosen."""
    if found.account.must_change:
        raise Forbidden("access.must_change", name=found.account.name)
    return found.principal


Asking = Annotated[Principal, Depends(asking)]


def still_asking(found: Shown) -> Principal:
    """Who is asking, asked again in the middle of a long answer, with the roles of now. It does not
    count as use: what runs by itself keeps no session alive.

    Raises as `shown` and `asking` do.
    """
    again = _from_token if found.how == "token" else _from_session
    return asking(again(found.identifier)[0])


def overseeing(principal: Asking) -> Principal:
    """Who is asking, provided they see the whole office's rooms: plans, runs, pools, reports."""
    demand_oversight(principal)
    return principal


Overseeing = Annotated[Principal, Depends(overseeing)]


def registering(principal: Asking) -> Principal:
    """Who is asking, provided they may write the register at all; asked before anything else."""
    demand(principal, "import")
    return principal


Registering = Annotated[Principal, Depends(registering)]


def reading_session(principal: Asking) -> Iterator[db.Session]:
    """A session that only reads what the asker may see, for one request."""
    with db.reading() as session:
        yield scope.bind(session, principal)


def writing_session(principal: Asking) -> Iterator[db.Session]:
    """A transaction of the asker's, for one request: committed when it answers, undone when it
    refuses."""
    with db.transaction() as session:
        yield scope.bind(session, principal)


Transaction = Callable[[], AbstractContextManager[db.Session]]


async def writing(principal: Asking) -> Transaction:
    """Opens the asker's transaction, which the endpoint begins and ends itself.

    Ended by the framework, a transaction would wait for a thread while the threads wait for it:
    what many write at once ends this way.
    """

    @contextmanager
    def begin() -> Iterator[db.Session]:
        with db.transaction() as session:
            yield scope.bind(session, principal)

    return begin


ReadingSession = Annotated[db.Session, Depends(reading_session)]
Writing = Annotated[Transaction, Depends(writing)]
# committed before the answer is sent, not after it
WritingSession = Annotated[db.Session, Depends(writing_session, scope="function")]
