"""By what a machine is known: identifiers, cards, names in a place, addresses in a place. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

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
    """Everything one machine may be found by; each set may be empty.

    `ids`: `uuid:…`, `serial:…`, `machine:…`. `macs` of cards. `names` in a source and `places` in
    an address domain mean something only there.
    """

    ids: frozenset[str] = frozenset()
    macs: frozenset[str] = frozenset()
    names: frozenset[Named] = frozenset()
    places: frozenset[Place] = frozenset()


def identifiers(*, uuid: str = "", serial: str = "", machine: str = "") -> frozenset[str]:
    """The identifiers that say something; makers' fillers and rows of one digit do not."""
    said = {"uuid": uuid, "serial": serial, "machine": machine}
    found = set()
    for kind, value in said.items():
        plain = value.strip().lower()
        if plain not in _JUNK and not _SAME.fullmatch(plain.replace("-", "")):
            found.add(f"{kind}:{plain}")
    return frozenset(found)


def clean_mac(text: str) -> str | None:
    """A card's address as `aa:bb:cc:dd:ee:ff`; None for what is none, all zero, or a group's."""
    digits = re.sub(r"[^0-9a-f]", "", text.lower())
    if not _MAC.fullmatch(digits) or digits == "0" * 12 or int(digits[:2], 16) & 1:
        return None
    return ":".join(digits[i : i + 2] for i in range(0, 12, 2))


def clean_macs(texts: Iterable[str]) -> frozenset[str]:
    """All usable card addresses."""
    return frozenset(mac for text in texts if (mac := clean_mac(text)))


def inventory_name(code: str) -> Named:
    """How Ansible calls a machine by our own inventory: by its business code."""
    return ("", None, code)


def declared_names(source: str, project: str, name: str) -> frozenset[Named]:
    """How a declared machine may be called: by project where the source knows projects.

    `source`: where its platform is read from; a machine of a platform nobody reads has no name.
    """
    if not source:
        return frozenset()
    return frozenset({(source, project, name), (source, None, name)})


def observed_names(source: str, project: str | None, name: str) -> frozenset[Named]:
    """How an observed machine may be called in its source.

    A declaration that names a project means that project only; one that names none means any.
    """
    if not name:
        return frozenset()
    projects = (None,) if project is None else (project, "")
    return frozenset((source, said, name) for said in projects)
