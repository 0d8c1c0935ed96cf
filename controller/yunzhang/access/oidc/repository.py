"""Queries on logins under way and identities."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import CursorResult, delete, func, select, update

from yunzhang.access.models import Account, OidcLink, OidcRequest
from yunzhang.db import Session

Linked = tuple[OidcLink, Account]


def _changed(result: Any) -> bool:
    assert isinstance(result, CursorResult)  # noqa: S101 - as UPDATE and DELETE answer
    return result.rowcount == 1


def forget_requests(session: Session, now: datetime) -> None:
    """Drop logins that never came back in time."""
    session.execute(delete(OidcRequest).where(OidcRequest.expires_at <= now))


def requests_of(session: Session, address: str) -> tuple[int, datetime | None]:
    """How many logins of an address are under way, and when the first of them is over."""
    query = select(func.count(OidcRequest.id), func.min(OidcRequest.expires_at))
    found = session.execute(query.where(OidcRequest.address == address)).one()
    return found[0], found[1]


def take_request(
    session: Session, *, state: str, browser: str, now: datetime
) -> OidcRequest | None:
    """The login of this state digest and browser digest, out of the table for good; None for whom
    it is not, or who comes second."""
    row = session.scalar(
        select(OidcRequest).where(
            OidcRequest.state == state,
            OidcRequest.browser == browser,
            OidcRequest.expires_at > now,
        )
    )
    if row is None:
        return None
    session.expunge(row)
    taken = session.execute(delete(OidcRequest).where(OidcRequest.id == row.id))
    return row if _changed(taken) else None


def find_link(session: Session, issuer: str, subject: str) -> Linked | None:
    """The link in use of an identity, with its account."""
    found = session.execute(
        select(OidcLink, Account)
        .join(Account, Account.id == OidcLink.account_id)
        .where(
            OidcLink.issuer == issuer,
            OidcLink.subject == subject,
            OidcLink.unlinked_at.is_(None),
        )
    ).one_or_none()
    return (found[0], found[1]) if found is not None else None


def page_links(
    session: Session, name: str | None, limit: int, offset: int
) -> tuple[Sequence[Linked], int]:
    """Links in use by account, of one account when `name` is given, and how many there are."""
    chosen = (
        select(OidcLink, Account)
        .join(Account, Account.id == OidcLink.account_id)
        .where(OidcLink.unlinked_at.is_(None))
    )
    if name is not None:
        chosen = chosen.where(Account.name == name)
    total = session.scalar(chosen.with_only_columns(func.count(OidcLink.id))) or 0
    rows = session.execute(chosen.order_by(Account.name, OidcLink.id).limit(limit).offset(offset))
    return [(row[0], row[1]) for row in rows], total


def end_link(session: Session, link_id: int, *, by: str, now: datetime) -> bool:
    """End a link; False when somebody else ended it first."""
    return _changed(
        session.execute(
            update(OidcLink)
            .where(OidcLink.id == link_id, OidcLink.unlinked_at.is_(None))
            .values(unlinked_at=now, unlinked_by=by)
            .execution_options(synchronize_session=False)
        )
    )
