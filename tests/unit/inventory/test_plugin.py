"""The Ansible inventory works from the clone: no database, no controller."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from yunzhang.errors import InputError
from yunzhang.estate.hosts import group_name, read_hosts

ROOT = Path(__file__).parents[3]
INVENTORY = ROOT / "inventory"


def ansible_inventory(source: Path, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_INVENTORY_UNPARSED_FAILED": "true",
        "ANSIBLE_HOME": str(tmp_path),
        "YUNZHANG_DATABASE_URL": "sqlite:////nowhere/at/all.db",
        "LC_ALL": "C.UTF-8",
    }
    command = [str(Path(sys.executable).parent / "ansible-inventory"), "-i", str(source), "--list"]
    return subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )


def plain(value: Any) -> Any:
    """Without the marks that `ansible-inventory --list` puts on text from a plugin."""
    if isinstance(value, dict):
        marked = value.get("__ansible_unsafe")
        return marked if marked else {name: plain(each) for name, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list) else value


def test_the_clone_is_an_inventory(tmp_path: Path) -> None:
    result = ansible_inventory(INVENTORY, tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    found: dict[str, Any] = plain(json.loads(result.stdout))
    facts = found["_meta"]["hostvars"]
    assert sorted(facts) == ["hrss-app", "hrss-db", "hrss-web", "mib-app", "mib-db", "mib-web"]
    assert facts["hrss-db"]["addresses"] == ["192.168.10.13", "192.168.20.13"]
    assert facts["mib-app"]["unit_name"] == "自治区医疗保障局"
    assert facts["mib-app"]["city_name"] == "南宁市"
    assert sorted(found["unit_mib"]["hosts"]) == ["mib-app", "mib-db", "mib-web"]
    for group in ("city_450100", "cloud_legacy", "zone_private", "protection_2"):
        assert len(found[group]["hosts"]) == 6
    assert len(found["system_hrss_jobs"]["hosts"]) == 3
    assert not any(name.startswith("ansible_") for host in facts.values() for name in host)


def test_a_faulty_workbook_says_where(tmp_path: Path) -> None:
    source = tmp_path / "register.yunzhang.yml"
    bad = INVENTORY / "demo" / "bad" / "host_bits-prefixes.csv"
    source.write_text(f"plugin: yunzhang_register\nworkbook: {bad}\n", "utf-8")
    result = ansible_inventory(source, tmp_path)
    assert result.returncode != 0
    assert "192.168.30.7/24" in result.stderr


def test_every_workload_of_the_province_is_a_host() -> None:
    hosts = read_hosts(INVENTORY / "example" / "province.xlsx")
    assert len(hosts.facts) == 1500
    cities = {name: found for name, found in hosts.groups.items() if name.startswith("city_")}
    assert sum(map(len, cities.values())) == 1500
    # the unified cloud stands in Nanning, and so do the departments' own
    assert len(cities) == 14


def test_faults_are_refused() -> None:
    with pytest.raises(InputError) as caught:
        read_hosts(INVENTORY / "demo" / "bad" / "host_bits-prefixes.csv")
    assert caught.value.code == "estate.inventory_faults"


def test_group_names_are_plain() -> None:
    assert group_name("unit", "NN.hrss-01") == "unit_nn_hrss_01"
