"""Queries of single things of the register."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from yunzhang.db import Session
from yunzhang.estate.known import Key
from yunzhang.estate.repository import MODELS
from yunzhang.estate.sheets import BY_KEY, SHEETS


def find_row(session: Session, sheet: str, key: Key) -> Any | None:
    """The thing with that business key."""
    model = MODELS[sheet]
    own = zip(BY_KEY[sheet].identity, key, strict=True)
    return session.scalar(
        select(model).where(*(getattr(model, name) == part for name, part in own))
    )


def count_naming(session: Session, sheet: str, code: str) -> dict[str, int]:
    """Title of a sheet → how many of its rows name the thing with that code."""
    found: dict[str, int] = {}
    for other in SHEETS:
        model = MODELS[other.key]
        for column in other.columns:
            query = select(func.count()).select_from(model)
            if column.reference == sheet:
                query = query.where(getattr(model, column.key) == code)
            elif column.object_of and sheet in other.by_key[column.object_of].choices:
                kind = getattr(model, column.object_of)
                query = query.where(kind == sheet, getattr(model, column.key) == code)
            else:
                continue
            if number := session.scalar(query):
                found[other.title] = found.get(other.title, 0) + number
    return found
