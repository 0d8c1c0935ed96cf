"""What names a thing of the register: asked before it is taken away."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from yunzhang import texts
from yunzhang.db import Session
from yunzhang.estate.importing.known import Key, key_text
from yunzhang.estate.items import repository as item_repository
from yunzhang.estate.workbooks.columns import Column, Sheet
from yunzhang.estate.workbooks.sheets import BY_KEY, SHEETS
from yunzhang.units.scope import reach_of, unrestricted

# How many of the things that stand in the way are named.
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Things that stand in the way: `names` of those the asker may see, and the `count` of all."""

    names: Sequence[str]
    count: int

    def __str__(self) -> str:
        """The first names; of what is not the asker's to see only the number."""
        others = self.count - len(self.names)
        hidden = [texts.text("estate.of_others", count=others)] if others else []
        return texts.listed([*self.names[:SHOWN], *hidden])


def find_naming(session: Session, leaving: Mapping[str, Collection[Key]]) -> Hindrance:
    """Rows that name one of `leaving` (sheet key → keys) and stay themselves, whosever they are."""
    names = _rows_naming(session, leaving)
    if reach_of(session).office:
        return Hindrance(names, len(names))
    with unrestricted(session):
        return Hindrance(names, len(_rows_naming(session, leaving)))


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
