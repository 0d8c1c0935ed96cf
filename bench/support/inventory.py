"""Child of bench.register: how long Ansible takes to read an inventory with one plugin."""

from __future__ import annotations

import json
import sys

from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader

from bench.measure import peak_mb, timed

if __name__ == "__main__":
    loader = DataLoader()
    seconds, manager = timed(lambda: InventoryManager(loader=loader, sources=[sys.argv[1]]))
    told = {"seconds": seconds, "hosts": len(manager.get_hosts()), "peak_mb": peak_mb()}
    sys.stdout.write(json.dumps(told))
