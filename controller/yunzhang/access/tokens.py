"""API tokens: named, for some acts, for at most a year, revocable."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from yunzhang import audit, clock, db, texts
from yunzhang.access import repository
from yunzhang.access.models import Account, Token
from yunzhang.access.sessions import GRAIN, digest_of
from yunzhang.db import Session
from yunzhang.errors import InputError, NotFound, Unauthenticated
from yunzhang.units.roles import READING_ACTS, ROLE_ACTS, acts_of

PREFIX = "yz_"
LONGEST = timedelta(days=365)
ACTS = acts_of(ROLE_ACTS)
# Names for many acts at once.
SCOPES = {"read": READING_ACTS, "write": ACTS}


def acts_within(scopes: Iterable[str]) -> frozenset[str]:
    """The acts that a token's scopes allow, if the account may do them."""
    return frozenset().union(*(SCOPES.get(scope, frozenset({scope})) for scope in scopes))


def make_token(
    session: Session, account: Account, *, name: str, scopes: list[str], expires_at: datetime
) -> tuple[Token, str]:
    """Make a token; its text is returned once and never again.

    Raises InputError `access.token_dates` or `access.scope_unknown`.
    """
    now = clock.now()
    if not now < expires_at <= now + LONGEST:
        raise InputError("access.token_dates", days=LONGEST.days)
    known = {*SCOPES, *ACTS}
    for scope in scopes:
        if scope not in known:
            raise InputError("access.scope_unknown", scope=scope, known=texts.listed(sorted(known)))
    if not scopes:
        raise InputError("access.scope_unknown", scope="", known=texts.listed(sorted(known)))
    secret = PREFIX + secrets.token_urlsafe(32)
    token = Token(
        account_id=account.id,
        name=name,
        digest=digest_of(secret),
        scopes=sorted(set(scopes)),
        created_at=now,
        expires_at=expires_at,
    )
    session.add(token)
    session.flush()
    audit.record(
        session, account.name, "create", "token", str(token.id), name=name, scopes=token.scopes
    )
    return token, secret


def account_of(session: Session, secret: str) -> tuple[Account, Token]:
    """Whose token it is. Raises Unauthenticated `access.token_bad`, whatever is wrong with it."""
    found = repository.token_of(session, digest_of(secret)) if secret.startswith(PREFIX) else None
    if found is None:
        raise Unauthenticated("access.token_bad")
    token, account = found
    if token.expires_at <= clock.now() or account.disabled_at is not None:
        raise Unauthenticated("access.token_bad")
    return account, token


def touch(token: Token) -> None:
    """Note that a token was used, now and then."""
    now = clock.now()
    if token.used_at is None or now - token.used_at >= GRAIN:
        with db.transaction() as session:
            repository.touch_token(session, token.id, now)


def revoke_token(session: Session, account_id: int, account: str, token_id: int) -> None:
    """End one of an account's tokens. Raises NotFound `access.token_unknown`."""
    if not repository.revoke_tokens(session, clock.now(), account_id, token_id):
        raise NotFound("access.token_unknown", token=token_id)
    audit.record(session, account, "revoke", "token", str(token_id))
