"""A libvirt domain from its XML, as https://libvirt.org/formatdomain.html describes it. Pure."""

from __future__ import annotations

from xml.etree import ElementTree

from pydantic import BaseModel, ConfigDict

from yunzhang.errors import Outside

# Bytes of the units of <memory>; what is not said is KiB.
UNITS = {
    "b": 1, "bytes": 1, "kb": 10**3, "k": 2**10, "kib": 2**10, "mb": 10**6, "m": 2**20,
    "mib": 2**20, "gb": 10**9, "g": 2**30, "gib": 2**30, "tb": 10**12, "t": 2**40, "tib": 2**40,
}  # fmt: skip
# Where a disk's content is named, by the type of its source.
SOURCES = ("file", "dev", "name", "volume", "dir")


class Disk(BaseModel):
    """A disk. `size_bytes` is what the guest sees; None: not known. `device`: disk, cdrom, …"""

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: str
    device: str = "disk"
    source: str | None = None
    format: str | None = None
    size_bytes: int | None = None


class Nic(BaseModel):
    """A card and the network, bridge or device it is plugged into."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mac: str
    network: str | None = None
    model: str | None = None
    addresses: tuple[str, ...] = ()


class Domain(BaseModel):
    """A virtual machine of libvirt. `power`: running, paused or off."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    uuid: str
    name: str
    serial: str | None = None
    vcpus: int
    ram_mib: int
    disks: tuple[Disk, ...] = ()
    nics: tuple[Nic, ...] = ()
    power: str = "off"
    firmware: str = "bios"
    machine: str | None = None
    architecture: str | None = None
    autostart: bool = False
    persistent: bool = True


def parse_domain(xml: str) -> Domain:
    """A domain's description. Raises Outside `hosts.xml_bad` when it is none."""
    try:
        if "<!DOCTYPE" in xml:  # libvirt writes none, and entities can be made to explode
            raise ValueError("DOCTYPE")
        root = ElementTree.fromstring(xml)  # noqa: S314 - without a DOCTYPE there are no entities
        return _read(root)
    except (ElementTree.ParseError, ValueError, KeyError) as error:
        raise Outside("hosts.xml_bad", reason=str(error)) from error


def _read(root: ElementTree.Element) -> Domain:
    kind = root.find("os/type")
    return Domain(
        uuid=_needed(root, "uuid"),
        name=_needed(root, "name"),
        serial=root.findtext("sysinfo/system/entry[@name='serial']"),
        vcpus=_vcpus(root),
        ram_mib=_memory(root),
        disks=tuple(_disk(disk) for disk in root.findall("devices/disk")),
        nics=tuple(_nic(nic) for nic in root.findall("devices/interface")),
        firmware=_firmware(root),
        machine=kind.get("machine") if kind is not None else None,
        architecture=kind.get("arch") if kind is not None else None,
    )


def _needed(root: ElementTree.Element, path: str) -> str:
    found = root.findtext(path)
    if not found:
        raise ValueError(f"<{path}>")
    return found.strip()


def _vcpus(root: ElementTree.Element) -> int:
    """Those plugged in now; the rest of the number may be added later."""
    vcpu = root.find("vcpu")
    if vcpu is None or not vcpu.text:
        return 1
    return int(vcpu.get("current") or vcpu.text)


def _memory(root: ElementTree.Element) -> int:
    """MiB it was given, whatever a balloon takes back meanwhile."""
    memory = root.find("memory")
    if memory is None or not memory.text:
        raise ValueError("<memory>")
    return int(memory.text) * UNITS[memory.get("unit", "KiB").lower()] // 2**20


def _firmware(root: ElementTree.Element) -> str:
    system = root.find("os")
    loader = root.find("os/loader")
    named = system is not None and system.get("firmware") == "efi"
    return "uefi" if named or (loader is not None and loader.get("type") == "pflash") else "bios"


def _disk(disk: ElementTree.Element) -> Disk:
    source, target, driver = disk.find("source"), disk.find("target"), disk.find("driver")
    named = None
    if source is not None:
        named = next((source.get(key) for key in SOURCES if source.get(key)), None)
        if source.get("pool") and named:
            named = f"{source.get('pool')}/{named}"
    return Disk(
        target=target.get("dev", "") if target is not None else "",
        device=disk.get("device", "disk"),
        source=named,
        format=driver.get("type") if driver is not None else None,
    )


def _nic(nic: ElementTree.Element) -> Nic:
    mac, source, model = nic.find("mac"), nic.find("source"), nic.find("model")
    plugged = None
    if source is not None:
        plugged = next(
            (source.get(key) for key in ("network", "bridge", "dev") if source.get(key)), None
        )
    return Nic(
        mac=mac.get("address", "") if mac is not None else "",
        network=plugged,
        model=model.get("type") if model is not None else None,
    )
