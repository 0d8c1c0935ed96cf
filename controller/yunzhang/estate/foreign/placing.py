"""Rows every foreign file needs: the cloud its machines run on and the system they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from yunzhang import texts
from yunzhang.estate.foreign.conversion import Assumed, Conversion, Origin, make_code


class Card(NamedTuple):
    """An address of a machine with its network; either may be unknown ("").

    `floating`: it is another address of the same card, which the register keeps with the egress.
    """

    network: str
    address: str
    floating: bool = False


def platform_code(assumed: Assumed, unit: str | None, name: str) -> str:
    """The code of a unit's cloud with this name."""
    return make_code(unit or assumed.unit or "", name)


def place_platform(
    conversion: Conversion, assumed: Assumed, origin: Origin | None, name: str, **values: Any
) -> str:
    """The code of a cloud, a row of which is made once; `code`: where the name says too little."""
    unit = values.pop("unit_code", None) or assumed.unit
    code = str(values.pop("code", "") or platform_code(assumed, unit, name))
    row = {"kind": "virtualisation", "classified": "否", "unit_code": unit, "name": name}
    conversion.add_once("platforms", origin, row | {"code": code} | values)
    return code


def place_system(conversion: Conversion, assumed: Assumed, unit: str | None) -> str:
    """The system machines are filed under: the one named, else the unit's of unsorted ones."""
    if assumed.system:
        return assumed.system
    code = make_code(unit or "", "unsorted")
    conversion.add_once(
        "systems",
        None,
        {
            "code": code,
            "name": texts.text("foreign.unsorted", unit=unit or ""),
            "unit_code": unit,
            "mlps_level": "0",
            "zone": assumed.zone,
            "classified": "否",
            "note": texts.text("foreign.unsorted_note"),
        },
    )
    return code


def interfaces(
    conversion: Conversion, assumed: Assumed, origin: Origin, cards: Sequence[Card]
) -> tuple[dict[str, Any], list[str]]:
    """Columns of a machine's interfaces, and what is only noted; what has no column is told.

    Without an address domain everything is noted: an address means nothing outside of one.
    """
    fixed = [card for card in cards if card.address and not card.floating]
    floating = [card.address for card in cards if card.address and card.floating]
    networks = list(dict.fromkeys(card.network for card in cards if card.network))
    noted: list[tuple[str, list[str]]] = [("floating", floating)]
    columns: dict[str, Any] = {}
    if assumed.domain:
        paired = all(card.network for card in fixed)
        if fixed:
            columns = {
                "domain_code": assumed.domain,
                "networks": "、".join(card.network for card in fixed) if paired else "",
                "addresses": "、".join(card.address for card in fixed),
            }
        kept = {card.network for card in fixed} if paired else set()
        noted.append(("networks", [name for name in networks if name not in kept]))
        conversion.warn(
            origin,
            (
                texts.text(f"foreign.warned_{kind}", names=texts.listed(names))
                for kind, names in noted
                if names
            ),
        )
    else:
        noted += [("networks", networks), ("addresses", [card.address for card in fixed])]
    return columns, [
        texts.text(f"foreign.note_{kind}", names=texts.listed(names))
        for kind, names in noted
        if names
    ]
