"""What names a thing of the register: asked before it is taken away."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from yunzhang import texts
from yunzhang.db import Session
from yunzhang.estate.importing.known import Key, key_text
from yunzhang.estate.items import repository as item_repository
from yunzhang.estate.workbooks.columns import Column, Sheet
from yunzhang.estate.workbooks.sheets import BY_KEY, SHEETS
from yunzhang.units.scope import reach_of, unrestricted


def find_naming(session: Session, leaving: Mapping[str, Collection[Key]]) -> list[str]:
    """Rows that name one of `leaving` (sheet key → keys) and stay themselves, as people say it.

    Rows that the asker may not see stand in the way like others; of them only the number is told.
    """
    seen = _rows_naming(session, leaving)
    if reach_of(session).office:
        return seen
    with unrestricted(session):
        hidden = len(_rows_naming(session, leaving)) - len(seen)
    return seen + ([texts.text("estate.naming_hidden", count=hidden)] if hidden else [])


def _rows_naming(session: Session, leaving: Mapping[str, Collection[Key]]) -> list[str]:
    found: dict[str, None] = {}
    for sheet in SHEETS:
        own = leaving.get(sheet.key, ())
        for column in sheet.columns:
            for target in _targets(sheet, column):
                codes = {key[0] for key in leaving.get(target, ())} if BY_KEY[target].coded else ()
                if not codes:
                    continue
                naming = item_repository.naming_rows(
                    session, sheet.key, column.key, codes, object_of=column.object_of, target=target
                )
                found |= {
                    f"{sheet.title} {key_text(key)}": None for key in naming if key not in own
                }
    return list(found)


def _targets(sheet: Sheet, column: Column) -> Collection[str]:
    """The sheets whose things a column may name."""
    if column.reference:
        return (column.reference,)
    return sheet.by_key[column.object_of].choices if column.object_of else ()
