"""Hosts from the facts Ansible gathered: a folder of JSON, one file for each host."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from yunzhang.errors import NotFound
from yunzhang.hosts.domain import Nic
from yunzhang.texts import text

Facts = Mapping[str, Any]
# Devices that stand for others or for nothing.
_UNREAL = ("loop", "ram", "zram", "dm-", "md", "sr", "fd", "nbd")


class HostDisk(BaseModel):
    """A disk as the host sees it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    size_bytes: int
    model: str | None = None
    serial: str | None = None


class Host(BaseModel):
    """A machine by its own account. `virtual`: it runs on a hypervisor."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    inventory_name: str
    hostname: str
    machine_id: str = ""
    product_uuid: str = ""
    serial: str = ""
    virtual: bool = False
    vcpus: int
    ram_mib: int
    disks: tuple[HostDisk, ...] = ()
    nics: tuple[Nic, ...] = ()
    system: str = ""
    architecture: str = ""


def read_facts(folder: Path) -> tuple[list[Host], list[str]]:
    """Hosts of a folder and what could not be read. Raises NotFound `hosts.facts_none`."""
    hosts, problems = [], []
    files = sorted(folder.glob("*.json"))
    if not files:
        raise NotFound("hosts.facts_none", path=str(folder))
    for file in files:
        try:
            content = json.loads(file.read_text("utf-8"))
            hosts.append(parse_facts(file.stem, content["ansible_facts"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            problems.append(text("hosts.facts_bad", file=file.name, reason=repr(error)))
    return hosts, problems


def parse_facts(name: str, facts: Facts) -> Host:
    """A host; what needed root to be read and was not is empty. Raises KeyError, ValueError."""
    bare = {key.removeprefix("ansible_"): value for key, value in facts.items()}
    return Host(
        inventory_name=name,
        hostname=bare["hostname"],
        machine_id=bare.get("machine_id") or "",
        product_uuid=bare.get("product_uuid") or "",
        serial=bare.get("product_serial") or "",
        virtual=bare.get("virtualization_role") == "guest",
        vcpus=bare["processor_vcpus"],
        ram_mib=bare["memtotal_mb"],
        disks=tuple(_disks(bare.get("devices") or {})),
        nics=tuple(_nics(bare)),
        system=f"{bare.get('distribution', '')} {bare.get('distribution_version', '')}".strip(),
        architecture=bare.get("architecture") or "",
    )


def _disks(devices: Mapping[str, Any]) -> Iterator[HostDisk]:
    for name, device in sorted(devices.items()):
        if not name.startswith(_UNREAL) and device.get("removable") != "1":
            size = int(device.get("sectors") or 0) * int(device.get("sectorsize") or 512)
            yield HostDisk(
                name=name, size_bytes=size,
                model=device.get("model") or None, serial=device.get("serial") or None,
            )  # fmt: skip


def _nics(bare: Facts) -> Iterator[Nic]:
    """Real cards; bridges, containers' ends and tunnels have addresses of the machine's own making.

    An address on a bridge or bond is told with the first card's others.
    """
    for name in sorted(bare.get("interfaces") or ()):
        told = bare.get(name.replace("-", "_").replace(".", "_").replace(":", "_")) or {}
        real = told.get("type") == "ether" and told.get("macaddress") and told.get("module")
        addresses = sorted(_addresses(told))
        bridged = told.get("type") in ("bridge", "bonding") and name.startswith(("br", "bond"))
        if real or (bridged and addresses):
            yield Nic(
                mac=told["macaddress"] if real else "", network=name, addresses=tuple(addresses)
            )


def _addresses(told: Mapping[str, Any]) -> Iterator[str]:
    fourth = [told.get("ipv4") or {}, *(told.get("ipv4_secondaries") or ())]
    for entry in (*fourth, *(told.get("ipv6") or ())):
        if not entry.get("address"):
            continue
        address = ipaddress.ip_address(entry["address"])
        if not (address.is_loopback or address.is_link_local):
            yield str(address)
