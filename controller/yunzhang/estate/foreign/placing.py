"""Rows every foreign file needs: the cloud its machines run on and the system they belong to."""

from __future__ import annotations

from typing import Any

from yunzhang import texts
from yunzhang.estate.foreign.conversion import Assumed, Conversion, Origin, make_code


def place_platform(
    conversion: Conversion, assumed: Assumed, origin: Origin | None, name: str, **values: Any
) -> str:
    """The code of the cloud with this name, a row of which is made once."""
    unit = values.pop("unit_code", None) or assumed.unit
    code = make_code(unit or "", name)
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
    assumed: Assumed, networks: list[str], addresses: list[str]
) -> tuple[dict[str, Any], list[str]]:
    """Columns of a machine's interfaces, or what to note when no address domain is given."""
    if not networks and not addresses:
        return {}, []
    if assumed.domain:
        columns = {
            "domain_code": assumed.domain,
            "networks": "、".join(networks) if len(networks) == len(addresses) else "",
            "addresses": "、".join(addresses),
        }
        return columns, []
    noted = []
    if networks:
        noted.append(texts.text("foreign.note_networks", names=texts.listed(networks)))
    if addresses:
        noted.append(texts.text("foreign.note_addresses", names=texts.listed(addresses)))
    return {}, noted
