"""Facts of hosts: the playbook run for real on this machine, and what is taken from them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from yunzhang.errors import NotFound
from yunzhang.hosts.facts import parse_facts, read_facts

ROOT = Path(__file__).parents[3]
CARD = {"type": "ether", "module": "virtio_net", "macaddress": "52:54:00:11:22:33"}
FACTS = {
    "ansible_hostname": "web", "ansible_processor_vcpus": 2, "ansible_memtotal_mb": 3900,
    "ansible_virtualization_role": "guest", "ansible_interfaces": ["lo", "eth0", "docker0", "br0"],
    "ansible_eth0": CARD | {"ipv4": {"address": "10.0.0.5"}, "ipv6": [{"address": "fe80::5"}]},
    "ansible_docker0": {"type": "bridge", "macaddress": "02:42:00:00:00:01",
                        "ipv4": {"address": "172.17.0.1"}},
    "ansible_br0": {"type": "bridge", "macaddress": "52:54:00:11:22:33",
                    "ipv4": {"address": "10.0.0.6"}},
    "ansible_devices": {"vda": {"sectors": 2048, "sectorsize": "512"}, "loop0": {"sectors": "1"}},
}  # fmt: skip


def test_what_a_machine_makes_for_itself_is_left_out() -> None:
    host = parse_facts("w1", FACTS)
    assert [(nic.mac, nic.addresses) for nic in host.nics] == [
        ("", ("10.0.0.6",)),
        ("52:54:00:11:22:33", ("10.0.0.5",)),
    ]
    assert [(disk.name, disk.size_bytes) for disk in host.disks] == [("vda", 2**20)]
    assert (host.virtual, host.product_uuid) == (True, "")


def test_a_broken_file_is_told_and_the_others_are_read(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read_facts(tmp_path)
    (tmp_path / "a.json").write_text(json.dumps({"ansible_facts": FACTS}))
    for name, content in (("b", "{"), ("c", "[]"), ("d", '{"ansible_facts": {}}')):
        (tmp_path / f"{name}.json").write_text(content)
    hosts, problems = read_facts(tmp_path)
    assert ([host.inventory_name for host in hosts], len(problems)) == (["a"], 3)


def test_the_playbook_tells_of_this_machine(tmp_path: Path) -> None:
    command = [
        str(Path(sys.executable).parent / "ansible-playbook"), "-i", "here,", "-c", "local",
        str(ROOT / "playbooks" / "gather_facts.yml"), "-e", f"facts_folder={tmp_path}/facts",
        "-e", f"ansible_python_interpreter={sys.executable}",
    ]  # fmt: skip
    environment = os.environ | {
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_HOME": str(tmp_path),
        "LC_ALL": "C.UTF-8",
    }  # fmt: skip
    done = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (host,), problems = read_facts(tmp_path / "facts")
    assert (host.inventory_name, problems) == ("here", [])
    assert host.vcpus >= 1
    assert host.ram_mib > 0
    assert (tmp_path / "facts" / "here.json").stat().st_mode & 0o777 == 0o600
