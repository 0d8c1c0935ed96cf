"""Judging booted targets: server, ports, addresses, disks, console."""

from __future__ import annotations

import re
from typing import Any

from yunzhang import clock, texts
from yunzhang.clouds.document import Validation
from yunzhang.clouds.intents import Intent, Made
from yunzhang.clouds.makers.calls import about
from yunzhang.clouds.makers.ports import PlacedNic, PortMaker
from yunzhang.clouds.makers.servers import ServerMaker
from yunzhang.clouds.makers.site import Site
from yunzhang.clouds.makers.sources import OFF, wait_power
from yunzhang.clouds.makers.volumes import PlacedDisk, VolumeMaker
from yunzhang.clouds.makers.waiting import POLL_SECONDS, seconds_for, wait_for, wait_status
from yunzhang.clouds.specs import ServerSpec
from yunzhang.errors import Conflict

BROKEN = (
    r"Kernel panic",
    r"emergency mode",
    r"You are in rescue mode",
    r"No bootable device",
    r"not a bootable disk",
    r"dracut-emergency",
    r"ALERT! .* does not exist",
)
UNBOUND = frozenset({"unbound", "binding_failed"})


def judge_console(text: str, wanted: tuple[str, ...]) -> bool | None:
    """True: the guest is up; False: it is broken; None: it says nothing yet."""
    if any(re.search(pattern, text) for pattern in BROKEN):
        return False
    return True if any(re.search(pattern, text) for pattern in wanted) else None


class ValidateTargets:
    """Fails unless every server of the wave is up at its planned addresses."""

    name = "validate_targets"
    changes = True  # a source that was off is left off in the target too

    def intend(self, site: Site) -> list[Intent]:
        """Nothing that would have to be undone: the servers go with their own intents."""
        return []

    def perform(self, site: Site, validation: Validation) -> list[Made]:
        """Raises Conflict `clouds_make.not_valid` or `clouds_make.console_bad`, Outside
        `clouds_make.waited`.
        """

        def check(item: ServerSpec) -> Made:
            return self._validate(site, item, validation)

        return site.each(site.spec.servers, check)

    def _validate(self, site: Site, item: ServerSpec, rules: Validation) -> Made:
        compute = site.target.compute
        with about("server", item.name, site.spec.target_cloud):
            identifier = ServerMaker().needed(site, item)
            server = compute.get_server(identifier)
            line = ""
            # one that is off was validated and put to rest in an earlier run
            if server.status != "SHUTOFF" or item.was_running:
                line = self._running(site, item, identifier, rules)
        made = Made(
            cloud=site.spec.target_cloud,
            kind="server",
            key=item.key,
            id=identifier,
            created=False,
            details={
                "console_line": line,
                "addresses": [address for nic in item.nics for _, address in nic.addresses],
                "at": clock.now().isoformat(timespec="seconds"),
            },
        )
        site.report.made.append(made)
        site.report.say("said_valid", name=item.name)
        return made

    def _running(self, site: Site, item: ServerSpec, identifier: str, rules: Validation) -> str:
        """Wait for server, ports and guest; the console's line that shows the guest up."""
        compute = site.target.compute
        wait_status(
            item.name,
            lambda: str(compute.get_server(identifier).status),
            {"ACTIVE"},
            {"ERROR", "DELETED", "SHUTOFF"},
            seconds_for(0),
        )
        faults = wait_for(
            item.name,
            lambda: faults_of(site, item, identifier),
            lambda found: not found or not found[0].startswith("port"),
            seconds=rules.console_timeout_seconds,
            describe=texts.listed,
        )
        if faults:
            raise Conflict("clouds_make.not_valid", name=item.name, faults=texts.listed(faults))
        line = _await_console(site, item, identifier, rules)
        if not item.was_running:
            compute.stop_server(identifier)
            wait_power(compute, compute.get_server(identifier), OFF)
        return line


def faults_of(site: Site, item: ServerSpec, identifier: str) -> list[str]:
    """What is wrong with a server's ports, addresses and disks; ports that come up late first."""
    server = site.target.compute.get_server(identifier)
    faults = []
    for nic in item.nics:
        port = site.target.network.get_port(PortMaker().needed(site, PlacedNic(item, nic)))
        if port.status != "ACTIVE" or port.binding_vif_type in UNBOUND:
            faults.append(f"port {nic.mac_address}: {port.status}/{port.binding_vif_type}")
    for nic in item.nics:
        faults += _address_faults(server, nic)
    return faults + _disk_faults(site, item, identifier)


def _address_faults(server: Any, nic: Any) -> list[str]:
    held = {
        (entry["OS-EXT-IPS-MAC:mac_addr"].lower(), entry["addr"])
        for entries in (server.addresses or {}).values()
        for entry in entries
    }
    return [
        f"address {address} missing"
        for _, address in nic.addresses
        if (nic.mac_address.lower(), address) not in held
    ]


def _disk_faults(site: Site, item: ServerSpec, identifier: str) -> list[str]:
    attached = {
        attachment.volume_id: attachment.device
        for attachment in site.target.compute.volume_attachments(identifier)
    }
    wanted = [VolumeMaker().needed(site, PlacedDisk(item, disk)) for disk in item.disks]
    if set(attached) != set(wanted):
        return [f"disks {len(attached)} ≠ {len(wanted)}"]
    devices = [attached[volume] for volume in wanted]
    if devices != sorted(devices, key=lambda device: (len(device), device)):
        return [f"disk order {' '.join(devices)}"]
    return []


def find_line(text: str, wanted: tuple[str, ...]) -> str:
    """The last line of a console that shows what is wanted."""
    shown = [line.strip() for line in text.splitlines()]
    return next((s for s in reversed(shown) if any(re.search(p, s) for p in wanted)), "")


def _await_console(site: Site, item: ServerSpec, identifier: str, rules: Validation) -> str:
    limit = clock.monotonic() + rules.console_timeout_seconds
    while True:
        output = site.target.compute.get_server_console_output(identifier)
        text = str((output or {}).get("output") or "")
        verdict = judge_console(text, rules.console_patterns)
        if verdict:
            return find_line(text, rules.console_patterns)
        if verdict is False or clock.monotonic() >= limit:
            last = " | ".join(text.splitlines()[-3:])
            raise Conflict("clouds_make.console_bad", name=item.name, last=last)
        clock.pause(POLL_SECONDS)
