"""A small register with rows in every sheet, for tests that speak of all of them."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from tests.unit.estate.books import Cells, save
from yunzhang.db import Session
from yunzhang.estate import service
from yunzhang.estate.example import province as example
from yunzhang.estate.workbooks import workbook
from yunzhang.estate.workbooks.files import read_file
from yunzhang.estate.workbooks.report import ImportReport
from yunzhang.units.scope import SYSTEM

Rows = dict[str, list[dict[str, Any]]]


def whole_rows() -> Rows:
    """Sheet key → rows of stored values; nothing in it is wrong or doubtful."""
    decided = {"disposition": "merge", "legal_basis": "桂政办发〔2026〕1号"}
    return {
        "units": [
            {"code": "u1", "name": "自治区数据局", "division_code": "450000", "level": "region",
             "aliases": ["数据局"], "uscc": example.invented_uscc("450000", 900_001)},
            {"code": "u2", "name": "南宁市林业局", "division_code": "450100", "level": "city",
             "parent_code": "u1", "uscc": example.invented_uscc("450100", 900_002)},
        ],
        "persons": [
            {"code": "p1", "name": "韦建华", "unit_code": "u1", "phone": "138****5678"},
            {"code": "p2", "name": "覃秀英", "unit_code": "u2", "phone": "*****4567"},
        ],
        "sites": [
            {"code": "dc1", "name": "数据局机房", "unit_code": "u1", "division_code": "450103",
             "racks_total": 20, "racks_used": 8, "built_year": 2010, "retire_year": 2027},
        ],
        "networks": [
            {"code": "n1", "name": "林业专网", "unit_code": "u2", "site_code": "dc1",
             "reach": "city", "ministry_run": False, "zone": "private", "mlps_level": 2,
             "opex_fen": 12_000_000, "target": "政务外网林业VPN", "planned_on": date(2027, 3, 1),
             "disposition_until": date(2028, 1, 1), **decided},
        ],
        "domains": [{"code": "d1", "name": "林业地址域", "network_code": "n1"}],
        "segments": [
            {"code": "g1", "name": "邕宁片区", "network_code": "n1", "domain_code": "d1",
             "site_code": "dc1", "vlan": 110, "endpoints": 30},
        ],
        "prefixes": [
            {"domain_code": "d1", "cidr": "10.1.0.0/22", "role": "leaf", "network_name": "biz",
             "segment_code": "g1"},
            {"domain_code": "d1", "cidr": "fd00:1::/64", "role": "leaf", "network_name": "biz6"},
        ],
        "ranges": [
            {"domain_code": "d1", "first": "10.1.0.11", "last": "10.1.0.99", "role": "dhcp"},
            {"domain_code": "d1", "first": "fd00:1::1", "last": "fd00:1::ff", "role": "used"},
        ],
        "circuits": [
            {"code": "c1", "name": "林业专线", "unit_code": "u2", "network_code": "n1",
             "carrier": "telecom", "kind": "mstp", "a_end": "南宁", "z_end": "自治区",
             "bandwidth_mbps": 100, "annual_fee_fen": 3_000_000, "contract_no": "GX-1",
             "expires_on": date(2027, 12, 31)},
            {"code": "c2", "name": "林业新线", "unit_code": "u2", "carrier": "unicom",
             "a_end": "南宁", "z_end": "自治区", "bandwidth_mbps": 1000, "replaced_by": None},
        ],
        "egresses": [
            {"code": "e1", "name": "统一出口", "unit_code": "u1", "carrier": "telecom",
             "bandwidth_mbps": 10_000, "public_prefixes": ["192.0.2.0/24", "2001:db8::/48"],
             "domains": ["example.gov.cn"], "boundary_devices": ["防火墙"], "mlps_level": 2},
            {"code": "e2", "name": "林业出口", "unit_code": "u2", "carrier": "mobile",
             "bandwidth_mbps": 200, "target_code": "e1", **decided},
        ],
        "platforms": [
            {"code": "gov", "name": "统一政务云", "unit_code": "u1", "site_code": "dc1",
             "kind": "unified", "technology": "openstack", "capacity_vcpu": 100,
             "vcpu_percent": 400},
            {"code": "sub", "name": "林业子云", "unit_code": "u2", "kind": "sub_cloud",
             "parent_code": "gov", "chief_unit_code": "u1", "technology": "kvm",
             "target_code": "gov", **decided},
        ],
        "systems": [
            {"code": "s1", "name": "林业审批", "unit_code": "u2", "mlps_level": 2,
             "zone": "private", "target_code": "gov", "rto_minutes": 60, **decided},
        ],
        "workloads": [
            {"code": "w1", "name": "web", "system_code": "s1", "unit_code": "u2",
             "platform_code": "sub", "vcpu": 4, "ram_mib": 8192, "disk_gib": 40, "data_gib": 0,
             "domain_code": "d1", "networks": ["biz"], "addresses": ["10.1.0.11"],
             "platform_uuid": "11111111-2222-4333-8444-555555555555", "power": "on",
             "arch": "arm"},
            {"code": "w2", "name": "db", "system_code": "s1", "unit_code": "u2",
             "platform_code": "sub", "vcpu": 8, "ram_mib": 16384, "disk_gib": 40,
             "data_gib": 500},
        ],
        "disks": [
            {"workload_code": "w1", "name": "vda", "size_gib": 40, "boot": True},
            {"workload_code": "w2", "name": "vdb", "size_gib": 500, "boot": False},
            {"workload_code": "w2", "name": "vda", "size_gib": 40, "boot": True},
        ],
        "nics": [
            {"workload_code": "w1", "name": "eth0", "mac": "fa:16:3e:00:00:01",
             "domain_code": "d1", "network_name": "biz", "addresses": ["10.1.0.11"]},
            {"workload_code": "w2", "name": "eth0", "mac": "fa:16:3e:00:00:02"},
        ],
        "dependencies": [
            {"source_code": "w1", "target_code": "w2", "kind": "hard", "port": 5432},
        ],
        "responsibilities": [
            {"object_sheet": "networks", "object_code": "n1", "duty": "responsible",
             "person_code": "p2", "valid_from": date(2024, 1, 1)},
            {"object_sheet": "systems", "object_code": "s1", "duty": "security",
             "person_code": "p1", "valid_from": date(2024, 1, 1), "valid_to": date(2025, 1, 1)},
        ],
        "opex": [
            {"unit_code": "u2", "object_sheet": "networks", "object_code": "n1", "year": 2025,
             "budget_fen": 12_000_000, "actual_fen": 11_000_000, "fund_source": "部门预算"},
        ],
    }  # fmt: skip


def write_whole(path: Path, rows: Rows | None = None) -> Path:
    """The register as a workbook."""
    workbook.write_workbook(path, rows or whole_rows(), created=example.CREATED)
    return path


def whole_cells(folder: Path) -> Cells:
    """Sheet title → rows of cells: header, hidden keys, then data from row 3."""
    found = read_file(write_whole(folder / "whole.xlsx")).sheets
    return {each.title: [list(row) for row in each.rows] for each in found
            if each.title != "填表说明"}  # fmt: skip


def load_whole(session: Session, folder: Path) -> ImportReport:
    """Import it."""
    report = service.import_workbook(session, SYSTEM, write_whole(folder / "whole.xlsx"), "all")
    session.commit()
    assert report.written
    assert report.faults == []
    return report


def check_cells(session: Session, folder: Path, cells: Cells) -> ImportReport:
    """Check changed cells without writing."""
    return service.check_workbook(session, SYSTEM, save(folder / "changed.xlsx", cells))
