"""A province in small: invented, plausible, the same for the same seed.

Bodies carry ordinary names with made-up credit codes; private ranges overlap between networks as
they do in life, because everybody began at 192.168.0.0 or 10.0.0.0.
"""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from typing import Any

from yunzhang.estate.addresses.blocks import Block, format_address, format_block, parse_block
from yunzhang.estate.example.more import add_more
from yunzhang.estate.example.words import (
    BUREAUS,
    CITIES,
    DEPARTMENTS,
    NETWORK_PURPOSES,
    SYSTEM_NAMES,
)
from yunzhang.units.uscc import check_character

# Workbooks made for the repository all carry this day, so that they do not change by themselves.
CREATED = datetime(2026, 11, 1, tzinfo=UTC)
NETWORKS, SUB_CLOUDS, SYSTEMS, WORKLOADS = 120, 20, 156, 1500
# Where people put their first networks; the front of the list is met most often.
FAVOURITES = (
    "192.168.0.0/24", "192.168.1.0/24", "192.168.10.0/24", "10.0.0.0/24", "10.0.1.0/24",
    "192.168.2.0/24", "192.168.100.0/24", "10.1.1.0/24", "10.10.10.0/24", "172.16.0.0/24",
    "172.16.1.0/24", "192.168.20.0/24", "10.0.16.0/20", "10.45.0.0/22", "172.20.0.0/22",
    "192.168.128.0/18", "10.128.0.0/16", "172.31.0.0/20", "fd00:45::/64", "fd12:3456:789a::/64",
)  # fmt: skip
# Space of others, taken when nobody was looking.
BORROWED = ("11.1.0.0/16", "1.1.1.0/24", "59.211.0.0/24", "2001:db8:45::/64")
ROLES = (("web", 80), ("app", 8080), ("db", 5236), ("cache", 6379), ("mq", 5672), ("job", 0))
SIZES = ((2, 4096, 40), (4, 8192, 80), (4, 16384, 100), (8, 16384, 100), (8, 32768, 200),
         (16, 65536, 200))  # fmt: skip

# Departments with a cloud of their own; the first runs the unified one.
_CLOUD_OWNERS = [code for code, _ in DEPARTMENTS][: SUB_CLOUDS - len(CITIES) + 1]

Row = dict[str, Any]


def make_province(seed: int) -> dict[str, list[Row]]:
    """Rows of stored values: sheet key → rows."""
    return _Province(Random(seed)).make()  # noqa: S311 - an example, not a secret


def invented_uscc(division: str, number: int) -> str:
    """A well-formed credit code of a state body for a running number."""
    organisation = f"MB{number:06d}"
    values = [int(character, 36) for character in organisation]
    weights = (3, 7, 9, 10, 5, 8, 4, 2)
    check = (11 - sum(v * w for v, w in zip(values, weights, strict=True)) % 11) % 11
    body = f"11{division}{organisation}{'0123456789X'[check]}"
    return body + check_character(body)


