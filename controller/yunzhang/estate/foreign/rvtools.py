"""RVTools exports (xlsx): machines from vInfo, sizes from vCPU, vMemory and vDisk.

Header names changed over the versions ("Provisioned MB" became "Provisioned MiB", the figure did
not); the sheets of the other objects (hosts, switches, snapshots …) are told as not kept.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from yunzhang.estate.foreign.conversion import (
    Assumed,
    Conversion,
    Origin,
    Place,
    gib,
    make_code,
    tell_apart,
)
from yunzhang.estate.foreign.placing import (
    Card,
    interfaces,
    place_platform,
    place_system,
    platform_code,
)
from yunzhang.estate.workbooks.cells import CellError, read_text
from yunzhang.estate.workbooks.files import RawSheet

# Sheets whose rows are parts of a machine.
PARTS = ("vCPU", "vMemory", "vDisk", "vPartition", "vNetwork")
_NAMES = {
    "cpus": ("CPUs", "# CPU"),
    "memory": ("Memory", "Size MiB", "Size MB"),
    "disk": ("Capacity MiB", "Capacity MB"),
    "total": ("Total disk capacity MiB", "Provisioned MiB", "Provisioned MB"),
    "uuid": ("VM UUID", "UUID"),
    "address": ("Primary IP Address", "IP Address"),
    "ipv4": ("IPv4 Address", "IP Address"),
    "os": ("OS according to the VMware Tools", "OS according to the configuration file", "OS"),
}
Cells = dict[str, str]


def is_rvtools(titles: Iterable[str]) -> bool:
    """Whether these are the sheets of an RVTools export."""
    return "vInfo" in titles


def convert(sheets: list[RawSheet], assumed: Assumed) -> Conversion:
    """Machines as workloads, clusters as platforms; every row of every sheet is accounted for."""
    return _Converter(sheets, assumed).convert()


def _rows(sheet: RawSheet) -> Iterator[tuple[int, Cells]]:
    head = next(iter(sheet.rows), [])
    names = [str(cell).strip() for cell in head]
    for number, cells in enumerate(sheet.rows[1:], 2):
        read = {name: _text(cell) for name, cell in zip(names, cells, strict=False)}
        if any(read.values()):
            yield number, read


def _text(cell: Any) -> str:
    try:
        return read_text(cell)
    except CellError:
        return ""


def _cell(cells: Cells, name: str) -> str:
    return next((cells[each] for each in _NAMES[name] if cells.get(each)), "")


def _number(text: str) -> float:
    try:
        number = float(text.replace(",", "").replace(" ", ""))
    except ValueError:
        return 0.0
    return number if math.isfinite(number) else 0.0


def _split(addresses: str) -> list[str]:
    return addresses.replace(",", " ").split()


def _cluster(cells: Cells) -> tuple[str, str]:
    """A cluster's name, and the vCenter it is in."""
    name = " ".join(filter(None, (cells.get("Datacenter"), cells.get("Cluster")))) or "VMware"
    return name, cells.get("VI SDK Server", "")


