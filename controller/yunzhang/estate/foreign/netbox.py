"""NetBox: Django fixtures (JSON, also gzipped) and CSV exports of one kind.

Tenants become units as mapped, VRFs address domains (each in a network of its own), clusters
platforms. A prefix that contains others of its VRF is a summary here: NetBox lets prefixes in use
nest, the register does not.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from yunzhang import texts
from yunzhang.estate.addresses.blocks import AddressError, parse_block
from yunzhang.estate.foreign.conversion import Assumed, Conversion, Origin, make_code, tell_apart
from yunzhang.estate.foreign.placing import (
    Card,
    interfaces,
    place_platform,
    place_system,
    platform_code,
)

Json = Mapping[str, Any]
# Columns by which the CSV export of a kind is known → the fixture's name of the kind.
_CSV_KINDS: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"prefix", "status"}), "ipam.prefix"),
    (frozenset({"cid", "provider"}), "circuits.circuit"),
    (frozenset({"circuit_id", "provider"}), "circuits.circuit"),
    (frozenset({"name", "vcpus"}), "virtualization.virtualmachine"),
    (frozenset({"name", "memory"}), "virtualization.virtualmachine"),
    (frozenset({"name", "rd"}), "ipam.vrf"),
    (frozenset({"name", "slug", "region"}), "dcim.site"),
    (frozenset({"name", "slug", "facility"}), "dcim.site"),
    (frozenset({"name", "slug", "group"}), "tenancy.tenant"),
)
_SAME = {"memory_mb": "memory", "disk_gb": "disk", "id": "pk", "circuit_id": "cid"}
GLOBAL = "global"


def is_fixture(content: Any) -> bool:
    """Whether this is a list of Django objects of NetBox."""
    return (
        isinstance(content, list)
        and bool(content)
        and all(isinstance(each, dict) and {"model", "fields"} <= each.keys() for each in content)
    )


def read_csv(text: str) -> list[Json] | None:
    """A CSV export as fixture objects whose references are names; None when it is no such."""
    rows = list(csv.reader(io.StringIO(text, newline="")))
    if not rows:
        return None
    names = [cell.strip().lower().replace(" ", "_").strip("()") for cell in rows[0]]
    names = [_SAME.get(name.replace("(", "").replace(")", ""), name) for name in names]
    kind = next((kind for known, kind in _CSV_KINDS if known <= set(names)), None)
    if kind is None:
        return None
    filled = (row for row in rows[1:] if any(cell.strip() for cell in row))
    return [
        {
            "model": kind,
            "pk": None,
            "fields": {n: c.strip() for n, c in zip(names, r, strict=False)},
        }
        for r in filled
    ]


def convert(objects: Iterable[Json], assumed: Assumed) -> Conversion:
    """Sites, VRFs, prefixes, clusters and machines; every object is accounted for."""
    return _Converter(list(objects), assumed).convert()


def _plain(reference: Any) -> Any:
    """A reference as it may be looked up: a number, a name, or None.

    Raises TypeError for natural keys, which name things in a way of their own.
    """
    if isinstance(reference, list | dict):
        raise TypeError(f"{reference!r}: neither a number nor a name")
    return None if reference == "" else reference


class _Converter:
    def __init__(self, objects: list[Json], assumed: Assumed) -> None:
        self._assumed = assumed
        self._done = Conversion()
        self._objects = objects
        self._named: dict[tuple[str, Any], str] = {}
        self._fields: dict[tuple[str, Any], Json] = {}
        for number, each in enumerate(objects, 1):
            if not (isinstance(each["model"], str) and isinstance(each["fields"], dict)):
                raise TypeError(f"object {number}: model {each['model']!r}")
            key = (each["model"], each.get("pk"))
            if key[1] is None:  # nothing can refer to it
                continue
            self._fields[key] = each["fields"]
            self._named[key] = str(each["fields"].get("name") or each["fields"].get("cid") or "")
        self._codes = self._code_things()
        self._summaries = self._find_summaries()

    def _code_things(self) -> dict[int, str]:
        """Codes by the identity of an object's fields: VRFs and clusters may share a name."""
        same: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for each in self._objects:
            fields, name = each["fields"], str(each["fields"].get("name") or "")
            if each["model"] == "ipam.vrf":
                # the space of prefixes without a VRF is another one than a VRF called so
                same[make_code("vrf", name)] += [(0, "")] if name == GLOBAL else []
                mark = str(fields.get("rd") or each.get("pk") or "")
                same[make_code("vrf", name)].append((id(fields), mark))
            elif each["model"] == "virtualization.cluster":
                owner = [fields.get(key) for key in ("type", "group", "site", "scope_id")]
                mark = " ".join(str(part or "") for part in owner).strip()
                code = platform_code(self._assumed, self._unit(fields), name)
                same[code].append((id(fields), mark or str(each.get("pk") or "")))
        return {
            identity: code
            for plain, things in same.items()
            for (identity, _), code in zip(
                things, tell_apart(plain, [mark for _, mark in things]), strict=True
            )
        }

    def _held(self, model: str, reference: Any) -> Json:
        """The fields of what a reference stands for, none when the file does not hold it."""
        return self._fields.get((model, _plain(reference)), {})

    def convert(self) -> Conversion:
        numbers: dict[str, int] = defaultdict(int)
        makers = {
            "dcim.site": self._site,
            "ipam.vrf": self._vrf,
            "ipam.prefix": self._prefix,
            "tenancy.tenant": self._tenant,
            "virtualization.cluster": self._cluster,
            "virtualization.virtualmachine": self._machine,
        }
        for each in self._objects:
            model, fields = each["model"], each["fields"]
            numbers[model] += 1
            name = str(fields.get("name") or fields.get("prefix") or fields.get("address") or
                       fields.get("cid") or each.get("pk") or "")  # fmt: skip
            origin = Origin(model, numbers[model], name)
            make = makers.get(model)
            if make is None:
                self._done.refuse(origin, "kind", kind=model)
            else:
                make(origin, fields)
        return self._done

    def _name(self, model: str, reference: Any) -> str:
        """The name a reference stands for: a number in fixtures, the name itself in CSV."""
        plain = _plain(reference)
        return self._named.get((model, plain), "" if plain is None else str(plain))

    def _unit(self, fields: Json) -> str | None:
        return self._assumed.unit_of(self._name("tenancy.tenant", fields.get("tenant")))

    def _owned(self, origin: Origin, fields: Json) -> str | None:
        """The unit; without one the row is refused."""
        unit = self._unit(fields)
        if unit is None:
            tenant = self._name("tenancy.tenant", fields.get("tenant"))
            self._done.refuse(origin, "tenant", tenant=tenant)
        return unit

    def _tenant(self, origin: Origin, fields: Json) -> None:
        # units are the register's own; a tenant only says whose other things are
        unit = self._assumed.tenants.get(origin.name)
        reason = "tenant_mapped" if unit else "tenant_row"
        self._done.refuse(origin, reason, tenant=origin.name, unit=unit or "")

    def _site(self, origin: Origin, fields: Json) -> None:
        if unit := self._owned(origin, fields):
            row = {"code": make_code("site", str(fields.get("slug") or origin.name))}
            row |= {"name": origin.name, "unit_code": unit, "classified": "否"}
            row |= {"division_code": self._assumed.division or ""}
            row |= {"address": str(fields.get("physical_address") or "").replace("\r\n", " ")}
            self._done.add_once("sites", origin, row)

    def _domain(self, origin: Origin | None, name: str, code: str, unit: str) -> None:
        """The address domain of a VRF, with a network of its own, made once."""
        note = texts.text("foreign.vrf_note", name=name)
        network = {"code": code, "name": name, "unit_code": unit, "classified": "否"}
        network |= {"reach": "region", "ministry_run": "否", "zone": self._assumed.zone}
        self._done.add_once("networks", None, network | {"note": note})
        self._done.add_once("domains", origin, {"code": code, "name": name, "network_code": code})

    def _vrf_code(self, reference: Any) -> str:
        """The code of the VRF a prefix names; of the global space when it names none."""
        name = self._name("ipam.vrf", reference) or GLOBAL
        return self._codes.get(id(self._held("ipam.vrf", reference)), make_code("vrf", name))

    def _vrf(self, origin: Origin, fields: Json) -> None:
        if unit := self._owned(origin, fields):
            self._domain(origin, self._vrf_name(fields), self._codes[id(fields)], unit)

    def _vrf_name(self, fields: Json) -> str:
        """As NetBox shows it where the name alone says too little."""
        name, rd = str(fields.get("name") or ""), str(fields.get("rd") or "")
        alone = self._codes[id(fields)] == make_code("vrf", name)
        return name if alone or not rd else f"{name} ({rd})"

    def _prefix(self, origin: Origin, fields: Json) -> None:
        held = self._held("ipam.vrf", fields.get("vrf"))
        name = self._vrf_name(held) if held else self._name("ipam.vrf", fields.get("vrf"))
        # a domain has one unit; the office's, when the VRF names none
        unit = self._unit(held) if held.get("tenant") else self._assumed.unit
        if unit is None:
            self._done.refuse(origin, "tenant", tenant=name or GLOBAL)
            return
        code = self._vrf_code(fields.get("vrf"))
        self._domain(None, name or GLOBAL, code, unit)
        role = "leaf"
        if (
            str(fields.get("status")).lower() == "container"
            or (code, origin.name) in self._summaries
        ):
            role = "container"
        elif str(fields.get("is_pool")).lower() == "true":
            role = "pool"
        row = {"domain_code": code, "cidr": origin.name, "role": role}
        tenant = self._name("tenancy.tenant", fields.get("tenant"))
        described = str(fields.get("description") or "")
        usage = self._name("ipam.role", fields.get("role"))
        noted = [part for part in (tenant, described if usage else "") if part]
        row |= {"usage": usage or described, "note": "；".join(noted)}
        self._done.add("prefixes", origin, row)

    def _find_summaries(self) -> set[tuple[str, str]]:
        """Prefixes that contain another of their VRF."""
        found: set[tuple[str, str]] = set()
        vrfs: dict[str, list[tuple[Any, str]]] = defaultdict(list)
        for each in self._objects:
            if each["model"] == "ipam.prefix":
                written = str(each["fields"].get("prefix"))
                try:
                    block = parse_block(written)
                except AddressError:
                    continue
                vrfs[self._vrf_code(each["fields"].get("vrf"))].append((block, written))
        for vrf, blocks in vrfs.items():
            stack: list[tuple[Any, str]] = []
            for block, written in sorted(blocks, key=lambda b: (b[0].family, b[0].lo, -b[0].hi)):
                while stack and (stack[-1][0].family, stack[-1][0].hi) < (block.family, block.lo):
                    stack.pop()
                found.update((vrf, outer) for around, outer in stack if around != block)
                stack.append((block, written))
        return found

    def _cluster(self, origin: Origin, fields: Json) -> None:
        if unit := self._owned(origin, fields):
            place_platform(
                self._done, self._assumed, origin, origin.name, technology="other",
                unit_code=unit, code=self._codes[id(fields)],
            )  # fmt: skip

    def _machine(self, origin: Origin, fields: Json) -> None:
        unit = self._owned(origin, fields)
        if unit is None:
            return
        cluster = self._name("virtualization.cluster", fields.get("cluster")) or "NetBox"
        held = self._held("virtualization.cluster", fields.get("cluster"))
        platform = place_platform(
            self._done, self._assumed, None, cluster, technology="other",
            unit_code=self._unit(held) or unit, code=self._codes.get(id(held)),
        )  # fmt: skip
        columns, noted = interfaces(self._done, self._assumed, origin, self._cards(origin, fields))
        status = str(fields.get("status") or "").lower()
        noted += [status] if status not in ("", "active") else []
        row = {
            "code": make_code(platform, origin.name),
            "name": origin.name,
            "system_code": place_system(self._done, self._assumed, unit),
            "unit_code": unit,
            "platform_code": platform,
            "vcpu": str(fields.get("vcpus") or ""),
            "ram_mib": str(fields.get("memory") or ""),
            "disk_gib": str(fields.get("disk") or ""),
            "note": "；".join(noted),
        }
        self._done.add("workloads", origin, row | columns)

    def _cards(self, origin: Origin, fields: Json) -> list[Card]:
        found = []
        for name in ("primary_ip4", "primary_ip6"):
            reference = fields.get(name)
            held = self._held("ipam.ipaddress", reference)
            written = str(held.get("address") or reference or "")
            if "." in written or ":" in written:
                found.append(Card("", written.partition("/")[0]))
            elif written:
                told = texts.text("foreign.warned_reference", name=f"{name} {written}")
                self._done.warn(origin, [told])
        return found
