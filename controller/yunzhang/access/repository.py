"""Queries on accounts and what belongs to them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import CursorResult, delete, func, or_, select, text, update
from sqlalchemy.orm import aliased

from yunzhang.access.models import (
    Account,
    Attempt,
    ConsoleSession,
    Grant,
    Token,
)
from yunzhang.db import Session
from yunzhang.db.locks import Lock


def find_account(session: Session, name: str) -> Account | None:
    """The account called `name`, if there is one."""
    return session.scalar(select(Account).where(Account.name == name))


def is_taken(session: Session, name: str) -> bool:
    """Whether an account has this name, in whatever case."""
    query = select(Account.id).where(func.lower(Account.name) == name.lower())
    return session.scalars(query.limit(1)).first() is not None


def list_accounts(session: Session) -> Sequence[Account]:
    """All accounts by name."""
    return session.scalars(select(Account).order_by(Account.name)).all()


def page_accounts(session: Session, limit: int, offset: int) -> tuple[Sequence[Account], int]:
    """Accounts by name, and how many there are."""
    total = session.scalar(select(func.count()).select_from(Account)) or 0
    query = select(Account).order_by(Account.name).limit(limit).offset(offset)
    return session.scalars(query).all(), total


class Held(NamedTuple):
    """A grant with what it was delegated from: the holder, and the holder's grant."""

    grant: Grant
    holder: Account | None
    source: Grant | None


def held_grants(session: Session, account_id: int, now: datetime) -> list[Held]:
    """Grants of an account that are in force by their own dates, with their sources."""
    holder, source = aliased(Account), aliased(Grant)
    query = (
        select(Grant, holder, source)
        .outerjoin(holder, holder.id == Grant.holder_id)
        .outerjoin(source, source.id == Grant.source_id)
        .where(
            Grant.account_id == account_id,
            Grant.revoked_at.is_(None),
            Grant.starts_at <= now,
            or_(Grant.ends_at.is_(None), Grant.ends_at > now),
        )
        .order_by(Grant.id)
    )
    return [Held(*row) for row in session.execute(query)]


def foreseen_roles(
    session: Session, account_id: int, begins: datetime, ends: datetime | None
) -> set[str]:
    """Roles granted to an account for any time from `begins` to `ends` (None: for good)."""
    source = aliased(Grant)
    query = (
        select(Grant.role)
        .outerjoin(source, source.id == Grant.source_id)
        .where(
            Grant.account_id == account_id,
            Grant.revoked_at.is_(None),
            source.revoked_at.is_(None),
            or_(Grant.ends_at.is_(None), Grant.ends_at > begins),
        )
    )
    if ends is not None:
        query = query.where(Grant.starts_at < ends)
    return set(session.scalars(query))


def page_grants(
    session: Session, account_id: int | None, limit: int, offset: int
) -> tuple[Sequence[tuple[Grant, str]], int]:
    """Grants with their account's name, newest first, and how many there are."""
    query = select(Grant, Account.name).join(Account, Account.id == Grant.account_id)
    count = select(func.count()).select_from(Grant)
    if account_id is not None:
        query = query.where(or_(Grant.account_id == account_id, Grant.holder_id == account_id))
        count = count.where(or_(Grant.account_id == account_id, Grant.holder_id == account_id))
    total = session.scalar(count) or 0
    rows = session.execute(query.order_by(Grant.id.desc()).limit(limit).offset(offset)).all()
    return [(grant, name) for grant, name in rows], total


def _changed(result: Any) -> bool:
    assert isinstance(result, CursorResult)  # noqa: S101 - as UPDATE and DELETE answer
    return result.rowcount == 1


def revoke_grant(session: Session, grant_id: int, by: str, now: datetime) -> bool:
    """End a grant; False when it had ended already."""
    return _changed(
        session.execute(
            update(Grant)
            .where(Grant.id == grant_id, Grant.revoked_at.is_(None))
            .values(revoked_at=now, revoked_by=by)
        )
    )


def find_attempt(session: Session, kind: str, subject: str) -> Attempt | None:
    """What is counted of a subject."""
    query = select(Attempt).where(Attempt.kind == kind, Attempt.subject == subject)
    return session.scalar(query.execution_options(populate_existing=True))


