"""Whether what is to come fits into what there is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

UNLIMITED = -1


@dataclass(frozen=True, slots=True)
class Misfit:
    """A limit that would be passed; `place`: a project's quota, a cloud's capacity, the ledger."""

    place: str
    name: str
    resource: str
    limit: int
    used: int
    need: int

    @property
    def missing(self) -> int:
        """How much more the limit would have to be."""
        return self.used + self.need - self.limit


def find_misfits(
    place: str,
    name: str,
    need: Mapping[str, int],
    limits: Mapping[str, int],
    used: Mapping[str, int],
) -> list[Misfit]:
    """Every resource of `need` that would pass its limit; one without limit is unlimited."""
    found = []
    for resource, amount in sorted(need.items()):
        limit = limits.get(resource, UNLIMITED)
        taken = used.get(resource, 0)
        if limit != UNLIMITED and amount > 0 and taken + amount > limit:
            found.append(Misfit(place, name, resource, limit, taken, amount))
    return found
