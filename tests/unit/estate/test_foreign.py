"""Files of other programs: every row is created, changed or refused with a reason."""

from __future__ import annotations

import gzip
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.unit.estate.address_book import add_owners, add_prefixes
from tests.unit.estate.books import DEMO, Cells, save
from yunzhang.cli.estate import group
from yunzhang.db import transaction
from yunzhang.errors import InputError
from yunzhang.estate.foreign.conversion import Assumed, ForeignReport, make_code
from yunzhang.estate.foreign.service import detect, import_foreign
from yunzhang.estate.models import Prefix, Workload
from yunzhang.settings import Settings
from yunzhang.units.scope import SYSTEM

# public samples: beside the repository, or where the variable says
SHARED = Path(
    os.environ.get("YUNZHANG_SAMPLES") or Path(__file__).parents[4] / "shared" / "data" / "register"
)
OFFICE = Assumed(unit="u000", division="450100")


@pytest.fixture
def owned(session: Session) -> Session:
    add_owners(session, 2)
    return session


def bring(session: Session, path: Path, assumed: Assumed = OFFICE) -> ForeignReport:
    return import_foreign(session, SYSTEM, path, assumed, mode="good")


def outcomes(found: ForeignReport, sheet: str) -> dict[str, tuple[str, str]]:
    return {a.origin.name: (a.outcome, a.reason) for a in found.accounts if a.origin.sheet == sheet}


def rvtools(*, old: bool) -> Cells:
    size, memory = ("Provisioned MB", "Size MB") if old else ("Provisioned MiB", "Size MiB")
    head = ["VM", "Powerstate", "Template", "SRM Placeholder", "CPUs", "Memory", size, "Network #1",
            "Primary IP Address", "Datacenter", "Cluster", "VM UUID"]  # fmt: skip

    def machine(
        name: str, number: int, *, template: str = "False", srm: str = "False"
    ) -> list[Any]:
        return [name, "poweredOn", template, srm, 2, 2048, 20480, "net", f"10.0.0.{number}", "dc",
                "c1", f"500b85c1-ef0d-37fb-6897-00000000000{number}"]  # fmt: skip

    off = machine("off", 3)
    off[1] = "poweredOff"
    return {
        "vInfo": [
            head,
            machine("web", 1),
            machine("gold", 2, template="True"),
            off,
            machine("copy", 4, srm="True"),
            machine("twin", 5),
            machine("twin", 6),
            ["stray", "poweredOn", "False"],
        ],
        "vMemory": [["VM", memory], ["web", 4096], ["stray", 1024]],
        "vDisk": [["VM", "Disk", "Capacity MB" if old else "Capacity MiB"],
                  ["web", "Hard disk 1", 40961], ["web", "Hard disk 2", 10240],
                  ["twin", "Hard disk 1", 1024]],
        "vHost": [["Host"], ["esx1"]],
    }  # fmt: skip


@pytest.mark.parametrize("old", [True, False])
def test_rvtools_of_old_and_new_versions(owned: Session, tmp_path: Path, old: bool) -> None:
    path = save(tmp_path / "rv.xlsx", rvtools(old=old))
    assert detect(path) == "rvtools"
    found = bring(owned, path)
    assert Counter(a.outcome for a in found.accounts if a.origin.sheet == "vInfo") == {
        "created": 4, "refused": 3,
    }  # fmt: skip
    told = outcomes(found, "vInfo")
    assert [told[name][0] for name in ("gold", "copy", "stray")] == ["refused"] * 3
    assert "UUID" in told["stray"][1]
    assert outcomes(found, "vMemory") == {
        "web": ("created", ""), "stray": ("refused", "没有登记名为“stray”的虚拟机"),
    }  # fmt: skip
    assert outcomes(found, "vHost")["esx1"][0] == "refused"
    assert "2" in outcomes(found, "vDisk")["twin"][1]
    rows = {row.name: row for row in owned.scalars(select(Workload))}
    web = rows["web"]
    assert (web.vcpu, web.ram_mib, web.disk_gib, web.data_gib) == (2, 4096, 41, 10)
    assert (rows["off"].disk_gib, "poweredOff" in rows["off"].note) == (20, True)
    assert "10.0.0.1" in web.note
    again = bring(owned, path)
    assert {a.outcome for a in again.accounts} == {"unchanged", "refused"}
    cells = rvtools(old=old)
    cells["vMemory"][1][1] = 8192
    changed = bring(owned, save(tmp_path / "rv2.xlsx", cells))
    assert outcomes(changed, "vInfo")["web"] == ("changed", "")
    assert outcomes(changed, "vDisk")["web"] == ("changed", "")


