"""Imports that were written: whose they are, which there were, what became of their rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from yunzhang.db import Session
from yunzhang.db.paging import Asked
from yunzhang.errors import NotFound
from yunzhang.estate import history, repository
from yunzhang.estate.changes.models import ImportBatch
from yunzhang.estate.history import BatchFilter
from yunzhang.estate.importing.schemas import ImportRowRead
from yunzhang.estate.pages import check_page, told_page
from yunzhang.estate.schemas import BatchRead, Page
from yunzhang.units.scope import Principal, demand, reach_of

ANY = BatchFilter()
FIRST = Asked()


def owner_of(session: Session, batch_id: int) -> str | None:
    """The unit a batch just written belongs to: that for which the asker writes.

    None, the office's, for who writes for everybody, and when an asker of several units brought
    rows that are not all one's: then none of them may see all that is in it.
    """
    reach = reach_of(session)
    if reach.office:
        return None
    shared = set(reach.units)
    if len(shared) > 1:
        above = repository.parents(session, "units", "parent_code")
        for unit in history.units_of_batch(session, batch_id):
            shared &= set(_upward(unit, above))
    return min(shared, default=None)


def _upward(unit: str | None, above: Mapping[str, str]) -> Iterator[str]:
    """A unit and those above it, once each, also when they stand in a circle."""
    passed: set[str] = set()
    while unit is not None and unit not in passed:
        passed.add(unit)
        yield unit
        unit = above.get(unit)


def find_batch(session: Session, batch_id: int) -> ImportBatch:
    """A batch. Raises NotFound `estate.batch_unknown`."""
    batch = history.find_batch(session, batch_id)
    if batch is None:
        raise NotFound("estate.batch_unknown", batch=batch_id)
    return batch


def list_batches(
    session: Session, principal: Principal, wanted: BatchFilter = ANY, asked: Asked = FIRST
) -> Page[BatchRead]:
    """One page of imports, newest first."""
    demand(principal, "read")
    check_page(asked)
    found = history.page_batches(session, wanted, asked, principal)
    return told_page(found, asked, BatchRead.model_validate)


def read_batch(session: Session, principal: Principal, batch_id: int) -> BatchRead:
    """One import with its counts. Raises NotFound `estate.batch_unknown`."""
    demand(principal, "read")
    return BatchRead.model_validate(find_batch(session, batch_id))


def list_import_rows(
    session: Session,
    principal: Principal,
    batch_id: int,
    action: str | None = None,
    asked: Asked = FIRST,
) -> Page[ImportRowRead]:
    """One page of what became of a file's rows; rows that changed nothing are only counted.

    Raises NotFound `estate.batch_unknown`.
    """
    demand(principal, "read")
    check_page(asked)
    find_batch(session, batch_id)
    found = history.page_import_rows(session, batch_id, action, asked, principal)
    return told_page(found, asked, ImportRowRead.model_validate)
