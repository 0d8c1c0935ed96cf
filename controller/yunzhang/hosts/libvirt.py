"""Reading libvirt hosts by `virsh`, which is where libvirt is and reaches hosts by ssh.

Python's own bindings have to be compiled for each version of the library; a site without internet
has virsh. Every call only reads.
"""

from __future__ import annotations

import ipaddress
import os
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from yunzhang.errors import Outside, YunzhangError
from yunzhang.hosts.domain import Disk, Domain, Nic, parse_domain

# Seconds for one call; a host that does not answer must not hold up the others for ever.
TIMEOUT = 60
STATES = {"running": "running", "idle": "running", "paused": "paused", "pmsuspended": "paused"}
# How addresses are learnt, the surest first.
ADDRESS_SOURCES = ("agent", "lease", "arp")


@dataclass(slots=True)
class HostReading:
    """What was read of one host; `problems` name the domains that could not be."""

    uri: str
    domains: list[Domain] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def read_host(uri: str) -> HostReading:
    """All domains of a host, running or not. Raises Outside `hosts.failed` when it cannot be asked.

    A domain that vanishes or cannot be read meanwhile is a problem of the reading, not its end.
    """
    reading = HostReading(uri)
    for uuid in _virsh(uri, "list", "--all", "--uuid").split():
        try:
            reading.domains.append(_read_domain(uri, uuid))
        except YunzhangError as error:
            reading.problems.append(f"{uuid}: {error}")
    return reading


def _read_domain(uri: str, uuid: str) -> Domain:
    domain = parse_domain(_virsh(uri, "dumpxml", uuid))
    info = dict(_pairs(_virsh(uri, "dominfo", uuid)))
    power = STATES.get(info.get("State", ""), "off")
    return domain.model_copy(
        update={
            "power": power,
            "autostart": info.get("Autostart") == "enable",
            "persistent": info.get("Persistent") == "yes",
            "disks": tuple(_sized(uri, uuid, disk) for disk in domain.disks),
            "nics": tuple(
                _addressed(uri, uuid, domain.nics) if power == "running" else domain.nics
            ),
        }
    )


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        name, sign, value = line.partition(":")
        if sign:
            yield name.strip(), value.strip()


def _sized(uri: str, uuid: str, disk: Disk) -> Disk:
    """The disk with its size, which needs the storage to be there."""
    if disk.device != "disk" or not disk.source:
        return disk
    try:
        told = dict(_pairs(_virsh(uri, "domblkinfo", uuid, disk.target)))
        return disk.model_copy(update={"size_bytes": int(told["Capacity"])})
    except (Outside, KeyError, ValueError):
        return disk


def _addressed(uri: str, uuid: str, nics: Iterable[Nic]) -> Iterator[Nic]:
    found = _addresses(uri, uuid)
    for nic in nics:
        yield nic.model_copy(update={"addresses": tuple(sorted(found.get(nic.mac.lower(), ())))})


def _addresses(uri: str, uuid: str) -> dict[str, set[str]]:
    """Card → addresses by the first way that knows any; a guest without an agent has none."""
    for source in ADDRESS_SOURCES:
        try:
            found = parse_addresses(_virsh(uri, "domifaddr", uuid, "--full", "--source", source))
        except Outside:
            continue
        if found:
            return found
    return {}


def parse_addresses(text: str) -> dict[str, set[str]]:
    """Card → addresses of virsh's table, without those that mean something on one link only."""
    found: dict[str, set[str]] = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) != 4 or words[2] not in ("ipv4", "ipv6"):
            continue
        address = ipaddress.ip_address(words[3].partition("/")[0])
        if not (address.is_loopback or address.is_link_local):
            found.setdefault(words[1].lower(), set()).add(str(address))
    return found


def _virsh(uri: str, *arguments: str) -> str:
    command = ["virsh", "--readonly", "--quiet", "--connect", uri, *arguments]
    environment = os.environ | {"LC_ALL": "C.UTF-8", "LANGUAGE": ""}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False,
            timeout=TIMEOUT, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise Outside("hosts.no_virsh") from error
    except subprocess.TimeoutExpired as error:
        raise Outside("hosts.slow", uri=uri, seconds=TIMEOUT) from error
    if done.returncode != 0:
        reason = done.stderr.strip() or str(done.returncode)
        raise Outside("hosts.failed", uri=uri, call=arguments[0], reason=reason)
    return done.stdout
