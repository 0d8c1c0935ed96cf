"""The audit record notices what was changed behind its back."""

from __future__ import annotations

from sqlalchemy import update
from sqlalchemy.orm import Session

from yunzhang import audit
from yunzhang.audit import AuditEntry


def test_chain_verifies_until_an_entry_is_changed(session: Session) -> None:
    for number in range(5):
        audit.record(session, "wang", "approve", "plan", f"plan-{number}", hash="0" * 8)
    session.commit()
    assert audit.verify(session) is None

    session.execute(update(AuditEntry).where(AuditEntry.id == 3).values(principal="li"))
    session.commit()
    session.expire_all()
    assert audit.verify(session) == 3
