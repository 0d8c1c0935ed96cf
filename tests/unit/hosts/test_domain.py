"""Domains of libvirt: the XML of its documentation, and virsh itself on its own test driver."""

from __future__ import annotations

import shutil

import pytest

from yunzhang.errors import Outside
from yunzhang.hosts.domain import parse_domain
from yunzhang.hosts.libvirt import parse_addresses, read_host

XML = """
<domain type='kvm' id='7'>
  <name>hrss-db</name>
  <uuid>11111111-2222-4333-8444-555555555501</uuid>
  <memory unit='GiB'>4</memory><currentMemory unit='KiB'>1048576</currentMemory>
  <vcpu placement='static' current='2'>8</vcpu>
  <sysinfo type='smbios'><system><entry name='serial'>SN-42</entry></system></sysinfo>
  <os><type arch='x86_64' machine='pc-q35-9.0'>hvm</type>
      <loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE.fd</loader></os>
  <devices>
    <disk type='file' device='disk'><driver name='qemu' type='qcow2'/>
      <source file='/var/lib/libvirt/images/a.qcow2'/><target dev='vda' bus='virtio'/></disk>
    <disk type='volume' device='disk'><driver name='qemu' type='raw'/>
      <source pool='fast' volume='b'/><target dev='vdb' bus='virtio'/></disk>
    <disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk>
    <interface type='bridge'><mac address='52:54:00:11:22:33'/><source bridge='br0'/>
      <model type='virtio'/></interface>
    <interface type='network'><mac address='52:54:00:11:22:34'/><source network='default'/>
    </interface>
  </devices>
</domain>
"""


def test_domain() -> None:
    found = parse_domain(XML)
    assert (found.name, found.vcpus, found.ram_mib, found.serial) == ("hrss-db", 2, 4096, "SN-42")
    assert (found.firmware, found.machine, found.architecture) == ("uefi", "pc-q35-9.0", "x86_64")
    assert [(d.target, d.device, d.source, d.format) for d in found.disks] == [
        ("vda", "disk", "/var/lib/libvirt/images/a.qcow2", "qcow2"),
        ("vdb", "disk", "fast/b", "raw"),
        ("sda", "cdrom", None, None),
    ]
    assert [(n.mac, n.network, n.model) for n in found.nics] == [
        ("52:54:00:11:22:33", "br0", "virtio"),
        ("52:54:00:11:22:34", "default", None),
    ]


@pytest.mark.parametrize(
    ("unit", "number", "mib"),
    [("KiB", 2097152, 2048), ("b", 2147483648, 2048), ("MB", 2048, 1953), ("G", 2, 2048)],
)
def test_units_of_memory(unit: str, number: int, mib: int) -> None:
    xml = f"<domain><name>a</name><uuid>u</uuid><memory unit='{unit}'>{number}</memory></domain>"
    assert parse_domain(xml).ram_mib == mib


@pytest.mark.parametrize(
    "xml",
    ["", "<domain/>", "<!DOCTYPE a><domain/>", XML.replace("GiB", "stone"), XML[:300]],
)
def test_what_is_no_domain_is_refused(xml: str) -> None:
    with pytest.raises(Outside) as failed:
        parse_domain(xml)
    assert failed.value.code == "hosts.xml_bad"


def test_addresses_of_one_link_are_left_out() -> None:
    table = """
 lo         00:00:00:00:00:00    ipv4         127.0.0.1/8
 eth0       52:54:00:11:22:33    ipv4         10.1.2.3/24
 eth0       52:54:00:11:22:33    ipv6         fe80::1/64
 eth0       52:54:00:11:22:33    ipv6         2001:db8::3/64
"""
    assert parse_addresses(table) == {"52:54:00:11:22:33": {"10.1.2.3", "2001:db8::3"}}


@pytest.mark.skipif(shutil.which("virsh") is None, reason="virsh is not installed")
def test_a_real_virsh_is_read() -> None:
    reading = read_host("test:///default")
    (domain,) = reading.domains
    assert (domain.name, domain.vcpus, domain.ram_mib, domain.power) == ("test", 2, 8192, "running")
    assert domain.disks[0].size_bytes
    assert domain.nics[0].addresses
    with pytest.raises(Outside) as failed:
        read_host("test:///no/such/file.xml")
    assert failed.value.code == "hosts.failed"
