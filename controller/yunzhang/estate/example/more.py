"""The rest of the example province: people, lines, egresses, disks, cards and costs.

Phone numbers are masked from the beginning and names are invented.
"""

from __future__ import annotations

from datetime import date
from random import Random
from typing import Any

Row = dict[str, Any]
Rows = dict[str, list[Row]]

SURNAMES = "韦黄覃梁蒙陆莫农陈李王张刘罗周吴"
GIVEN = (
    "建华",
    "秀英",
    "志强",
    "桂芳",
    "永福",
    "丽萍",
    "国庆",
    "春梅",
    "海燕",
    "文斌",
    "晓明",
    "雪莲",
)
CARRIERS = ("telecom", "unicom", "mobile")
# Carriers' space in documentation, so that nobody's real address stands here.
PUBLIC = ("192.0.2", "198.51.100", "203.0.113")
SINCE = date(2024, 1, 1)
EGRESSES, SEGMENTS, RANGES = 40, 60, 30


def add_more(rows: Rows, random: Random) -> None:
    """Add the sheets that hang on the units, networks and workloads already in `rows`."""
    _persons(rows, random)
    _segments(rows, random)
    _circuits(rows, random)
    _egresses(rows, random)
    _hardware(rows)
    _physical(rows)
    _responsibilities(rows)
    _opex(rows, random)


def _persons(rows: Rows, random: Random) -> None:
    rows["persons"] = [
        {
            "code": f"{unit['code']}-p{number}",
            "name": random.choice(SURNAMES) + random.choice(GIVEN),
            "unit_code": unit["code"],
            "phone": f"13{random.randrange(10)}****{random.randrange(10_000):04d}",
        }
        for unit in rows["units"]
        for number in (1, 2)
    ]


def _segments(rows: Rows, random: Random) -> None:
    rows["segments"] = [
        {
            "code": f"{domain['code']}-seg",
            "name": f"{domain['name'].removesuffix('地址域')}汇聚片区",
            "network_code": domain["network_code"],
            "domain_code": domain["code"],
            "vlan": random.randrange(100, 900),
            "endpoints": random.randrange(5, 200),
        }
        for domain in rows["domains"][:SEGMENTS]
    ]
    rows["ranges"] = [
        {
            "domain_code": domain["code"],
            "first": f"10.{number}.250.11",
            "last": f"10.{number}.250.{random.randrange(20, 200)}",
            "role": "dhcp",
            "usage": "终端动态分配",
        }
        for number, domain in enumerate(rows["domains"][:RANGES])
    ]


def _circuits(rows: Rows, random: Random) -> None:
    cities = {unit["code"]: unit["name"] for unit in rows["units"]}
    rows["circuits"] = []
    for number, network in enumerate(rows["networks"]):
        carrier = CARRIERS[number % len(CARRIERS)]
        mbps = random.choice((10, 20, 50, 100, 100, 200, 500, 1000))
        rows["circuits"].append(
            {
                "code": f"{network['code']}-line",
                "name": f"{network['name']}专线",
                "unit_code": network["unit_code"],
                "network_code": network["code"],
                "carrier": carrier,
                "kind": random.choice(("mstp", "sdh", "otn", "mpls")),
                "a_end": f"{cities[network['unit_code']]}机房",
                "z_end": "自治区政务云汇聚机房",
                "bandwidth_mbps": mbps,
                "annual_fee_fen": (20_000 + mbps * 120) * 100,
                "contract_no": f"GX-{2023 + number % 3}-{number:04d}",
                "expires_on": date(2026 + number % 3, 12, 31),
            }
        )


def _egresses(rows: Rows, random: Random) -> None:
    rows["egresses"] = []
    for number, unit in enumerate(rows["units"][:EGRESSES]):
        carrier = CARRIERS[number % len(CARRIERS)]
        level = random.choice((2, 2, 3))
        rows["egresses"].append(
            {
                "code": f"{unit['code']}-out",
                "name": f"{unit['name']}互联网出口",
                "unit_code": unit["code"],
                "carrier": carrier,
                "bandwidth_mbps": random.choice((100, 200, 500, 1000)),
                "public_prefixes": [f"{PUBLIC[number % 3]}.{number // 3 * 8}/29"],
                "domains": [f"{unit['code']}.example.gov.cn"],
                "icp_no": f"桂ICP备{10_000_000 + number}号",
                "boundary_devices": ["下一代防火墙", "入侵防御"],
                "mlps_level": level,
                "filing_no": f"45{number:04d}-3{level:04d}" if level > 2 else "",
                "disposition": "merge" if number else None,
                "target_code": f"{rows['units'][0]['code']}-out" if number else None,
            }
        )


def _hardware(rows: Rows) -> None:
    rows["disks"], rows["nics"] = [], []
    for number, workload in enumerate(rows["workloads"]):
        code = workload["code"]
        sizes = [workload["disk_gib"], workload["data_gib"]]
        rows["disks"].extend(
            {"workload_code": code, "name": name, "size_gib": size, "boot": name == "vda"}
            for name, size in zip(("vda", "vdb"), sizes, strict=True)
            if size
        )
        rows["nics"].append(
            {
                "workload_code": code,
                "name": "eth0",
                "mac": f"fa:16:3e:00:{number >> 8:02x}:{number & 255:02x}",
                "domain_code": workload["domain_code"],
                "network_name": workload["networks"][0],
                "addresses": workload["addresses"],
            }
        )


def _physical(rows: Rows) -> None:
    """Some servers are no virtual machines: the databases of every tenth system."""
    sites = {platform["code"]: platform.get("site_code") for platform in rows["platforms"]}
    databases = [row for row in rows["workloads"] if row["code"].endswith("-db1")]
    for number, row in enumerate(databases[::10], 1):
        row |= {
            "form": "physical", "hardware": "双路服务器", "serial": f"GX45{number:06d}",
            "site_code": sites[row["platform_code"]], "rack": f"A{number:02d}-12U",
            "localised": number % 2 == 0, "arch": "arm" if number % 2 == 0 else "x86",
        }  # fmt: skip


def _responsibilities(rows: Rows) -> None:
    rows["responsibilities"] = [
        {
            "object_sheet": sheet,
            "object_code": row["code"],
            "duty": duty,
            "person_code": f"{row['unit_code']}-p{number}",
            "valid_from": SINCE,
        }
        for sheet in ("sites", "networks", "egresses", "platforms", "systems")
        for row in rows[sheet]
        for duty, number in (("responsible", 1), ("operations", 2))
    ]


def _opex(rows: Rows, random: Random) -> None:
    rows["opex"] = []
    for year in (2024, 2025):
        for network in rows["networks"]:
            budget = network["opex_fen"]
            rows["opex"].append(
                {
                    "unit_code": network["unit_code"],
                    "object_sheet": "networks",
                    "object_code": network["code"],
                    "year": year,
                    "budget_fen": budget,
                    "actual_fen": budget * random.randrange(85, 106) // 100,
                    "fund_source": "部门预算",
                }
            )
