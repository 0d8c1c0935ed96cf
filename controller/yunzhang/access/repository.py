"""Queries on accounts."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from yunzhang.access.models import Account
from yunzhang.db import Session


def find_account(session: Session, name: str) -> Account | None:
    """The account called `name`, if there is one."""
    return session.scalar(select(Account).where(Account.name == name))


def list_accounts(session: Session) -> Sequence[Account]:
    """All accounts by name."""
    return session.scalars(select(Account).order_by(Account.name)).all()
