"""A province of any size straight into the tables of a PostgreSQL database, and as files."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, text

STAMP = "'draft', 1, '', now(), now()"
RECORDED = "state, revision, note, created_at, updated_at"
UNITS, CITIES = 900, 14
# Lengths of prefixes as a province has them: mostly /24, some wide summaries.
LENGTHS = (16, 20, 22, 24, 24, 24, 24, 26, 28, 29)
# Workloads: three of ten are verified.
STATES = "CASE WHEN n % 10 < 3 THEN 'verified' ELSE 'draft' END"


def add_owners(connection: Connection) -> None:
    """14 cities, 900 units, each with a network, an address domain, a cloud and a system."""

    def add(sql: str) -> None:
        connection.execute(text(sql))

    add("INSERT INTO division (code, name, level) SELECT lpad((450000 + 100 * n)::text, 6, '0'),"
        f" '市' || n, 'city' FROM generate_series(1, {CITIES}) n")  # fmt: skip
    numbers = f"generate_series(0, {UNITS - 1}) n"
    owners = f"FROM (SELECT n, lpad(n::text, 4, '0') c FROM {numbers}) s"
    add(f"INSERT INTO unit (code, name, aliases, division_code, level, {RECORDED}) SELECT 'u' || c,"
        f" '单位' || n, '[]', (450100 + 100 * (n % {CITIES}))::text, 'city', {STAMP}"
        f" {owners}")  # fmt: skip
    add("INSERT INTO private_network (code, name, unit_code, purpose, reach, ministry_run, zone,"
        f" filing_no, legal_basis, {RECORDED}) SELECT 'n' || c, '专网' || n, 'u' || c, '',"
        f" 'city', false, 'private', '', '', {STAMP} {owners}")  # fmt: skip
    add(f"INSERT INTO address_domain (code, name, network_code, {RECORDED})"
        f" SELECT 'd' || c, '域' || n, 'n' || c, {STAMP} {owners}")  # fmt: skip
    add("INSERT INTO cloud_platform (code, name, unit_code, kind, technology, cloud_name,"
        f" {RECORDED}) SELECT 'p' || c, '云' || n, 'u' || c, 'virtualisation', 'kvm', '', {STAMP}"
        f" {owners}")  # fmt: skip
    add("INSERT INTO info_system (code, name, unit_code, mlps_level, filing_no, zone,"
        f" downtime_window, {RECORDED}) SELECT 's' || c, '系统' || n, 'u' || c, 2, '', 'private',"
        f" '', {STAMP} {owners}")  # fmt: skip


def add_prefixes(engine: Engine, count: int, seed: int = 45) -> None:
    """`count` prefixes in private space spread over all domains, each once in its domain."""
    with engine.begin() as connection:
        cursor = connection.connection.cursor()
        columns = ("domain_code, cidr, family, lo, hi, role, network_name, usage, "
                   f"{RECORDED}")  # fmt: skip
        with cursor.copy(f"COPY prefix ({columns}) FROM STDIN") as copy:
            for domain, cidr, lo, hi, role in _prefixes(count, seed):
                copy.write(
                    f"{domain}\t{cidr}\t4\t{lo:032x}\t{hi:032x}\t{role}\t\t\tdraft\t1\t\t"
                    "2026-01-01\t2026-01-01\n"
                )
    _analyse(engine, "prefix")


def _prefixes(count: int, seed: int) -> Iterator[tuple[str, str, int, int, str]]:
    rng = np.random.default_rng(seed)
    seen: set[tuple[int, int, int]] = set()
    while len(seen) < count:
        draws = (rng.integers(0, top, 100_000) for top in (UNITS, 1 << 24, len(LENGTHS)))
        for domain, place, kind in zip(*(draw.tolist() for draw in draws), strict=True):
            length = LENGTHS[kind]
            host = (1 << (32 - length)) - 1
            lo = (10 << 24 | place) & ~host
            if (domain, lo, length) in seen or len(seen) == count:
                continue
            seen.add((domain, lo, length))
            role = "leaf" if length >= 24 else "container"
            yield f"d{domain:04}", f"{dotted(lo)}/{length}", lo, lo | host, role


def write_list(path: Path, count: int, seed: int = 46) -> Path:
    """The prefixes of `add_prefixes` as a list for `estate conflicts --file`."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write("domain,prefix\n")
        file.writelines(f"{domain},{cidr}\n" for domain, cidr, *_ in _prefixes(count, seed))
    return path


