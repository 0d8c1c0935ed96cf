"""Child of bench.register: how long a plugin works for an inventory, from call to return."""

from __future__ import annotations

import json
import sys
from typing import Any

from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import inventory_loader

from bench.measure import peak_mb, timed

if __name__ == "__main__":
    source, name = sys.argv[1:]
    spent: list[float] = []
    plugin = type(inventory_loader.get(name))
    parse = plugin.parse

    def timed_parse(*arguments: Any, **options: Any) -> None:
        spent.append(timed(lambda: parse(*arguments, **options))[0])

    plugin.parse = timed_parse
    manager = InventoryManager(loader=DataLoader(), sources=[source])
    (seconds,) = spent
    told = {"seconds": seconds, "hosts": len(manager.get_hosts()), "peak_mb": peak_mb()}
    sys.stdout.write(json.dumps(told))
