"""The Ansible inventory works from the clone: no database, no controller."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.estates import make_approved_plan
from tests.factories import make_register
from yunzhang import db
from yunzhang.cli.app import yunzhang
from yunzhang.errors import InputError
from yunzhang.estate.hosts import group_name, read_hosts, read_snapshot
from yunzhang.settings import Settings

ROOT = Path(__file__).parents[3]
INVENTORY = ROOT / "inventory"


def ansible_inventory(
    source: Path, tmp_path: Path, **more: str
) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_INVENTORY_UNPARSED_FAILED": "true",
        "ANSIBLE_HOME": str(tmp_path),
        "YUNZHANG_DATABASE_URL": "sqlite:////nowhere/at/all.db",
        "LC_ALL": "C.UTF-8",
        **more,
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


@pytest.fixture
def filled(running: Settings) -> Settings:
    with db.transaction() as session:
        make_register(session)
        make_approved_plan(session)
    return running


def test_the_database_and_its_snapshot_say_the_same_with_waves(
    filled: Settings, database_url: str, tmp_path: Path
) -> None:
    snapshot = tmp_path / "hosts.json"
    assert CliRunner().invoke(yunzhang, ["inventory", "export", str(snapshot)]).exit_code == 0
    assert snapshot.stat().st_mode & 0o777 == 0o600
    lists = []
    for text in ("source: database", "source: snapshot\nsnapshot: hosts.json"):
        source = tmp_path / "register.yunzhang.yml"
        source.write_text(f"plugin: yunzhang_register\n{text}\n", "utf-8")
        result = ansible_inventory(source, tmp_path, YUNZHANG_DATABASE_URL=database_url)
        assert (result.returncode, result.stderr) == (0, "")
        lists.append(plain(json.loads(result.stdout)))
    assert lists[0] == lists[1]
    assert len(lists[0]["_meta"]["hostvars"]) == 8
    assert sorted(lists[0]["wave_demo_1"]["hosts"])[:2] == ["hrss-app", "hrss-db"]


def test_variables_and_groups_may_be_composed_and_strict_refuses(tmp_path: Path) -> None:
    book = INVENTORY / "demo" / "register.xlsx"
    source = tmp_path / "register.yunzhang.yml"
    own = (
        f"plugin: yunzhang_register\nworkbook: {book}\ngroup_by: [unit]\n"
        "compose: {ansible_host: address}\n"
        "groups: {big: data_gib > 0}\n"
        "keyed_groups: [{key: criticality, prefix: criticality}]\n"
    )
    source.write_text(own, "utf-8")
    found = plain(json.loads(ansible_inventory(source, tmp_path).stdout))
    assert found["_meta"]["hostvars"]["mib-app"]["ansible_host"] == "192.168.10.12"
    assert sorted(found["big"]["hosts"]) == ["hrss-app", "hrss-db", "mib-db"]
    assert any(name.startswith("criticality_") for name in found)
    assert "city_450100" not in found
    source.write_text(own.replace("address}", "nowhere}") + "strict: true\n", "utf-8")
    assert ansible_inventory(source, tmp_path).returncode != 0


def test_the_cache_is_read_while_it_is_fresh(tmp_path: Path) -> None:
    book = tmp_path / "register.xlsx"
    book.write_bytes((INVENTORY / "demo" / "register.xlsx").read_bytes())
    source = tmp_path / "register.yunzhang.yml"
    source.write_text(
        "plugin: yunzhang_register\nworkbook: register.xlsx\ncache: true\n"
        f"cache_plugin: jsonfile\ncache_connection: {tmp_path}/cache\n",
        "utf-8",
    )
    first = ansible_inventory(source, tmp_path)
    assert first.returncode == 0
    book.unlink()
    assert plain(json.loads(ansible_inventory(source, tmp_path).stdout)) == plain(
        json.loads(first.stdout)
    )


def test_what_is_no_snapshot_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    for content in ("{}", "[]", "no"):
        file.write_text(content)
        with pytest.raises(InputError) as caught:
            read_snapshot(file)
        assert caught.value.code == "estate.inventory_snapshot"
