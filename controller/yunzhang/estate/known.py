"""What the database already holds of the things a file speaks of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from yunzhang.estate.addresses import Block
from yunzhang.units.divisions import DivisionRow

Key = tuple[Any, ...]


class KnownPrefix(NamedTuple):
    """A stored prefix as far as the rules need it."""

    domain_code: str
    cidr: str
    role: str
    network_name: str
    block: Block


@dataclass(slots=True)
class Known:
    """Read in a few queries, whatever the size of the file.

    `codes`: sheet key → codes that exist of those the file names. `current`: sheet key → rows that
    the file would change, by key. `parents`: sheet key → code → parent, for trees.
    """

    divisions: Mapping[str, DivisionRow] = field(default_factory=dict)
    codes: dict[str, set[str]] = field(default_factory=dict)
    current: dict[str, dict[Key, Mapping[str, Any]]] = field(default_factory=dict)
    parents: dict[str, dict[str, str]] = field(default_factory=dict)
    prefixes: list[KnownPrefix] = field(default_factory=list)
