"""What the database already holds of the things a file speaks of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from yunzhang import texts
from yunzhang.estate.addresses.blocks import Block
from yunzhang.estate.workbooks.parsing import Row, SheetRows
from yunzhang.units.divisions import DivisionRow

Key = tuple[Any, ...]

# States in which a unit may still change what it declared.
OPEN_STATES = frozenset({"draft", "returned"})


class KnownPrefix(NamedTuple):
    """A stored prefix as far as the rules need it."""

    domain_code: str
    cidr: str
    role: str
    network_name: str
    block: Block


class KnownUnit(NamedTuple):
    """A stored unit as far as the rules need it. `valid_to`: its last day, when it is closed."""

    code: str
    name: str
    aliases: list[str]
    uscc: str | None
    valid_to: date | None
    replaced_by: str | None


class Server(NamedTuple):
    """What the row of a server sums up of its disks and interfaces."""

    disk_gib: int
    addresses: list[str]


@dataclass(slots=True)
class Known:
    """Read in a few queries, whatever the size of the file.

    `codes`: sheet key → codes that exist of those the file names. `current`: sheet key → rows that
    the file would change, by key. `parents`: (sheet key, column) → code → code named, for trees.
    `zones`: address domain → network zone; `network_zones`: network → zone. `uuids`: (platform,
    uuid) → workload. `loads`: platform → vCPUs, percent, vCPUs promised. `duties`: person → things
    they answer for. `owners`: sheet key → code → unit. `serials` and `macs`: whose they are.
    `servers`, `disks`, `nics`: what is stored of the servers whose parts are compared.
    `domain_owners`: address domain → network, unit. `spans`: domain, family and packed ends of
    what may overlap the file's prefixes. `seen`: sheet key → codes that may be told to whom imports
    for units; None: all.
    """

    divisions: Mapping[str, DivisionRow] = field(default_factory=dict)
    codes: dict[str, set[str]] = field(default_factory=dict)
    current: dict[str, dict[Key, Mapping[str, Any]]] = field(default_factory=dict)
    parents: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    prefixes: list[KnownPrefix] = field(default_factory=list)
    units: list[KnownUnit] = field(default_factory=list)
    zones: dict[str, str] = field(default_factory=dict)
    network_zones: dict[str, str] = field(default_factory=dict)
    uuids: dict[tuple[str, str], str] = field(default_factory=dict)
    loads: dict[str, tuple[int | None, int | None, int]] = field(default_factory=dict)
    duties: Counter[str] = field(default_factory=Counter)
    owners: dict[str, dict[str, str]] = field(default_factory=dict)
    serials: dict[str, str] = field(default_factory=dict)
    macs: dict[str, tuple[str, str]] = field(default_factory=dict)
    servers: dict[str, Server] = field(default_factory=dict)
    disks: dict[str, dict[str, int]] = field(default_factory=dict)
    nics: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    domain_owners: dict[str, tuple[str, str]] = field(default_factory=dict)
    spans: list[tuple[str, int, str]] = field(default_factory=list)
    seen: Mapping[str, Set[str]] | None = None

    def is_hidden(self, sheet: str, code: str) -> bool:
        """Whether a stored thing is another's, of which nothing may be told."""
        return self.seen is not None and code not in self.seen.get(sheet, ())

    def told(self, sheet: str, code: str) -> str:
        """A code as it may be told to whom imports."""
        return texts.text("estate.of_another") if self.is_hidden(sheet, code) else code

    def stored(self, sheet: str, key: Key | None) -> Mapping[str, Any]:
        """The stored row with this key; empty when there is none."""
        return self.current.get(sheet, {}).get(key, {}) if key else {}


def column_names(rows: SheetRows) -> list[str]:
    """The columns of a file's sheet that are stored."""
    return [column.key for column in rows.columns if column.key != "classified"]


def changed_values(
    stored: Mapping[str, Any], row: Row, names: Sequence[str]
) -> dict[str, tuple[Any, Any]]:
    """Column → what is stored and what the row says, where they differ."""
    values = row.values
    return {
        name: (stored[name], values[name])
        for name in names
        if name in values and stored[name] != values[name]
    }


def key_text(key: Key | None) -> str:
    """A key as it is shown and logged: its parts with slashes between."""
    return "/".join(str(part) for part in key or ())
