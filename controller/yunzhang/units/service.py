"""Rules of divisions and units."""

from __future__ import annotations

from yunzhang import audit
from yunzhang.db import Session
from yunzhang.units import repository
from yunzhang.units.divisions import DivisionRow, read_divisions
from yunzhang.units.scope import Principal, doing


def known_divisions(session: Session) -> dict[str, DivisionRow]:
    """Divisions by code: the database's, or the shipped file's before they were loaded."""
    return {row.code: row for row in repository.division_rows(session) or read_divisions()}


@doing("import")
def load_divisions(session: Session, principal: Principal) -> int:
    """Add the shipped divisions the database lacks; how many were added."""
    known = {row.code for row in repository.division_rows(session)}
    missing = [row for row in read_divisions() if row.code not in known]
    repository.insert_divisions(session, missing)
    if missing:
        audit.record(session, principal, "load", "division", "450000", count=len(missing))
    return len(missing)