class _Province:
    def __init__(self, random: Random) -> None:
        self.random = random
        self.rows: dict[str, list[Row]] = {
            key: []
            for key in ("units", "sites", "networks", "domains", "prefixes", "platforms", "systems",
                        "workloads", "dependencies")
        }  # fmt: skip
        self.domains_of: dict[str, list[str]] = {}
        self.leaves_of: dict[str, list[tuple[str, Block]]] = {}
        self.used: dict[tuple[str, str], int] = {}

    def make(self) -> dict[str, list[Row]]:
        self._units()
        self._sites()
        self._networks()
        self._platforms()
        self._systems()
        self._workloads()
        self._dependencies()
        add_more(self.rows, self.random)
        return self.rows

    def _add(self, sheet: str, **values: Any) -> Row:
        self.rows[sheet].append(values)
        return values

    def _unit(self, code: str, name: str, division: str, level: str, parent: str | None) -> None:
        number = len(self.rows["units"]) + 1
        self._add(
            "units", code=code, name=name, aliases=[], uscc=invented_uscc(division, number),
            division_code=division, level=level, kind="agency", parent_code=parent,
            note="示例数据",
        )  # fmt: skip

    def _units(self) -> None:
        for code, name in DEPARTMENTS:
            self._unit(code, f"自治区{name}", "450000", "region", None)
        for place, (city, name, division) in enumerate(CITIES):
            office = f"{city}-data"
            self._unit(office, f"{name}大数据发展局", division, "city", "data")
            bureau, title = BUREAUS[place % len(BUREAUS)]
            self._unit(f"{city}-{bureau}", f"{name}{title}", division, "city", bureau)
        for code, name, division, parent in (
            ("hengzhou-data", "横州市大数据发展局", "450181", "nn-data"),
            ("pingguo-data", "平果市大数据发展局", "451082", "bs-data"),
        ):
            self._unit(code, name, division, "county", parent)

    def _sites(self) -> None:
        for unit in self.rows["units"]:
            code = unit["code"]
            if unit["level"] == "city" and not code.endswith("-data"):
                continue
            lucky = code in _CLOUD_OWNERS or self.random.random() < 0.5
            if unit["level"] == "region" and not lucky:
                continue
            total = self.random.randrange(8, 120, 4)
            region = unit["division_code"] == "450000"
            self._add(
                "sites", code=f"{code}-dc", name=f"{unit['name']}机房", unit_code=code,
                division_code="450103" if region else unit["division_code"],
                ownership=self.random.choice(["own", "own", "rented", "hosted"]),
                area_m2=total * 4, racks_total=total, racks_used=self.random.randrange(4, total),
                power_kva=total * 5, built_year=self.random.randrange(2004, 2022),
            )  # fmt: skip

    def _site_of(self, unit: str) -> str | None:
        code = f"{unit}-dc"
        return code if any(site["code"] == code for site in self.rows["sites"]) else None

    def _networks(self) -> None:
        units = self.rows["units"]
        for number in range(NETWORKS):
            unit = units[number % len(units)]
            purpose = NETWORK_PURPOSES[number // len(units) % len(NETWORK_PURPOSES)]
            code = f"{unit['code']}-net{number // len(units) + 1}"
            level = self.random.choice([2, 2, 3])
            self._add(
                "networks", code=code, name=f"{unit['name']}{purpose}", unit_code=unit["code"],
                site_code=self._site_of(unit["code"]), purpose=purpose, reach=unit["level"],
                ministry_run=self.random.random() < 0.1, zone="private",
                isolation=self.random.choice(["physical", "logical"]), mlps_level=level,
                filing_no=f"45{number:04d}-{level:05d}" if level > 2 else "",
                endpoints=self.random.randrange(10, 900),
                built_year=self.random.randrange(2002, 2020),
                opex_fen=self.random.randrange(5, 400) * 1_000_000, disposition="merge",
            )  # fmt: skip
            self._add("domains", code=code, name=f"{unit['name']}{purpose}地址域",
                      network_code=code)  # fmt: skip
            self.domains_of.setdefault(unit["code"], []).append(code)
            self._prefixes(code)

    def _prefixes(self, domain: str) -> None:
        weights = [len(FAVOURITES) - place for place in range(len(FAVOURITES))]
        chosen = dict.fromkeys(self.random.choices(FAVOURITES, weights, k=5))
        texts = [*chosen, f"10.{self.random.randrange(256)}.{self.random.randrange(256)}.0/24"]
        if self.random.random() < 0.08:
            texts.append(self.random.choice(BORROWED))
        if self.random.random() < 0.3:
            self._add("prefixes", domain_code=domain, cidr="10.0.0.0/8", role="container",
                      network_name="", usage="规划总段")  # fmt: skip
        leaves: list[tuple[str, Block]] = []
        for text in texts:
            block = parse_block(text)
            if any(_overlap(block, other) for _, other in leaves):
                continue
            name = f"{domain}-{len(leaves) + 1}"
            leaves.append((name, block))
            usage = self.random.choice(["业务", "办公", "服务器"])
            self._add("prefixes", domain_code=domain, cidr=format_block(block), role="leaf",
                      network_name=name, usage=usage)  # fmt: skip
        self.leaves_of[domain] = [leaf for leaf in leaves if leaf[1].family == 4]

    def _platforms(self) -> None:
        common = {"note": "示例数据", "access_mode": "declared", "cloud_name": ""}
        self._add(
            "platforms", code="gxgov", name="壮美广西·政务云", unit_code="data", kind="unified",
            site_code="data-dc", technology="openstack", capacity_vcpu=40_000,
            capacity_ram_gib=160_000, capacity_disk_gib=4_000_000, **common,
        )  # fmt: skip
        owners = [f"{city}-data" for city, _, _ in CITIES]
        owners += _CLOUD_OWNERS[1:]
        names = {unit["code"]: unit["name"] for unit in self.rows["units"]}
        for owner in owners:
            scale = self.random.randrange(2, 12)
            self._add(
                "platforms", code=f"{owner}-cloud", name=f"{names[owner]}子云", unit_code=owner,
                site_code=self._site_of(owner), kind="sub_cloud", parent_code="gxgov",
                technology=self.random.choice(["openstack", "openstack", "vmware", "kvm"]),
                capacity_vcpu=scale * 512, capacity_ram_gib=scale * 2048,
                capacity_disk_gib=scale * 40_000, **common,
            )  # fmt: skip

    def _systems(self) -> None:
        units = self.rows["units"]
        for number in range(SYSTEMS):
            unit = units[number % len(units)]
            name = SYSTEM_NAMES[number % len(SYSTEM_NAMES)]
            level = self.random.choice([2, 2, 2, 3])
            self._add(
                "systems", code=f"{unit['code']}-s{number // len(units) + 1}",
                name=f"{unit['name']}{name}", unit_code=unit["code"], mlps_level=level,
                filing_no=f"45{number:04d}-1{level:04d}" if level > 2 else "",
                zone=self.random.choice(["private", "egov_public", "internet"]),
                criticality=self.random.choice(["core", "important", "ordinary", "ordinary"]),
                downtime_window=self.random.choice(["周六 22:00-次日 06:00", "每日 00:00-05:00"]),
            )  # fmt: skip

    def _workloads(self) -> None:
        clouds = {row["unit_code"]: row["code"] for row in self.rows["platforms"]}
        systems = self.rows["systems"]
        for number in range(WORKLOADS):
            system = systems[number % len(systems)]
            turn = number // len(systems)
            role, _ = ROLES[turn % len(ROLES)]
            unit = system["unit_code"]
            city = unit.split("-")[0]
            domain = self.domains_of[unit][number % len(self.domains_of[unit])]
            network, address = self._address(domain)
            vcpu, ram, disk = self.random.choice(SIZES)
            code = f"{system['code']}-{role}{turn // len(ROLES) + 1}"
            self._add(
                "workloads", code=code, name=code, system_code=system["code"], unit_code=unit,
                platform_code=clouds.get(unit) or clouds.get(f"{city}-data") or "gxgov",
                project=unit, vcpu=vcpu, ram_mib=ram, disk_gib=disk,
                data_gib=self.random.choice([200, 500, 1000]) if role == "db" else 0,
                domain_code=domain, networks=[network], addresses=[address],
            )  # fmt: skip

    def _address(self, domain: str) -> tuple[str, str]:
        name, block = self.random.choice(self.leaves_of[domain])
        self.used[domain, name] = self.used.get((domain, name), 10) + 1
        return name, format_address(block.family, block.lo + self.used[domain, name])

    def _dependencies(self) -> None:
        known = {row["code"] for row in self.rows["workloads"]}
        ports = dict(ROLES)
        chain = (("web", "app"), ("app", "db"), ("app", "cache"), ("app", "mq"), ("job", "db"))
        for system in self.rows["systems"]:
            for source, target in chain:
                ends = (f"{system['code']}-{source}1", f"{system['code']}-{target}1")
                if known.issuperset(ends):
                    self._add("dependencies", source_code=ends[0], target_code=ends[1],
                              kind="hard", port=ports[target])  # fmt: skip
        apps = sorted(code for code in known if code.endswith("-app1"))
        for source in apps[::3]:
            target = self.random.choice(apps)
            if target != source:
                self._add("dependencies", source_code=source, target_code=target, kind="soft",
                          port=8080)  # fmt: skip


def _overlap(one: Block, other: Block) -> bool:
    return one.family == other.family and one.lo <= other.hi and other.lo <= one.hi
