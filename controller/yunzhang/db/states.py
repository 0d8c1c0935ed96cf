"""State machines: every transition is one compare-and-set.

    UPDATE … SET state = :to, revision = revision + 1 WHERE id = :id AND state = :from
        AND revision = :revision

so that of two who act at once exactly one succeeds, on any database.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from sqlalchemy import update
from sqlalchemy.orm import Session

from yunzhang.errors import Conflict

Transitions = Mapping[str, frozenset[str]]


class Stateful(Protocol):
    """A row with `id`, `state` and `revision`."""

    @property
    def id(self) -> int: ...
    @property
    def state(self) -> str: ...
    @property
    def revision(self) -> int: ...


def advance(
    session: Session, row: Stateful, to: str, transitions: Transitions, **values: Any
) -> None:
    """Move `row` to state `to`, setting `values` with it.

    Raises Conflict `db.transition_unknown` when the table of transitions does not allow it, and
    `db.transition_lost` when somebody else moved the row first.
    """
    before, noun = row.state, type(row).__name__
    if to not in transitions.get(before, frozenset()):
        raise Conflict("db.transition_unknown", noun=noun, before=before, after=to)
    model: Any = type(row)
    session.flush()
    # what is returned is counted: SQLite counts no rows of an UPDATE behind a restriction's WITH
    changed = session.execute(
        update(model)
        .where(model.id == row.id, model.state == before, model.revision == row.revision)
        .values(state=to, revision=model.revision + 1, **values)
        # asked back, not counted: restricted to a unit's subtree the statement begins with WITH,
        # and of such a one SQLite's driver does not know how many rows it changed
        .returning(model.id)
        .execution_options(synchronize_session=False)
    )
    if len(changed.all()) != 1:
        raise Conflict("db.transition_lost", noun=noun, before=before, after=to)
    session.refresh(row)
