"""Queries of single items and of what names them; sets of rows are read by `repository`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import select

from yunzhang.db import Session
from yunzhang.estate.importing.known import Key
from yunzhang.estate.repository import CHUNK, MODELS
from yunzhang.estate.workbooks.sheets import BY_KEY


def _chunks(codes: Collection[Any]) -> Iterator[list[Any]]:
    ordered = sorted(codes)
    for start in range(0, len(ordered), CHUNK):
        yield ordered[start : start + CHUNK]


def find_items(session: Session, sheet: str, keys: Collection[Key]) -> dict[Key, Any]:
    """Entities by key, of those of `keys` that exist."""
    model, identity = MODELS[sheet], BY_KEY[sheet].identity
    wanted = set(keys)
    found: dict[Key, Any] = {}
    for chunk in _chunks({key[0] for key in wanted}):
        for row in session.scalars(select(model).where(getattr(model, identity[0]).in_(chunk))):
            key = tuple(getattr(row, name) for name in identity)
            if key in wanted:
                found[key] = row
    return found


def items_where(session: Session, sheet: str, **values: Any) -> list[Any]:
    """Entities whose columns have these values, by id."""
    model = MODELS[sheet]
    query = select(model).where(*(getattr(model, name) == value for name, value in values.items()))
    return list(session.scalars(query.order_by(model.id)))


def naming_rows(
    session: Session,
    sheet: str,
    column: str,
    codes: Collection[str],
    *,
    object_of: str | None = None,
    target: str = "",
) -> Sequence[Key]:
    """Keys of rows that name one of `codes` in `column`, and `target` in `object_of` if given."""
    model, identity = MODELS[sheet], BY_KEY[sheet].identity
    found: list[Key] = []
    for chunk in _chunks(codes):
        query = select(*(getattr(model, name) for name in identity))
        query = query.where(getattr(model, column).in_(chunk))
        if object_of:
            query = query.where(getattr(model, object_of) == target)
        found.extend(tuple(row) for row in session.execute(query))
    return found
