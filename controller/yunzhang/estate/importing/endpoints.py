"""Imports that were written, over HTTP: list, read, rows, take back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from yunzhang.access.dependencies import Asking, ReadingSession, Registering, Writing
from yunzhang.estate.endpoints import Code, Paging, Since, Until, Who, moment
from yunzhang.estate.history import BatchFilter
from yunzhang.estate.importing import batches
from yunzhang.estate.importing.schemas import ImportRowRead, UndoneRead
from yunzhang.estate.importing.undo import undo_batch
from yunzhang.estate.schemas import BatchRead, Page
from yunzhang.estate.workbooks.report import Action

router = APIRouter(prefix="/estate/imports", tags=["files"])

BatchId = Annotated[int, Path(ge=1, le=2**31 - 1)]
Digest = Annotated[
    str | None, Query(pattern="^[0-9a-f]{64}$", description="only imports of this file (SHA-256)")
]


@router.get("", summary="Imports")
def list_imports(
    *,
    session: ReadingSession,
    principal: Asking,
    asked: Paging,
    unit: Code = None,
    who: Who = None,
    since: Since = None,
    until: Until = None,
    sha256: Digest = None,
) -> Page[BatchRead]:
    """One page of the imports of the asker's units, newest first; the office sees all."""
    wanted = BatchFilter(unit, who, moment(since), moment(until), sha256)
    return batches.list_batches(session, principal, wanted, asked)


@router.get("/{batch_id}", summary="One import")
def get_import(*, batch_id: BatchId, session: ReadingSession, principal: Asking) -> BatchRead:
    """Who brought which file for whom, and what became of its rows in numbers."""
    return batches.read_batch(session, principal, batch_id)


@router.get("/{batch_id}/rows", summary="Rows of an import")
def list_import_rows(
    *,
    batch_id: BatchId,
    session: ReadingSession,
    principal: Asking,
    asked: Paging,
    action: Annotated[Action | None, Query(description="only rows that did this")] = None,
) -> Page[ImportRowRead]:
    """One page of what became of a file's rows, in its order; unchanged ones are only counted."""
    return batches.list_import_rows(session, principal, batch_id, action, asked)


@router.post("/{batch_id}/undo", summary="Take an import back")
def undo_import(
    *,
    batch_id: BatchId,
    transaction: Writing,
    principal: Registering,
    dry_run: Annotated[bool, Query(description="true: only check")] = False,
) -> UndoneRead:
    """Remove what an import created and restore what it changed.

    409 when something was changed later, or names it; nothing is taken back then.
    """
    with transaction() as session:
        found = undo_batch(session, principal, batch_id, dry_run=dry_run)
    return UndoneRead(
        batch_id=batch_id,
        dry_run=dry_run,
        removed=found.removed,
        restored=found.restored,
        personal=found.personal,
    )