def test_addresses_of_machines_go_to_the_domain_that_is_given(
    owned: Session, tmp_path: Path
) -> None:
    path = save(tmp_path / "rv.xlsx", rvtools(old=False))
    refused = bring(owned, path, Assumed(unit="u000", domain="d000"))
    assert outcomes(refused, "vInfo")["web"][0] == "refused"
    assert "d000" in outcomes(refused, "vInfo")["web"][1]
    row = ("d000", "10.0.0.0/24", "leaf")
    add_prefixes(owned, [row])
    owned.scalars(select(Prefix)).one().network_name = "net"
    found = bring(owned, path, Assumed(unit="u000", domain="d000"))
    assert outcomes(found, "vInfo")["web"] == ("created", "")
    web = owned.scalars(select(Workload).where(Workload.name == "web")).one()
    assert (web.networks, web.addresses) == (["net"], ["10.0.0.1"])


def fixture() -> list[dict[str, Any]]:
    def each(model: str, pk: int, **fields: Any) -> dict[str, Any]:
        return {"model": model, "pk": pk, "fields": fields}

    return [
        each("tenancy.tenant", 1, name="Initech"),
        each("dcim.site", 1, name="总部", slug="hq", tenant=1, physical_address="民族大道\r\n1 号"),
        each("ipam.vrf", 1, name="Alpha", tenant=None),
        each("ipam.prefix", 1, prefix="10.0.0.0/8", vrf=1, status="active", is_pool=False),
        each("ipam.prefix", 2, prefix="10.1.0.0/16", vrf=1, status="active", is_pool=False),
        each("ipam.prefix", 3, prefix="10.1.0.0/16", vrf=1, status="active", is_pool=False),
        each("ipam.prefix", 4, prefix="10.1.0.0/16", vrf=None, status="active", is_pool=True),
        each("ipam.prefix", 5, prefix="10.1.0.1/16", vrf=None, status="active", is_pool=False),
        each("virtualization.cluster", 1, name="DO-NYC1", tenant=None),
        each("virtualization.virtualmachine", 1, name="vm1", cluster=1, tenant=1, status="active",
             vcpus="2.00", memory=4096, disk=50, primary_ip4=7),
        each("virtualization.virtualmachine", 2, name="vm2", cluster=1, vcpus=None, memory=None,
             disk=None, status="active"),
        each("ipam.ipaddress", 7, address="10.1.0.9/16"),
    ]  # fmt: skip


@pytest.mark.parametrize("packed", [True, False])
def test_netbox_fixtures(owned: Session, tmp_path: Path, packed: bool) -> None:
    content = json.dumps(fixture()).encode()
    path = tmp_path / ("nb.json.gz" if packed else "nb.json")
    path.write_bytes(gzip.compress(content) if packed else content)
    assert detect(path) == "netbox"
    assumed = Assumed(unit="u000", division="450100", tenants={"Initech": "u001"})
    found = bring(owned, path, assumed)
    assert len(found.accounts) == len(fixture())
    told = [(a.origin.sheet, a.origin.row, a.outcome) for a in found.accounts]
    assert [row for row in told if row[0] == "ipam.prefix"] == [
        ("ipam.prefix", 1, "created"), ("ipam.prefix", 2, "created"),
        ("ipam.prefix", 3, "refused"), ("ipam.prefix", 4, "created"),
        ("ipam.prefix", 5, "refused"),
    ]  # fmt: skip
    assert outcomes(found, "virtualization.virtualmachine")["vm1"] == ("created", "")
    assert "vCPU" in outcomes(found, "virtualization.virtualmachine")["vm2"][1]
    assert all(a.reason for a in found.accounts if a.outcome == "refused")
    roles = {(p.domain_code, p.cidr): p.role for p in owned.scalars(select(Prefix))}
    assert roles == {
        ("vrf-Alpha", "10.0.0.0/8"): "container",
        ("vrf-Alpha", "10.1.0.0/16"): "leaf",
        ("vrf-global", "10.1.0.0/16"): "pool",
    }
    machine = owned.scalars(select(Workload)).one()
    assert (machine.unit_code, machine.vcpu) == ("u001", 2)
    assert "10.1.0.9" in machine.note


def test_tenants_without_a_unit_are_refused(owned: Session, tmp_path: Path) -> None:
    path = tmp_path / "nb.json"
    path.write_text(json.dumps(fixture()), "utf-8")
    found = bring(owned, path, Assumed(division="450100", tenants={"Initech": "u001"}))
    assert outcomes(found, "dcim.site")["总部"][0] == "created"
    assert outcomes(found, "ipam.vrf")["Alpha"][0] == "refused"


@pytest.mark.parametrize(
    ("text", "sheet", "expected"),
    [
        ("prefix,status,vrf\n10.0.0.0/8,active,A\n10.1.0.0/16,active,A\nx,active,\n", "ipam.prefix",
         ["created", "created", "refused"]),
        ("Name,Status,Cluster,vCPUs,Memory (MB),Disk (GB)\na,Active,c,2,1024,10\nb,Active,c,,,\n",
         "virtualization.virtualmachine", ["created", "refused"]),
        ("name,slug,status,region,tenant\nHQ,hq,active,,\n", "dcim.site", ["created"]),
        ("name,rd,tenant\nA,65000:1,\n", "ipam.vrf", ["created"]),
        ("cid,provider,type\nKK1,ATT,MPLS\n", "circuits.circuit", ["refused"]),
    ],
)  # fmt: skip
def test_netbox_csv_exports(
    owned: Session, tmp_path: Path, text: str, sheet: str, expected: list[str]
) -> None:
    path = tmp_path / "export.csv"
    path.write_text(text, "utf-8")
    assert detect(path) == "netbox"
    found = bring(owned, path)
    assert [(a.origin.sheet, a.outcome) for a in found.accounts] == [(sheet, e) for e in expected]


