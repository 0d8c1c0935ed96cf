"""Disks and interfaces of a server beside what its own row sums up of them.

The row of 虚拟机 is what plans read; the sheets 磁盘 and 网卡 tell the same in detail. Where both
are declared and differ, one of them is wrong, and only its unit knows which: a warning.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from yunzhang import texts
from yunzhang.estate.importing.known import Known, Server
from yunzhang.estate.workbooks.parsing import Parsed, Row, SheetRows

Parts = Mapping[str, Mapping[str, Any]]


def check_parts(parsed: Parsed, known: Known) -> None:
    """Compare the servers of the file, and those it brings disks or interfaces of."""
    if not parsed.sheets.keys() & {"workloads", "disks", "nics"}:
        return
    servers = _servers(parsed, known)
    own = {row.key[0]: row for row in parsed.rows("workloads") if row.key}
    compare: tuple[tuple[str, str, Parts, _Compare], ...] = (
        ("disks", "size_gib", known.disks, _compare_disks),
        ("nics", "addresses", known.nics, _compare_addresses),
    )
    for sheet, column, stored, differ in compare:
        brought = _brought(parsed, sheet)
        for code in own.keys() | brought.keys():
            rows = brought.get(code, [])
            server = servers.get(code)
            if server is None or any(not row.good for row in rows):
                continue
            parts = {**stored.get(code, {}), **{row.key[1]: row.values[column] for row in rows
                                                if row.key and column in row.values}}  # fmt: skip
            told = differ(server, parts) if parts else None
            if told:
                place = rows[0] if rows else own[code]
                _warn(parsed, sheet if rows else "workloads", place, told | {"value": code})


_Compare = Callable[[Server, Mapping[str, Any]], dict[str, Any] | None]


def _servers(parsed: Parsed, known: Known) -> dict[str, Server]:
    found = dict(known.servers)
    for row in parsed.rows("workloads"):
        if not row.key:
            continue
        if not row.good:
            found.pop(row.key[0], None)
            continue
        values = {**known.stored("workloads", row.key), **row.values}
        size = values["disk_gib"] + (values.get("data_gib") or 0)
        found[row.key[0]] = Server(size, values.get("addresses") or [])
    return found


def _brought(parsed: Parsed, sheet: str) -> dict[str, list[Row]]:
    """Rows of a sheet of parts by the server they belong to."""
    found: dict[str, list[Row]] = {}
    for row in parsed.rows(sheet):
        if code := row.values.get("workload_code"):
            found.setdefault(code, []).append(row)
    return found


def _compare_disks(server: Server, disks: Mapping[str, int]) -> dict[str, Any] | None:
    total = sum(disks.values())
    if total == server.disk_gib:
        return None
    return {"code": "disks_differ", "parts": total, "whole": server.disk_gib}


def _compare_addresses(server: Server, nics: Mapping[str, list[str]]) -> dict[str, Any] | None:
    held = {address for addresses in nics.values() for address in addresses}
    if held == set(server.addresses):
        return None
    parts, whole = (texts.listed(sorted(each)) or "-" for each in (held, set(server.addresses)))
    return {"code": "addresses_differ", "parts": parts, "whole": whole}


def _warn(parsed: Parsed, key: str, row: Row, told: dict[str, Any]) -> None:
    rows: SheetRows = parsed.sheets[key]
    code = told.pop("code")
    places = {"disks": "size_gib", "nics": "addresses"}
    whole = "data_gib" if code == "disks_differ" else "addresses"
    parsed.warn(rows.sheet, row, places.get(key, whole), code, **told)