def dotted(value: int) -> str:
    """An IPv4 address as text."""
    return ".".join(str(value >> shift & 255) for shift in (24, 16, 8, 0))


def add_workloads(engine: Engine, count: int) -> None:
    """`count` workloads spread over all units; three of ten are verified."""
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO workload (code, name, system_code, unit_code, platform_code, project,"
                " vcpu, ram_mib, disk_gib, data_gib, networks, addresses, state, revision, note,"
                " created_at, updated_at) SELECT 'w' || lpad(n::text, 7, '0'), '主机' || n,"
                " 's' || c, 'u' || c, 'p' || c, '', 2, 4096, 40, 0, '[]',"
                " jsonb_build_array('10.' || (n >> 16) % 256 || '.' || (n >> 8) % 256 || '.' ||"
                f" n % 256), {STATES}, 1, '', now(), now()"
                f" FROM (SELECT n, lpad((n % {UNITS})::text, 4, '0') c"
                f" FROM generate_series(0, {count - 1}) n) s"
            )
        )
    _analyse(engine, "workload")


def _analyse(engine: Engine, table: str) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # VACUUM as well: index-only reads need the visibility map a living database has
        connection.execute(text(f"VACUUM ANALYZE {table}"))


def add_full_pool(engine: Engine, children: int) -> None:
    """Domain `full`: a pool 10.0.0.0/8 whose first `children` /24 are taken."""
    with engine.begin() as connection:
        connection.execute(
            text(
                f"INSERT INTO address_domain (code, name, network_code, {RECORDED})"
                f" VALUES ('full', '满', 'n0000', {STAMP})"
            )
        )
        connection.execute(
            text(
                "INSERT INTO prefix (domain_code, cidr, family, lo, hi, role, network_name, usage,"
                f" {RECORDED}) SELECT 'full', cidr, 4, lpad(to_hex(lo), 32, '0'),"
                f" lpad(to_hex(hi), 32, '0'), role, '', '', {STAMP} FROM ("
                " SELECT '10.' || n / 256 || '.' || n % 256 || '.0/24' cidr,"
                " 167772160 + n * 256 lo, 167772160 + n * 256 + 255 hi, 'leaf' role"
                f" FROM generate_series(0, {children - 1}) n"
                " UNION ALL SELECT '10.0.0.0/8', 167772160, 184549375, 'pool') s"
            )
        )
    _analyse(engine, "prefix")


def write_prefixes(path: Path, count: int) -> Path:
    """A CSV of `count` leaves and summaries without faults, as a unit would hand it in."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["地址域编号", "地址段", "角色", "网络名称", "用途"])
        for number in range(count):
            domain, place = number % UNITS, number // UNITS
            cidr = f"172.{16 + (place >> 8)}.{place & 255}.0/24"
            lines.writerow([f"d{domain:04}", cidr, "网段", f"net{place}", "办公"])
    return path


def write_workloads(path: Path, count: int, first: int = 5_000_000) -> Path:
    """A CSV of `count` workloads without faults."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["编号", "名称", "信息系统编号", "单位编号", "云平台编号", "vCPU",
                        "内存(MiB)", "系统盘(GiB)", "地址域编号", "网络名称", "地址"])  # fmt: skip
        for number in range(count):
            unit, place = number % UNITS, number // UNITS
            address = f"172.16.0.{place % 250 + 1}"
            row: list[Any] = [f"w{first + number}", f"主机{number}", f"s{unit:04}", f"u{unit:04}"]
            row += [f"p{unit:04}", 4, 8192, 80, f"d{unit:04}", "net0", address]
            lines.writerow(row)
    return path