def add_attempt(session: Session, kind: str, subject: str, now: datetime) -> None:
    """Count the first one. Raises IntegrityError when another one did."""
    session.add(Attempt(kind=kind, subject=subject, failures=1, last_at=now))
    session.flush()


def set_attempt(
    session: Session, row: Attempt, *, failures: int, at: datetime, closed_until: datetime | None
) -> bool:
    """Change what is counted, unless it was changed since `row` was read."""
    return _changed(
        session.execute(
            update(Attempt)
            .where(Attempt.id == row.id, Attempt.revision == row.revision)
            .values(
                failures=failures,
                last_at=at,
                closed_until=closed_until,
                revision=Attempt.revision + 1,
            )
            .execution_options(synchronize_session=False)
        )
    )


def forget_attempts(session: Session, before: datetime) -> None:
    """Drop what nobody tried since."""
    session.execute(
        delete(Attempt).where(Attempt.last_at < before).execution_options(synchronize_session=False)
    )


def session_of(session: Session, digest: str) -> tuple[ConsoleSession, Account] | None:
    """A console session that was not ended, with its account."""
    row = session.execute(
        select(ConsoleSession, Account)
        .join(Account, Account.id == ConsoleSession.account_id)
        .where(ConsoleSession.digest == digest, ConsoleSession.ended_at.is_(None))
    ).one_or_none()
    return (row[0], row[1]) if row else None


def touch_session(session: Session, session_id: int, now: datetime) -> None:
    """Note that a session is in use."""
    session.execute(
        update(ConsoleSession)
        .where(ConsoleSession.id == session_id, ConsoleSession.ended_at.is_(None))
        .values(seen_at=now)
    )


def end_sessions(
    session: Session, now: datetime, *, account_id: int | None = None, digest: str | None = None
) -> None:
    """End one session, or all of an account."""
    statement = update(ConsoleSession).where(ConsoleSession.ended_at.is_(None))
    if digest is not None:
        statement = statement.where(ConsoleSession.digest == digest)
    else:
        statement = statement.where(ConsoleSession.account_id == account_id)
    session.execute(statement.values(ended_at=now))


def forget_sessions(session: Session, before: datetime) -> None:
    """Drop sessions that expired before a time."""
    session.execute(delete(ConsoleSession).where(ConsoleSession.expires_at < before))


def token_of(session: Session, digest: str) -> tuple[Token, Account] | None:
    """A token that was not revoked, with its account."""
    row = session.execute(
        select(Token, Account)
        .join(Account, Account.id == Token.account_id)
        .where(Token.digest == digest, Token.revoked_at.is_(None))
    ).one_or_none()
    return (row[0], row[1]) if row else None


def touch_token(session: Session, token_id: int, now: datetime) -> None:
    """Note that a token was used."""
    session.execute(update(Token).where(Token.id == token_id).values(used_at=now))


def page_tokens(
    session: Session, account_id: int, limit: int, offset: int
) -> tuple[Sequence[Token], int]:
    """Tokens of an account, newest first, and how many there are."""
    own = select(Token).where(Token.account_id == account_id)
    total = session.scalar(
        select(func.count()).select_from(Token).where(Token.account_id == account_id)
    )
    query = own.order_by(Token.id.desc()).limit(limit).offset(offset)
    return session.scalars(query).all(), total or 0


def revoke_tokens(
    session: Session, now: datetime, account_id: int, token_id: int | None = None
) -> int:
    """End one token of an account, or all; how many."""
    statement = update(Token).where(Token.account_id == account_id, Token.revoked_at.is_(None))
    if token_id is not None:
        statement = statement.where(Token.id == token_id)
    result = session.execute(statement.values(revoked_at=now))
    assert isinstance(result, CursorResult)  # noqa: S101 - as UPDATE answers
    return int(result.rowcount)


def lock_accounts(session: Session) -> None:
    """Let one change of roles be made at a time, so that what it was checked against holds.

    SQLite has one writer anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": Lock.ACCOUNTS})
