"""Steps of one thing's life that say which state of it they were made for."""

from __future__ import annotations

from typing import Any

from yunzhang.db import Session
from yunzhang.errors import NotFound
from yunzhang.estate import service
from yunzhang.estate.importing.known import Key, key_text
from yunzhang.estate.items import repository as item_repository
from yunzhang.estate.items.editing import Outdated
from yunzhang.estate.items.lifecycle import ACTS, DECISION, Step, advance_items
from yunzhang.estate.workbooks.columns import Sheet
from yunzhang.units.scope import Principal, demand


def act_of(step: Step) -> str:
    """The act somebody must be allowed to do for a step."""
    return ACTS.get(step.to, DECISION)


def advance_item(
    session: Session,
    principal: Principal,
    sheet: Sheet,
    key: Key,
    step: Step,
    revision: int,
    *,
    dry_run: bool = False,
) -> Any:
    """Let a thing that is still at `revision` make a step; the thing as it then is.

    Raises what `advance_items` does; NotFound `item.unknown`, Outdated `item.outdated`.
    """
    demand(principal, act_of(step))
    row = item_repository.find_items(session, sheet.key, [key]).get(key)
    if row is None:
        raise NotFound("item.unknown", sheet=sheet.title, key=key_text(key))
    if row.revision != revision:
        raise Outdated("item.outdated", key=key_text(key), revision=row.revision)
    # the row stays loaded as it was seen, so the step's compare-and-set is on this revision
    advance_items(session, principal, sheet.key, [key_text(key)], step, dry_run=dry_run)
    return service.READS[sheet.key].model_validate(row)
