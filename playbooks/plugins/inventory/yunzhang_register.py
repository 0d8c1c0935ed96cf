"""Ansible inventory plugin: the workloads of the register as hosts.

It reads a workbook or a snapshot, which need neither a database nor a running controller, or the
instance's database; always only with the `yunzhang` package in the interpreter that runs Ansible.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.utils.vars import validate_variable_name

DOCUMENTATION = """
name: yunzhang_register
short_description: Workloads of the Yunzhang register
description:
  - >-
    Reads the register from a workbook, from a snapshot that C(yunzhang inventory export) wrote, or
    from the instance's database, and makes every workload a host, named by its business code, with
    its declared facts.
  - >-
    Groups are C(unit_<code>), C(city_<division>), C(cloud_<platform>), C(system_<code>),
    C(zone_<zone>), C(protection_<level>) and, from signed plans of a database or snapshot,
    C(wave_<plan>_<number>), with characters Ansible does not like made C(_). Where several codes of
      the register give one name, each group has eight digits of its code's SHA-256 appended; a
      warning names them.
  - Host variables are facts only; how to connect is for group_vars to say.
options:
  plugin:
    description: Names this plugin.
    required: true
    choices: [yunzhang_register]
  source:
    description:
      - Where the register is read from.
      - C(database) is the one of the instance's settings (C(YUNZHANG_DATABASE_URL) and others).
    type: str
    choices: [workbook, database, snapshot]
    default: workbook
  workbook:
    description: The workbook, relative to this file.
    type: str
  snapshot:
    description: The snapshot, relative to this file.
    type: str
  group_by:
    description: Which kinds of groups to make.
    type: list
    elements: str
    choices: [unit, city, cloud, system, zone, protection, wave]
    default: [unit, city, cloud, system, zone, protection, wave]
extends_documentation_fragment:
  - constructed
  - inventory_cache
"""

EXAMPLES = """
# a workbook
plugin: yunzhang_register
workbook: demo/register.xlsx

# the instance's database, with a variable and groups of one's own
plugin: yunzhang_register
source: database
group_by: [unit, wave]
compose:
  ansible_host: address
keyed_groups:
  - key: criticality
    prefix: criticality
"""

# Errors of the ways to read a register, one named option for each.
NEEDED = {"workbook": "workbook", "snapshot": "snapshot"}


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):  # type: ignore[misc]
    """Reads the configuration, then the register it names."""

    NAME = "yunzhang_register"

    def verify_file(self, path: str) -> bool:
        """Only `*.yunzhang.yml` files are meant for this plugin."""
        return super().verify_file(path) and path.endswith((".yunzhang.yml", ".yunzhang.yaml"))

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Add hosts, their facts and groups."""
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        with _uncollected():
            content = self._cached(path, cache)
            facts: dict[str, dict[str, Any]] = content["facts"]
            self._add_hosts(facts)
            self._add_groups(content["groups"])
        for name, given in content.get("alike", {}).items():
            self.display.warning(f"{name}: several codes have this name; see {', '.join(given)}")
        self._construct(facts)

    def _cached(self, path: str, cache: bool) -> dict[str, Any]:
        """The register from the cache where one is wanted and fresh, else from its source."""
        wanted = self.get_option("cache")
        if wanted:
            self.load_cache_plugin()
        key = self.get_cache_key(path)
        if wanted and cache:
            try:
                found: dict[str, Any] = self._cache[key]
                return found
            except KeyError:  # never kept, or too old
                pass
        content = self._read(path)
        if wanted:
            self._cache[key] = content
        return content

    def _read(self, path: str) -> dict[str, Any]:
        try:
            from yunzhang.errors import YunzhangError
        except ImportError as error:
            raise AnsibleParserError(f"the yunzhang package is not installed: {error}") from error
        source = self.get_option("source")
        named = NEEDED.get(source) and self.get_option(NEEDED[source])
        if source in NEEDED and not named:
            raise AnsibleParserError(f"{path}: source {source} needs the option {NEEDED[source]}")
        try:
            content: dict[str, Any] = _read_source(source, Path(path).parent / (named or ""))
            return content
        except YunzhangError as error:
            raise AnsibleParserError(f"{error} ({error.hint})") from error

    def _add_hosts(self, facts: dict[str, dict[str, Any]]) -> None:
        """Hosts with their facts.

        `set_variable` looks the host up, checks the name and writes a line of debugging for each
        variable, which is most of the time at tens of thousands of hosts; the names here are the
        same for all and are checked once.
        """
        for name in next(iter(facts.values()), {}):
            validate_variable_name(name)
        for host, values in facts.items():
            self.inventory.add_host(host)
            self.inventory.get_host(host).vars.update(values)

    def _add_groups(self, groups: dict[str, list[str]]) -> None:
        """Groups with their hosts.

        `add_child` takes a host for a group when one is called like it, looks both up and writes a
        line of debugging for each member; the inventory only has to know of one.
        """
        kinds = tuple(f"{kind}_" for kind in self.get_option("group_by"))
        hosts = self.inventory.hosts
        for name, members in sorted(groups.items()):
            if name.startswith(kinds):
                group = self.inventory.groups[self.inventory.add_group(name)]
                for host in members[:1]:
                    self.inventory.add_host(host, group.name)
                for host in members[1:]:
                    group.add_host(hosts[host])

    def _construct(self, facts: dict[str, dict[str, Any]]) -> None:
        """What the configuration composes, groups by condition and groups by key."""
        compose, groups, keyed = (
            self.get_option(name) for name in ("compose", "groups", "keyed_groups")
        )
        if not (compose or groups or keyed):
            return
        strict = self.get_option("strict")
        for host, values in facts.items():
            self._set_composite_vars(compose, values, host, strict=strict)
            self._add_host_to_composed_groups(groups, values, host, strict=strict)
            self._add_host_to_keyed_groups(keyed, values, host, strict=strict)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Nothing made here is garbage before the end; looking for it is a sixth of the time."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _read_source(source: str, file: Path) -> dict[str, Any]:
    """The register as a snapshot says it."""
    from yunzhang.estate.hosts import read_hosts, read_snapshot

    if source == "workbook":
        return read_hosts(file).as_json()
    if source == "snapshot":
        return read_snapshot(file).as_json()
    from sqlalchemy.exc import DatabaseError

    from yunzhang import db, settings
    from yunzhang.reports.inventory import gather_inventory
    from yunzhang.units.scope import SYSTEM

    try:
        with db.reading() as session:
            return gather_inventory(session, SYSTEM).as_json()
    except DatabaseError as error:
        url = settings.current().database.split("@")[-1]
        raise AnsibleParserError(f"{url}: {error.orig}") from error
