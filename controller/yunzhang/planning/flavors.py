"""The target flavor for each source flavor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Size:
    """What a flavor gives. Disks are volumes in the target, so the root disk does not count."""

    name: str
    vcpus: int
    ram_mib: int
    disk_gib: int = 0
    ephemeral_gib: int = 0
    swap_mib: int = 0
    extra_specs: Mapping[str, str] = field(default_factory=dict)


def _dominates(offer: Size, need: Size) -> bool:
    return (
        offer.vcpus >= need.vcpus
        and offer.ram_mib >= need.ram_mib
        and offer.ephemeral_gib >= need.ephemeral_gib
        and offer.swap_mib >= need.swap_mib
        and need.extra_specs.items() <= offer.extra_specs.items()
    )


def choose_flavor(need: Size, offers: Iterable[Size], generosity: float = 1.5) -> Size | None:
    """The least flavor that gives at least what `need` says, or None when all are wasteful.

    A flavor with more than `generosity` times the memory, or more than twice the cores, is
    wasteful: then a flavor of the exact size is made instead.
    """
    fitting = [offer for offer in offers if _dominates(offer, need)]
    fitting = [
        offer
        for offer in fitting
        if offer.ram_mib <= need.ram_mib * generosity and offer.vcpus <= 2 * need.vcpus
    ]
    return min(fitting, key=lambda o: (o.vcpus, o.ram_mib, o.name), default=None)
