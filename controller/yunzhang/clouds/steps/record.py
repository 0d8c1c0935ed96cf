"""The record of a step that is run by hand: JSON lines, on disk before the first call.

A line is `{"intent": …}` or `{"made": …}`; `roll_back` reads such a file, and also a plain JSON
list of intents, which is what the controller hands it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from yunzhang.clouds.intents import Intent, Made
from yunzhang.errors import InputError, NotFound


def append(path: Path, kind: str, items: Iterable[BaseModel]) -> None:
    """Add lines and wait until they are on the disk. `kind`: intent or made."""
    lines = [json.dumps({kind: item.model_dump(mode="json")}, ensure_ascii=False) for item in items]
    if not lines:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_intents(path: Path) -> list[Intent]:
    """The intents of a record in their order, with the identifiers it knows.

    Raises NotFound `clouds_make.no_record` or InputError `clouds_make.bad_record`.
    """
    if not path.is_file():
        raise NotFound("clouds_make.no_record", path=str(path))
    content = path.read_text("utf-8")
    try:
        if content.lstrip().startswith("["):
            return [Intent.model_validate(item) for item in json.loads(content)]
        return _with_identifiers([json.loads(line) for line in _whole_lines(content)])
    except (ValueError, ValidationError) as error:
        raise InputError("clouds_make.bad_record", reason=str(error)) from error


def _whole_lines(content: str) -> list[str]:
    """Lines that were written to their end: a crash may have cut the last one."""
    return [
        line for line in content.splitlines(keepends=True) if line.endswith("\n") and line.strip()
    ]


def _with_identifiers(lines: list[dict[str, Any]]) -> list[Intent]:
    intents = [Intent.model_validate(line["intent"]) for line in lines if "intent" in line]
    made = [Made.model_validate(line["made"]) for line in lines if "made" in line]
    known = {(m.cloud, m.kind, m.key): m.id for m in made}
    return [
        intent
        if intent.id
        else intent.model_copy(update={"id": known.get((intent.cloud, intent.kind, intent.key))})
        for intent in intents
    ]
