"""Logging in and out, tokens, accounts and grants over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import RedirectResponse

from yunzhang import db, settings
from yunzhang.access import grants, oidc, repository, schemas, service, sessions, throttle, tokens
from yunzhang.access.dependencies import (
    COOKIE,
    Asking,
    ReadingSession,
    Showing,
    Shown,
    WritingSession,
    check_origin,
    cookie_name,
)
from yunzhang.errors import Forbidden
from yunzhang.units.scope import demand

router = APIRouter()

OIDC_COOKIE = "yunzhang_oidc"
Limit = Annotated[int, Query(ge=1, le=500)]
Offset = Annotated[int, Query(ge=0, le=2**31 - 1)]
AccountName = Annotated[str, Path(max_length=80, description="the account's name")]
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
Text = Annotated[str | None, Query(max_length=2000)]


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"


def _set_cookie(response: Response, name: str, value: str, seconds: int) -> None:
    secure = bool(settings.current().public_url)
    response.set_cookie(
        cookie_name(name), value, max_age=seconds, httponly=True, secure=secure, samesite="lax"
    )


def _remove_cookie(response: Response, name: str) -> None:
    """Browsers hear of a `__Host-` cookie, also that it ends, only with the words it was set."""
    _set_cookie(response, name, "", 0)


def _who(found: Shown) -> schemas.WhoRead:
    account, principal = found.account, found.principal
    return schemas.WhoRead(
        name=account.name,
        display_name=account.display_name,
        roles=sorted(principal.roles),
        acts=[] if account.must_change else sorted(principal.acts),
        office=principal.reach().office,
        grants=[
            schemas.ScopeRead.model_validate(granted)
            for granted in sorted(principal.grants, key=lambda g: (g.kind, g.reference, g.role))
        ],
        must_change=account.must_change,
        csrf=sessions.csrf_of(found.identifier) if found.how == "session" else None,
    )


@router.post("/session", tags=["session"], summary="Log in", dependencies=[Depends(check_origin)])
def log_in(asked: schemas.Login, request: Request, response: Response) -> schemas.WhoRead:
    """Begin a console session; what the browser had before ends. Failures make the next one wait,
    for names that are no account's as well."""
    former = request.cookies.get(cookie_name())
    made = sessions.log_in(asked.name, asked.password, _address(request), former=former)
    with db.reading() as session:
        principal = service.principal_for(session, made.account)
    _set_cookie(response, COOKIE, made.identifier, _seconds())
    return _who(Shown(made.account, principal, "session", made.identifier))


def _seconds() -> int:
    return int(sessions.ABSOLUTE.total_seconds())


@router.get("/session", tags=["session"], summary="Who am I")
def get_session(found: Showing) -> schemas.WhoRead:
    """The account that is asking: its acts, its scopes, and the CSRF token of its session."""
    return _who(found)


@router.delete("/session", tags=["session"], summary="Log out", status_code=204)
def log_out(found: Showing, response: Response) -> None:
    """End the console session, or revoke the token, that is shown."""
    with db.transaction() as session:
        if found.how == "session":
            sessions.log_out(session, found.account.name, found.identifier)
        else:
            _, token = tokens.account_of(session, found.identifier)
            tokens.revoke_token(session, found.account.id, found.account.name, token.id)
    _remove_cookie(response, COOKIE)


@router.post("/session/password", tags=["session"], summary="Change password", status_code=204)
def change_password(asked: schemas.PasswordChange, request: Request, found: Showing) -> None:
    """Change one's own password. Every console session of the account ends, this one too. Wrong
    ones count like failed logins: a stolen session must not serve to guess."""
    name, address = found.account.name, _address(request)
    throttle.count_attempt(name, address)
    with db.transaction() as session:
        service.change_password(session, found.principal, old=asked.old, new=asked.new)
        throttle.forgive(session, name, address)


@router.get("/tokens", tags=["session"], summary="Own tokens")
def list_tokens(
    session: ReadingSession, principal: Asking, limit: Limit = 100, offset: Offset = 0
) -> schemas.PageOfTokens:
    """One page of one's own tokens, newest first; never their text."""
    rows, total = repository.page_tokens(session, principal.account_id or 0, limit, offset)
    items = [schemas.TokenRead.model_validate(row) for row in rows]
    return schemas.PageOfTokens(items=items, total=total, limit=limit, offset=offset)


@router.post("/tokens", tags=["session"], summary="Make a token", status_code=201)
def make_token(
    asked: schemas.TokenNew, found: Showing, principal: Asking, session: WritingSession
) -> schemas.TokenMade:
    """Make a token for some acts, for at most a year; its text is told this once.

    Only from a console session: a token cannot make one that outlives it or may do more.
    """
    if found.how != "session":
        raise Forbidden("access.token_by_token")
    row, secret = tokens.make_token(
        session, found.account, name=asked.name, scopes=asked.scopes, expires_at=asked.expires_at
    )
    told = schemas.TokenRead.model_validate(row)
    return schemas.TokenMade(**told.model_dump(), token=secret)


@router.delete("/tokens/{token}", tags=["session"], summary="Revoke a token", status_code=204)
def revoke_token(token: Number, principal: Asking, session: WritingSession) -> None:
    """End one of one's own tokens."""
    tokens.revoke_token(session, principal.account_id or 0, principal.name, token)


