"""Flavors dominate without waste; limits are compared with what is used."""

from __future__ import annotations

from yunzhang.planning.fit import find_misfits
from yunzhang.planning.flavors import Size, choose_flavor

OFFERS = [Size("tiny", 1, 256), Size("small", 1, 512), Size("big", 8, 16384)]


def test_least_dominating_flavor_is_chosen() -> None:
    assert choose_flavor(Size("d1", 1, 192), OFFERS) == OFFERS[0]
    assert choose_flavor(Size("d1", 1, 400), OFFERS) == OFFERS[1]


def test_wasteful_or_lacking_flavors_are_not() -> None:
    assert choose_flavor(Size("d1", 2, 2048), OFFERS) is None
    needs_ssd = Size("d1", 1, 192, extra_specs={"disk": "ssd"})
    assert choose_flavor(needs_ssd, OFFERS) is None


def test_misfit_says_how_much_is_missing() -> None:
    need = {"cores": 6, "ram": 10, "ports": 3}
    limits = {"cores": 10, "ram": -1}
    (misfit,) = find_misfits("quota", "hrss", need, limits, {"cores": 7, "ram": 99})
    assert (misfit.resource, misfit.missing) == ("cores", 3)
