"""Values as the record keeps them: plain, canonical on every database, without personal data.

What RFC 8785 cannot write, or one of the databases would give back changed, must never reach an
entry: it could not be sealed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

# Integers beyond are not exact in JSON (RFC 8785 §3.2.2.3).
EXACT = 2**53 - 1
# Floats from here on may come back from a database as integers that are not exact.
LARGEST_FLOAT = 1e15
# Fields of people. In the record they stand as `person:<id>` or not at all, so that a person can
# be erased from the register without breaking a block.
PERSONAL = frozenset(
    {
        "contact",
        "contact_name",
        "contact_phone",
        "email",
        "id_card",
        "mobile",
        "person_name",
        "phone",
        "responsible",
        "responsible_name",
        "responsible_phone",
        "telephone",
    }
)
WITHHELD = "person:withheld"
_PERSON = "person:"


def person(number: int) -> str:
    """How the record refers to a person of the register: by key, never by name or number."""
    return f"{_PERSON}{number}"


def is_person(value: object) -> bool:
    """Whether `value` is such a reference."""
    return isinstance(value, str) and value.startswith(_PERSON)


def refer(values: Mapping[str, Any], number: int, fields: Iterable[str]) -> dict[str, Any]:
    """`values` with a person's `fields` (name, phone …) replaced by one reference to the person."""
    kept = {name: value for name, value in values.items() if name not in set(fields)}
    return {**kept, "person": person(number)}


def plain(value: Any) -> Any:
    """`value` of JSON's kinds only, with personal fields withheld.

    Other kinds (dates, paths, decimals) become text; sets become sorted lists.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return _plain_number(value)
    if isinstance(value, Mapping):
        return {_plain_text(str(k)): _plain_field(str(k), v) for k, v in value.items()}
    if isinstance(value, set | frozenset):
        return sorted((plain(item) for item in value), key=repr)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return _plain_text(str(value))


def _plain_number(value: float) -> int | float | str:
    if isinstance(value, int):
        return int(value) if -EXACT <= value <= EXACT else str(int(value))
    exact = math.isfinite(value) and abs(value) < LARGEST_FLOAT
    return float(value) if exact else repr(value)


def _plain_field(name: str, value: Any) -> Any:
    if name.lower() in PERSONAL and value not in (None, "") and not is_person(value):
        return WITHHELD
    return plain(value)


def _plain_text(value: str) -> str:
    # neither database stores a lone surrogate, and PostgreSQL no NUL
    return value.replace("\0", "␀").encode("utf-8", "replace").decode("utf-8")