@router.get("/accounts", tags=["accounts"], summary="Accounts")
def list_accounts(
    session: ReadingSession, principal: Asking, limit: Limit = 100, offset: Offset = 0
) -> schemas.PageOfAccounts:
    """One page of accounts by name, for administrators."""
    demand(principal, "account")
    rows, total = repository.page_accounts(session, limit, offset)
    items = [schemas.AccountRead.model_validate(row) for row in rows]
    return schemas.PageOfAccounts(items=items, total=total, limit=limit, offset=offset)


@router.post("/accounts", tags=["accounts"], summary="Make an account", status_code=201)
def create_account(
    asked: schemas.AccountNew, principal: Asking, session: WritingSession
) -> schemas.AccountRead:
    """Make an account whose password must be changed at the first login."""
    demand(principal, "account")
    made = service.create_account(
        session,
        principal,
        name=asked.name,
        display_name=asked.display_name or asked.name,
        roles=asked.roles,
        password=asked.password,
        must_change=True,
    )
    return schemas.AccountRead.model_validate(made)


@router.post(
    "/accounts/{name}/password", tags=["accounts"], summary="Reset a password", status_code=204
)
def reset_password(
    name: AccountName, asked: schemas.PasswordReset, principal: Asking, session: WritingSession
) -> None:
    """Give an account another password, to be changed at its next login; sessions and tokens
    end."""
    service.reset_password(session, principal, name, asked.password)


@router.post(
    "/accounts/{name}/disable", tags=["accounts"], summary="Disable an account", status_code=204
)
def disable_account(name: AccountName, principal: Asking, session: WritingSession) -> None:
    """Let an account do nothing more; sessions and tokens end."""
    service.disable_account(session, principal, name)


@router.post(
    "/accounts/{name}/enable", tags=["accounts"], summary="Enable an account", status_code=204
)
def enable_account(name: AccountName, principal: Asking, session: WritingSession) -> None:
    """Let a disabled account act again."""
    service.enable_account(session, principal, name)


@router.post(
    "/accounts/{name}/identity", tags=["accounts"], summary="Link an identity", status_code=204
)
def link_identity(
    name: AccountName, asked: schemas.Link, principal: Asking, session: WritingSession
) -> None:
    """Say which account an identity of the outside provider is."""
    service.link_identity(session, principal, name, issuer=asked.issuer, subject=asked.subject)


@router.get("/grants", tags=["accounts"], summary="Grants")
def list_grants(
    session: ReadingSession, principal: Asking, limit: Limit = 100, offset: Offset = 0
) -> schemas.PageOfGrants:
    """One page of grants, newest first: one's own and what one lent; all, for administrators."""
    own = None if "grant" in principal.acts else principal.account_id
    rows, total = repository.page_grants(session, own, limit, offset)
    items = [_grant(row, name) for row, name in rows]
    return schemas.PageOfGrants(items=items, total=total, limit=limit, offset=offset)


def _grant(row: object, account: str) -> schemas.GrantRead:
    own = schemas.GrantRead.model_fields.keys() - {"account"}
    return schemas.GrantRead(account=account, **{name: getattr(row, name) for name in own})


@router.post("/grants", tags=["accounts"], summary="Grant a role", status_code=201)
def give_grant(
    asked: schemas.GrantNew, principal: Asking, session: WritingSession
) -> schemas.GrantRead:
    """Grant a role within a unit, sub-cloud, site, wave or the office, from and to a time."""
    return _grant(grants.give(session, principal, **asked.model_dump()), asked.account)


@router.post("/grants/delegated", tags=["accounts"], summary="Lend a role", status_code=201)
def delegate_grant(
    asked: schemas.Delegation, principal: Asking, session: WritingSession
) -> schemas.GrantRead:
    """Lend a role that one holds: never wider or longer than held, and not to be lent on."""
    told = asked.model_dump()
    made = grants.delegate(session, principal, grant_id=told.pop("grant"), **told)
    return _grant(made, asked.account)


@router.delete("/grants/{grant}", tags=["accounts"], summary="Revoke a grant", status_code=204)
def revoke_grant(grant: Number, principal: Asking, session: WritingSession) -> None:
    """End a grant now: administrators any, holders what they lent."""
    grants.revoke(session, principal, grant)


@router.get(
    "/oidc/start",
    tags=["session"],
    summary="Log in elsewhere",
    status_code=303,
    response_class=Response,
)
def start_oidc() -> Response:
    """Send the browser to the provider of the settings."""
    oidc.provider()  # outside the transaction: this may ask the provider
    with db.transaction() as session:
        departure = oidc.start(session)
    answer = RedirectResponse(departure.url, status_code=303)
    _set_cookie(answer, OIDC_COOKIE, departure.browser, int(oidc.JOURNEY.total_seconds()))
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
    code: Text = None,
    state: Text = None,
    error: Text = None,
    iss: Text = None,
) -> Response:
    """Where the provider sends the browser: exchanges the code, checks the ID token, and begins a
    console session of the account that an administrator linked."""
    answered, returned = oidc.refuse_error(error, code, state)
    browser = request.cookies.get(cookie_name(OIDC_COOKIE))
    sent = oidc.take(state=returned, browser=browser)
    issuer, subject = oidc.identify(sent, code=answered, issuer=iss)
    with db.transaction() as session:
        account = oidc.account_of(session, issuer, subject)
        former = request.cookies.get(cookie_name())
        made = sessions.begin(session, account, former=former)
    answer = RedirectResponse("/", status_code=303)
    _set_cookie(answer, COOKIE, made.identifier, _seconds())
    _remove_cookie(answer, OIDC_COOKIE)
    return answer
