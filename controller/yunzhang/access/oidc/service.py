"""Logging in at the provider: sent there with a state, back with a code.

Nothing is asked of the provider inside a transaction: it may take seconds, and SQLite has one
writer. The state is spent in a transaction of its own, so that it stays spent whatever follows.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode, urlsplit

from yunzhang import clock, db
from yunzhang.access import sessions
from yunzhang.access.models import Account, OidcRequest
from yunzhang.access.oidc import repository
from yunzhang.access.oidc.configuration import Configuration, configuration
from yunzhang.access.oidc.provider import Provider, provider_of
from yunzhang.access.oidc.tokens import Expected, refuse, subject_of
from yunzhang.access.sessions import digest_of
from yunzhang.access.throttle import subject_of_address
from yunzhang.db import Session
from yunzhang.errors import Forbidden, InputError, Throttled, Unauthenticated, YunzhangError
from yunzhang.kit.logs import logger

JOURNEY = timedelta(minutes=10)  # how long the way to the provider and back may take
# Logins of one address that may be under way at once; an office may share one address.
UNDER_WAY = 60
# A path of our own: browsers take `//host` and `/\host` for another site's, and skip controls.
OWN_PATH = re.compile(r"/(?!/)[^\\\"<>\x00-\x20\x7f-\U0010ffff]{0,499}")
RANDOM = re.compile(r"[A-Za-z0-9_-]{43}")
log = logger("oidc")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the browser brought back from the provider, none of it believed yet."""

    code: str | None = None
    state: str | None = None
    issuer: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """The console session that began, and the path of our own its person wanted."""

    made: sessions.LoggedIn
    return_to: str


def random_text() -> str:
    """256 random bits, as state, nonce, verifier and a browser's mark need."""
    return secrets.token_urlsafe(32)


def browser_mark(former: str | None) -> str:
    """What a browser keeps while it is away, so that only it can come back.

    The one it has stays, so that two of its windows may log in at once.
    """
    return former if former and RANDOM.fullmatch(former) else random_text()


def begin_login(return_to: str, browser: str, address: str) -> str:
    """The URL at the provider to send a browser to; `browser` is its mark.

    Raises InputError `access.oidc_return_bad`, NotFound `access.oidc_off`, Throttled `access.wait`,
    Outside `access.oidc_…`.
    """
    if not OWN_PATH.fullmatch(return_to):
        raise InputError("access.oidc_return_bad")
    client = configuration()
    target = _provider(client).description().authorization_endpoint
    state, nonce, verifier = random_text(), random_text(), random_text()
    with db.transaction() as session:
        _keep(
            session,
            OidcRequest(
                state=digest_of(state),
                browser=digest_of(browser),
                address=subject_of_address(address),
                issuer=client.issuer,
                nonce=nonce,
                verifier=verifier,
                return_to=return_to,
                expires_at=clock.now() + JOURNEY,
            ),
        )
    asked = {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": client.redirect_url,
        "scope": client.scope,
        "state": state,
        "nonce": nonce,
        "code_challenge": challenge_of(verifier),
        "code_challenge_method": "S256",
    }
    return f"{target}{'&' if urlsplit(target).query else '?'}{urlencode(asked)}"


def _keep(session: Session, request: OidcRequest) -> None:
    """Remember a login, unless its address has too many under way: each is a row, and nobody knows
    yet who it is. Those that come back are no longer counted."""
    now = clock.now()
    repository.forget_requests(session, now)
    under_way, first_over = repository.requests_of(session, request.address)
    if under_way >= UNDER_WAY and first_over is not None:
        raise Throttled(
            "access.wait", seconds=max(1, -int(-(first_over - now).total_seconds() // 1))
        )
    session.add(request)


def finish_login(answer: Answer, browser: str | None, *, former: str | None = None) -> Arrival:
    """Begin a console session for who came back, proven by the ID token that the code is exchanged
    for; `former` is the identifier of the session the browser had, which ends.

    Raises InputError `access.oidc_answer`, Unauthenticated `access.oidc_state` or
    `access.oidc_refused`, Forbidden `access.oidc_unlinked`, Outside `access.oidc_…`.
    """
    try:
        spent, subject = _prove(answer, browser)
        with db.transaction() as session:
            account = account_of(session, spent.issuer, subject)
            made = sessions.begin(session, account, former=former, how="oidc")
    except YunzhangError as error:
        # the reason is a word or a status; neither code, state nor token is in it
        log.warning("login_refused", code=error.code, reason=error.values.get("reason"))
        raise
    return Arrival(made, spent.return_to)


def _prove(answer: Answer, browser: str | None) -> tuple[OidcRequest, str]:
    """The login that came back, and the subject that the provider proves."""
    client = configuration()
    spent = _spend(answer.state, browser)
    if answer.error:
        raise refuse(re.sub(r"[^a-z_]", "", answer.error[:40]) or "error")
    if not answer.code:
        raise InputError("access.oidc_answer")
    provider = _provider(client)
    _check_issuer(provider, spent.issuer, answer.issuer)
    told = provider.redeem(client, answer.code, spent.verifier)
    expected = Expected(client.issuer, client.client_id, spent.nonce)
    return spent, subject_of(provider, told, expected)


def _spend(state: str | None, browser: str | None) -> OidcRequest:
    """The login that came back, which cannot come back again.

    Raises Unauthenticated `access.oidc_state` alike for one that is unknown, used, too old or
    another browser's.
    """
    spent = None
    if state and browser:
        with db.transaction() as session:
            spent = repository.take_request(
                session, state=digest_of(state), browser=digest_of(browser), now=clock.now()
            )
    if spent is None:
        raise Unauthenticated("access.oidc_state")
    return spent


def _check_issuer(provider: Provider, asked: str, answering: str | None) -> None:
    """Refuse the answer of another provider than was asked (RFC 9207 §2.4)."""
    if asked != provider.issuer:
        raise refuse("iss")
    if answering is None and provider.description().tells_issuer:
        raise refuse("iss")
    if answering is not None and answering != provider.issuer:
        raise refuse("iss")


def account_of(session: Session, issuer: str, subject: str) -> Account:
    """The account an administrator linked to an identity.

    Raises Forbidden `access.oidc_unlinked`, which tells the person what to have linked; also for a
    disabled account.
    """
    found = repository.find_link(session, issuer, subject)
    if found is None or found[1].disabled_at is not None:
        raise Forbidden("access.oidc_unlinked", issuer=issuer, subject=subject)
    return found[1]


def challenge_of(verifier: str) -> str:
    """What is shown of a verifier beforehand (RFC 7636 §4.2)."""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _provider(client: Configuration) -> Provider:
    return provider_of(client.issuer, client.hosts)
