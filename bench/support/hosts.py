"""30,000 hosts as a workbook, and the same from memory: the yardstick of the inventory plugin."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from yunzhang.estate.example import province as example
from yunzhang.estate.hosts import read_hosts
from yunzhang.estate.workbooks import workbook

_PLUGIN = """
import pickle
from ansible.plugins.inventory import BaseInventoryPlugin


class InventoryModule(BaseInventoryPlugin):
    NAME = "bench_memory"

    def verify_file(self, path):
        return path.endswith(".memory.yml")

    def parse(self, inventory, loader, path, cache=True):
        super().parse(inventory, loader, path, cache)
        with open(path.replace(".memory.yml", ".pickle"), "rb") as file:
            facts, groups = pickle.load(file)
        for host, values in facts.items():
            inventory.add_host(host)
            inventory.get_host(host).vars.update(values)  # faster than set_variable for each
        for group, hosts in groups.items():
            inventory.add_group(group)
            for host in hosts:
                inventory.add_child(group, host)
"""


def write_sources(folder: Path, count: int) -> tuple[Path, Path]:
    """An inventory source for our plugin and one for the plugin that adds from memory."""
    book = folder / "hosts.xlsx"
    units = [f"u{n:03}" for n in range(300)]
    owned = [{"name": f"名称{unit}", "unit_code": unit, "code": unit} for unit in units]
    rows: dict[str, list[dict[str, Any]]] = {
        "units": [
            {"code": unit, "name": f"单位{unit}", "division_code": "450100", "level": "city"}
            for unit in units
        ],
        "platforms": [o | {"kind": "virtualisation", "technology": "kvm"} for o in owned],
        "systems": [o | {"mlps_level": 2, "zone": "private"} for o in owned],
        "workloads": [
            {"code": f"w{n:05}", "name": f"主机{n}", "system_code": units[n % 300],
             "unit_code": units[n % 300], "platform_code": units[n % 300], "vcpu": 2,
             "ram_mib": 4096, "disk_gib": 40, "networks": ["net"],
             "addresses": [f"10.0.{n >> 8}.{n & 255}"]}
            for n in range(count)
        ],
    }  # fmt: skip
    workbook.write_workbook(book, rows, created=example.CREATED)
    ours = folder / "hosts.yunzhang.yml"
    ours.write_text(f"plugin: yunzhang_register\nworkbook: {book.name}\n", "utf-8")
    hosts = read_hosts(book)
    (folder / "hosts.pickle").write_bytes(pickle.dumps((hosts.facts, dict(hosts.groups))))
    (folder / "plugins").mkdir()
    (folder / "plugins" / "bench_memory.py").write_text(_PLUGIN, "utf-8")
    memory = folder / "hosts.memory.yml"
    memory.write_text("plugin: bench_memory\n", "utf-8")
    return ours, memory
