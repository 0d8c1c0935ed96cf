"""Field by field: where the register and what was seen say different things. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from yunzhang.discovery.authority import COMPARED, Field
from yunzhang.discovery.machines import Seen, Values

Difference = dict[str, Any]  # field, authority, declared, observed


def compare(declared: Values, seen: Seen) -> tuple[int, list[Difference]]:
    """How many fields both sides say, and those they disagree on. What one leaves out is none."""
    both = list(_said(declared, seen.values))
    differing = [
        {"field": field.name, "authority": field.authority, "declared": own, "observed": other}
        for field, own, other in both
        if not _equal(field, own, other, seen.kind)
    ]
    return len(both), differing


def _said(declared: Values, observed: Values) -> Iterator[tuple[Field, Any, Any]]:
    for field in COMPARED:
        own, other = declared.get(field.name), observed.get(field.name)
        if own not in (None, "", []) and other not in (None, "", []):
            yield field, own, other


def _equal(field: Field, own: Any, other: Any, kind: str) -> bool:
    if isinstance(own, list):
        return sorted(own) == sorted(other)
    if kind == "facts":
        if field.slack:
            return bool(own * (1 - field.slack) <= other <= own)
        if field.name == "name":  # a host's own name may carry its domain, in any case
            return str(other).split(".")[0].lower() == str(own).split(".")[0].lower()
    return bool(own == other)
