"""Who is right about which field of a machine: one table, to be read and reviewed as it stands.

`declared`: only the unit can say it; what was seen never speaks against it, so it is not compared.
`observed`: what runs is right; a difference proposes to accept what was seen.
`compare`: neither is right by itself; a person decides.

Nothing here writes by itself: every difference becomes a finding, and only its decision changes a
declared value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Authority = Literal["declared", "observed", "compare"]


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `slack`: share by which a guest's own figure may lie below what it was given."""

    name: str
    authority: Authority
    slack: float = 0.0


FIELDS: tuple[Field, ...] = (
    # the unit's word
    Field("unit_code", "declared"),
    Field("system_code", "declared"),
    Field("mlps_level", "declared"),
    Field("responsible", "declared"),
    Field("opex_fen", "declared"),
    Field("note", "declared"),
    # what runs
    Field("vcpu", "observed"),
    Field("ram_mib", "observed", slack=0.12),  # a guest does not see what its kernel keeps
    Field("disk_gib", "observed"),
    Field("data_gib", "observed"),
    Field("macs", "observed"),
    Field("power", "observed"),
    Field("last_seen", "observed"),
    # to be decided
    Field("name", "compare"),
    Field("addresses", "compare"),
    Field("platform_uuid", "compare"),
)
BY_NAME = {field.name: field for field in FIELDS}
COMPARED = tuple(field for field in FIELDS if field.authority != "declared")
