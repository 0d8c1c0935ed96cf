"""Somebody of the office with a token, for asking over HTTP as everybody does."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from yunzhang import clock
from yunzhang.access import tokens
from yunzhang.access.models import Account


def make_operator(engine: Engine) -> str:
    """An operator's token, good for a day."""
    now = clock.now()
    with Session(engine) as session, session.begin():
        account = Account(name="bench", display_name="bench", roles=["operator"],
                          password_hash="-", created_at=now)  # fmt: skip
        session.add(account)
        session.flush()
        ends = now + timedelta(days=1)
        _, secret = tokens.make_token(
            session, account, name="bench", scopes=["write"], expires_at=ends
        )
    return secret
