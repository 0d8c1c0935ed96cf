"""By what a machine is known: identifiers, cards, names in a place, addresses in a place. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

# What firmware says when its maker said nothing. A key that many machines share is no key.
_JUNK = frozenset(
    {
        "", "na", "n/a", "none", "null", "unknown", "default", "default string", "0", "00000000",
        "not specified", "not available", "not applicable", "system serial number",
        "to be filled by o.e.m.", "to be filled by oem", "0123456789", "123456789",
        "chassis serial",
        "03000200-0400-0500-0006-000700080009",
    }
)  # fmt: skip
_MAC = re.compile(r"[0-9a-f]{12}")
_SAME = re.compile(r"(.)\1*")

Named = tuple[str, str | None, str]  # (source, project or None: not said, name)
Place = tuple[str, str]  # (address domain, address)


@dataclass(frozen=True, slots=True)
class Keys:
    """Everything one machine may be found by, each once; a province has many of these, and
    tuples take a quarter of the memory of sets.

    `ids`: `uuid:…`, `serial:…`, `machine:…`. `macs` of cards. `names` in a source and `places` in
    an address domain mean something only there.
    """

    ids: tuple[str, ...] = ()
    macs: tuple[str, ...] = ()
    names: tuple[Named, ...] = ()
    places: tuple[Place, ...] = ()

    def joined(self, other: Keys) -> Keys:
        """The keys of both."""
        return Keys(
            _union(self.ids, other.ids),
            _union(self.macs, other.macs),
            _union(self.names, other.names),
            _union(self.places, other.places),
        )


def _union(first: tuple[T, ...], other: tuple[T, ...]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(first + other))


def identifiers(*, uuid: str = "", serial: str = "", machine: str = "") -> tuple[str, ...]:
    """The identifiers that say something; makers' fillers and rows of one digit do not."""
    said = {"uuid": uuid, "serial": serial, "machine": machine}
    plain = {kind: value.strip().lower() for kind, value in said.items()}
    return tuple(
        f"{kind}:{value}"
        for kind, value in plain.items()
        if value not in _JUNK and not _SAME.fullmatch(value.replace("-", ""))
    )


def clean_mac(text: str) -> str | None:
    """A card's address as `aa:bb:cc:dd:ee:ff`; None for what is none, all zero, or a group's."""
    digits = re.sub(r"[^0-9a-f]", "", text.lower())
    if not _MAC.fullmatch(digits) or digits == "0" * 12 or int(digits[:2], 16) & 1:
        return None
    return ":".join(digits[i : i + 2] for i in range(0, 12, 2))


def clean_macs(texts: Iterable[str]) -> tuple[str, ...]:
    """All usable card addresses, in order."""
    return tuple(sorted({mac for text in texts if (mac := clean_mac(text))}))


def inventory_name(code: str) -> Named:
    """How Ansible calls a machine by our own inventory: by its business code."""
    return ("", None, code)


def declared_names(source: str, project: str, name: str) -> tuple[Named, ...]:
    """How a declared machine may be called: by project where the source knows projects.

    `source`: where its platform is read from; a machine of a platform nobody reads has no name.
    """
    if not source:
        return ()
    return ((source, project, name), (source, None, name))


def observed_names(source: str, project: str | None, name: str) -> tuple[Named, ...]:
    """How an observed machine may be called in its source.

    A declaration that names a project means that project only; one that names none means any.
    """
    if not name:
        return ()
    projects = dict.fromkeys((None,) if project is None else (project, ""))
    return tuple((source, said, name) for said in projects)
