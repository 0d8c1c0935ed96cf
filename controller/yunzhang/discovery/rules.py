"""Rules of registration from a table: which project's machines are whose."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, get_args

from yunzhang import texts
from yunzhang.discovery.registering import Rule
from yunzhang.errors import InputError, NotFound
from yunzhang.texts import Language

COLUMNS = tuple(field.name for field in fields(Rule))
_NEEDED = tuple(field.name for field in fields(Rule) if field.default is MISSING)
_LARGEST = 4 << 20


def read_rules(path: Path) -> list[Rule]:
    """The rules of a CSV (UTF-8 or GB18030) with columns named as in either language.

    An empty cell says nothing. Raises NotFound `estate.file_missing`; InputError
    `estate.file_large`, `estate.file_encoding`, `discovery.rules_bad`.
    """
    if not path.is_file():
        raise NotFound("estate.file_missing", path=str(path))
    if path.stat().st_size > _LARGEST:
        raise InputError("estate.file_large", path=path.name, maximum=_LARGEST >> 20)
    lines = _decoded(path).splitlines()
    return list(_rules(csv.reader(lines)))


def _decoded(path: Path) -> str:
    content = path.read_bytes()
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InputError("estate.file_encoding", path=path.name)


def _rules(rows: Iterator[list[str]]) -> Iterator[Rule]:
    names = _column_names()
    header = [names.get(cell.strip()) for cell in next(rows, [])]
    for column in _NEEDED:
        if column not in header:
            raise _bad(1, column)
    for number, row in enumerate(rows, start=2):
        pairs = zip(header, row, strict=False)
        said = {name: cell.strip() for name, cell in pairs if name and cell.strip()}
        if said:
            yield _rule(number, said)


def _rule(number: int, said: dict[str, Any]) -> Rule:
    for column in _NEEDED:
        if column not in said:
            raise _bad(number, column)
    if "disk_gib" in said:
        if not said["disk_gib"].isdecimal():
            raise _bad(number, "disk_gib")
        said["disk_gib"] = int(said["disk_gib"])
    return Rule(**said)


def _bad(row: int, column: str) -> InputError:
    return InputError("discovery.rules_bad", row=row, column=texts.text(f"discovery.rule_{column}"))


def _column_names() -> dict[str, str]:
    """Every way a column may be headed → the field."""
    found = {name: name for name in COLUMNS}
    for language in get_args(Language):
        with texts.in_language(language):
            found |= {texts.text(f"discovery.rule_{name}"): name for name in COLUMNS}
    return found