WEB = "5f0c6a0e-0000-4000-8000-00000000001b"


def test_openstack_dump_and_list(owned: Session, tmp_path: Path) -> None:
    address = {"addr": "10.0.0.5", "OS-EXT-IPS:type": "fixed"}
    server = {"id": WEB, "name": "web", "tenant_id": "p1", "status": "SHUTOFF",
              "flavor": {"vcpus": 2, "ram": 2048, "disk": 20},
              "addresses": {"net": [address]}}  # fmt: skip
    dump = {
        "server": {WEB: server, "x": server | {"id": "x", "tenant_id": "p2"}},
        "project": {"p1": {"name": "demo"}, "p2": {"name": "other"}},
        "network": {"n1": {"name": "net"}},
        "subnet": {"s1": {"name": "s", "cidr": "10.0.0.0/24", "network_id": "n1"}},
    }
    path = tmp_path / "legacy.json"
    path.write_text(json.dumps(dump), "utf-8")
    assert detect(path) == "openstack"
    found = bring(owned, path, Assumed(tenants={"demo": "u001"}, domain="d001"))
    assert [(a.origin.sheet, a.outcome) for a in found.accounts] == [
        ("network", "refused"), ("project", "refused"), ("project", "refused"),
        ("server", "created"), ("server", "refused"), ("subnet", "created"),
    ]  # fmt: skip
    web = owned.scalars(select(Workload)).one()
    assert (web.addresses, web.project, web.ram_mib, web.note) == (
        ["10.0.0.5"], "demo", 2048, "SHUTOFF",
    )  # fmt: skip
    listed = [{"ID": WEB[:-1] + "9", "Name": "old", "Flavor": "m1",
               "Networks": "net=10.0.0.7, 10.0.0.8"},
              {"ID": WEB[:-1] + "8", "Name": "new", "Networks": {"net": ["10.0.0.9"]},
               "Flavor": {"vcpus": 1, "ram": 512, "disk": 1}}]  # fmt: skip
    path.write_text(json.dumps(listed), "utf-8")
    found = bring(owned, path)
    assert outcomes(found, "server")["new"] == ("created", "")
    assert outcomes(found, "server")["old"][0] == "refused"


def test_what_is_no_foreign_file(owned: Session, tmp_path: Path) -> None:
    assert detect(DEMO) is None
    for name, content in {
        "a.json": b"{}", "b.json": b"[", "c.csv": b"x,y\n1,2\n", "d.json.gz": b"\x1f\x8bxx",
        "e.json": b"[" * 100_000,
    }.items():  # fmt: skip
        path = tmp_path / name
        path.write_bytes(content)
        assert detect(path) is None, name
        with pytest.raises(InputError):
            bring(owned, path)
    with pytest.raises(InputError) as refused:
        bring(owned, save(tmp_path / "rv.xlsx", rvtools(old=True)), Assumed())
    assert refused.value.code == "foreign.unit_missing"


def test_codes_of_different_names_differ() -> None:
    assert make_code("a", "b") == "a-b"
    names = ["数据库", "数据 库", "x" * 70, "x" * 71, "a b", "a/b"]
    codes = {make_code(name) for name in names}
    assert len(codes) == len(names)
    assert all(len(code) <= 64 for code in codes)


def test_the_command_shows_the_account(running: Settings, tmp_path: Path) -> None:
    with transaction() as session:
        add_owners(session, 1)
    path = save(tmp_path / "rv.xlsx", rvtools(old=True))
    result = CliRunner().invoke(
        group, ["import", str(path), "--unit", "u000", "--write", "good", "--limit", "50"]
    )
    assert (result.exit_code, "已写入" in result.output) == (0, True), result.output
    assert "模板" in result.output
    bad = CliRunner().invoke(group, ["import", str(path), "--unit", "u000", "--tenant", "x"])
    assert isinstance(bad.exception, InputError)


if SHARED.is_dir():

    @pytest.mark.parametrize(
        ("name", "rows"),
        [("rvtools-kubev2v-example1.xlsx", 9), ("rvtools-small-complete.xlsx", 3),
         ("netbox-demo-v3.6-subset.json.gz", 973)],
    )  # fmt: skip
    def test_public_samples_are_accounted_for_whole(owned: Session, name: str, rows: int) -> None:
        found = bring(owned, SHARED / name)
        assert all(a.reason for a in found.accounts if a.outcome == "refused")
        counted = [
            a for a in found.accounts if found.format == "netbox" or a.origin.sheet == "vInfo"
        ]
        assert len(counted) == rows
        assert any(a.outcome == "created" for a in counted)
        again = bring(owned, SHARED / name)
        assert {a.outcome for a in again.accounts} == {"unchanged", "refused"}