class _Converter:
    def __init__(self, sheets: list[RawSheet], assumed: Assumed) -> None:
        self._assumed = assumed
        self._done = Conversion()
        self._sheets = {sheet.title: list(_rows(sheet)) for sheet in sheets}
        self._of: dict[str, dict[str, list[Cells]]] = {}
        for title in PARTS:
            parts: dict[str, list[Cells]] = defaultdict(list)
            for _, cells in self._sheets.get(title, []):
                parts[cells.get("VM", "")].append(cells)
            self._of[title] = parts
        machines = self._sheets["vInfo"]
        self._has_uuids = sum(bool(_cell(cells, "uuid")) for _, cells in machines) * 2 > len(
            machines
        )
        self._places: dict[str, list[Place]] = defaultdict(list)
        self._clusters = self._code_clusters()

    def _code_clusters(self) -> dict[tuple[str, str], str]:
        """Codes of clusters; two vCenters in one export may use the same name."""
        servers: dict[str, list[str]] = defaultdict(list)
        for name, server in sorted({_cluster(cells) for _, cells in self._sheets["vInfo"]}):
            servers[name].append(server)
        return {
            (name, server): code
            for name, marks in servers.items()
            for server, code in zip(
                marks,
                tell_apart(platform_code(self._assumed, None, name), marks),
                strict=True,
            )
        }

    def convert(self) -> Conversion:
        for number, cells in self._sheets["vInfo"]:
            self._machine(Origin("vInfo", number, cells.get("VM", "")), cells)
        for title, rows in self._sheets.items():
            if title != "vInfo":
                for number, cells in rows:
                    self._part(
                        Origin(title, number, cells.get("VM") or cells.get("Host", "")), title
                    )
        return self._done

    def _part(self, origin: Origin, title: str) -> None:
        places = self._places.get(origin.name, [])
        if title not in PARTS:
            self._done.refuse(origin, "kind", kind=title)
        elif not places:
            self._done.refuse(origin, "machine", name=origin.name)
        elif len(places) > 1:
            self._done.refuse(origin, "ambiguous", name=origin.name, count=len(places))
        else:
            self._done.follow(origin, places[0])

    def _machine(self, origin: Origin, cells: Cells) -> None:
        if cells.get("Template", "").lower() in ("true", "是"):
            self._done.refuse(origin, "template")
        elif cells.get("SRM Placeholder", "").lower() in ("true", "是"):
            self._done.refuse(origin, "placeholder")
        elif not origin.name:
            self._done.refuse(origin, "nameless")
        elif self._has_uuids and not _cell(cells, "uuid"):
            # a row cut off half-way: imported by name, it would be a second machine next time
            self._done.refuse(origin, "uuid")
        else:
            self._places[origin.name].append(self._add(origin, cells))

    def _add(self, origin: Origin, cells: Cells) -> Place:
        unit, name = self._assumed.unit, origin.name
        cluster, server = _cluster(cells)
        platform = place_platform(
            self._done, self._assumed, None, cluster, technology="vmware",
            code=self._clusters[cluster, server],
        )  # fmt: skip
        uuid = _cell(cells, "uuid")
        columns, noted = interfaces(self._done, self._assumed, origin, self._cards(cells))
        power = cells.get("Powerstate", "")
        noted += [power] if power and power != "poweredOn" else []
        disks = [_number(_cell(part, "disk")) for part in self._parts("vDisk", name)]
        disks = disks or [_number(_cell(cells, "total"))]
        row = {
            "code": make_code("vm", uuid) if uuid else make_code(platform, name),
            "name": name,
            "system_code": place_system(self._done, self._assumed, unit),
            "unit_code": unit,
            "platform_code": platform,
            "vcpu": self._size("vCPU", "cpus", cells),
            "ram_mib": self._size("vMemory", "memory", cells),
            "disk_gib": str(gib(disks[0])) if disks[0] else "",
            "data_gib": str(sum(gib(disk) for disk in disks[1:])),
            "platform_uuid": uuid,
            "os": _cell(cells, "os"),
            "note": "；".join(noted),
        }
        return self._done.add("workloads", origin, row | columns)

    def _parts(self, title: str, name: str) -> list[Cells]:
        """A machine's rows of another sheet; none when two machines have the name."""
        twice = sum(cells.get("VM") == name for _, cells in self._sheets["vInfo"]) > 1
        return [] if twice else self._of[title].get(name, [])

    def _size(self, title: str, name: str, cells: Cells) -> str:
        """From the sheet made for it, which counts what is configured; else from vInfo."""
        for part in (*self._parts(title, cells.get("VM", "")), cells):
            if number := _number(_cell(part, name)):
                return str(int(number))
        return ""

    def _cards(self, cells: Cells) -> list[Card]:
        """From vNetwork, a row for each card; else from vInfo, which does not say what is whose."""
        rows = self._parts("vNetwork", cells.get("VM", ""))
        if rows:
            return [
                Card(row.get("Network", ""), address)
                for row in rows
                for address in _split(_cell(row, "ipv4")) or [""]
            ]
        told = (cells.get(f"Network #{number}", "") for number in range(1, 9))
        networks = list(dict.fromkeys(name for name in told if name))
        addresses = _split(_cell(cells, "address"))
        if len(networks) == 1 and addresses:
            return [Card(networks[0], address) for address in addresses]
        return [Card(name, "") for name in networks] + [Card("", each) for each in addresses]
