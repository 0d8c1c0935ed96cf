"""Ansible inventory plugin: the workloads of the register as hosts.

It reads a workbook and needs neither a database nor a running controller, only the `yunzhang`
package in the interpreter that runs Ansible.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin

DOCUMENTATION = """
name: yunzhang_register
short_description: Workloads of the Yunzhang register
description:
  - Reads a register workbook and makes every workload a host with its declared facts.
  - >-
    Groups are C(unit_<code>), C(city_<division>), C(cloud_<platform>), C(system_<code>),
    C(zone_<zone>) and C(protection_<level>), with characters Ansible does not like made C(_).
  - Host variables are facts only; how to connect is for group_vars to say.
options:
  plugin:
    description: Names this plugin.
    required: true
    choices: [yunzhang_register]
  workbook:
    description: The workbook, relative to this file.
    required: true
    type: str
  group_by:
    description: Which kinds of groups to make.
    type: list
    elements: str
    choices: [unit, city, cloud, system, zone, protection]
    default: [unit, city, cloud, system, zone, protection]
"""

EXAMPLES = """
plugin: yunzhang_register
workbook: demo/register.xlsx
"""


class InventoryModule(BaseInventoryPlugin):  # type: ignore[misc]
    """Reads the configuration, then the workbook it names."""

    NAME = "yunzhang_register"

    def verify_file(self, path: str) -> bool:
        """Only `*.yunzhang.yml` files are meant for this plugin."""
        return super().verify_file(path) and path.endswith((".yunzhang.yml", ".yunzhang.yaml"))

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Add hosts, their facts and groups."""
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        try:
            from yunzhang.errors import YunzhangError
            from yunzhang.estate.hosts import read_hosts
        except ImportError as error:
            raise AnsibleParserError(f"the yunzhang package is not installed: {error}") from error
        workbook = Path(path).parent / self.get_option("workbook")
        try:
            hosts = read_hosts(workbook)
        except YunzhangError as error:
            raise AnsibleParserError(f"{error} ({error.hint})") from error
        for host, facts in hosts.facts.items():
            inventory.add_host(host)
            for name, value in facts.items():
                inventory.set_variable(host, name, value)
        kinds = tuple(f"{kind}_" for kind in self.get_option("group_by"))
        for group, members in sorted(hosts.groups.items()):
            if group.startswith(kinds):
                inventory.add_group(group)
                for host in members:
                    inventory.add_child(group, host)
