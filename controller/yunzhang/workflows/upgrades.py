"""Tables and processes agree: tables change only while no worker uses them, and whoever works finds
the tables it was written for."""

from __future__ import annotations

from yunzhang import settings
from yunzhang.db.migration import current_revision, list_revisions, upgrade_database
from yunzhang.errors import Conflict
from yunzhang.workflows import executors


def upgrade_alone() -> str:
    """Bring the tables to this version's revision; its name. What is there already stays as it is.

    Raises Conflict `db.newer` when a newer version made the tables, `db.in_use` when they would
    change under a live worker.
    """
    present, known = current_revision(), list_revisions()
    _refuse_newer(present, known)
    if present is not None and present != known[-1]:
        alive = executors.list_alive()
        if alive:
            raise Conflict("db.in_use", workers=", ".join(alive))
    return upgrade_database()


def check_current() -> None:
    """Raise Conflict `db.newer` or `db.not_migrated` unless the tables are this version's."""
    present, known = current_revision(), list_revisions()
    _refuse_newer(present, known)
    if present != known[-1]:
        raise Conflict("db.not_migrated", url=_shown())


def _refuse_newer(present: str | None, known: list[str]) -> None:
    if present is not None and present not in known:
        raise Conflict("db.newer", revision=present)


def _shown() -> str:
    # without a password there may be in it
    return settings.current().database.rpartition("@")[2]
