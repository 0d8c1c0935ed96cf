"""What people write becomes one value; what cannot be read says why."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yunzhang import texts
from yunzhang.estate.workbooks.cells import CellError
from yunzhang.estate.workbooks.files import RawFile, RawSheet
from yunzhang.estate.workbooks.parsing import parse_file
from yunzhang.estate.workbooks.sheets import BY_KEY, SHEETS
from yunzhang.estate.workbooks.values import cell_value, empty_value, reader


def column(path: str) -> Any:
    sheet, key = path.split(".")
    return BY_KEY[sheet].by_key[key]


@pytest.mark.parametrize(
    ("path", "raw", "value"),
    [
        ("units.code", "  ｎｎ－０１ ", "nn-01"),
        ("units.code", 45.0, "45"),
        ("units.name", " 人社厅（本级）　", "人社厅（本级）"),
        ("units.name", "第１处\x00", "第1处"),
        ("units.aliases", "人社厅、 人社 ,社保;", ["人社厅", "人社", "社保"]),
        ("units.uscc", "91350100m000100y43", "91350100M000100Y43"),
        ("units.division_code", 450100.0, "450100"),
        ("units.level", "设区市", "city"),
        ("units.level", "city", "city"),
        ("networks.mlps_level", "三级", 3),
        ("networks.mlps_level", "3级", 3),
        ("networks.mlps_level", "第三级", 3),
        ("networks.mlps_level", "等保三级", 3),
        ("networks.mlps_level", "S3A2G3", 3),
        ("networks.mlps_level", "S2A3", 3),
        ("networks.mlps_level", 2.0, 2),
        ("networks.mlps_level", "未定级", 0),
        ("networks.ministry_run", "是", True),
        ("networks.ministry_run", "N", False),
        ("networks.ministry_run", True, True),
        ("networks.built_year", "2015年", 2015),
        ("networks.built_year", 2015.0, 2015),
        ("networks.built_year", date(2015, 6, 1), 2015),
        ("networks.built_year", datetime(2015, 6, 1), 2015),  # noqa: DTZ001
        ("networks.opex_fen", 12.34, 12_340_000),
        ("networks.opex_fen", "1,234.5", 1_234_500_000),
        ("networks.opex_fen", "０．０１", 10_000),
        ("workloads.vcpu", "１６", 16),
        ("workloads.ram_mib", "1,024", 1024),
        ("prefixes.cidr", "１０．１．０．０／２２", "10.1.0.0/22"),
        ("prefixes.cidr", "10.1.0.0/255.255.252.0", "10.1.0.0/22"),
        ("prefixes.cidr", "10.1.0.0—10.1.3.255", "10.1.0.0/22"),
        ("prefixes.cidr", "FD00:0:0::/48", "fd00::/48"),
        ("workloads.addresses", "10.0.0.1、10.0.0.2 ::1", ["10.0.0.1", "10.0.0.2", "::1"]),
        ("circuits.bandwidth_mbps", "100M", 100),
        ("circuits.bandwidth_mbps", "100 Mbps", 100),
        ("circuits.bandwidth_mbps", "1G", 1000),
        ("circuits.bandwidth_mbps", "2.5Gbit/s", 2500),
        ("circuits.bandwidth_mbps", "2000K", 2),
        ("circuits.bandwidth_mbps", "２＊155Ｍ", 310),
        ("circuits.bandwidth_mbps", "千兆", 1000),
        ("circuits.bandwidth_mbps", "万兆", 10_000),
        ("circuits.bandwidth_mbps", "50兆", 50),
        ("circuits.bandwidth_mbps", 50.0, 50),
        ("circuits.expires_on", datetime(2026, 1, 2, 8, 30), date(2026, 1, 2)),  # noqa: DTZ001
        ("circuits.expires_on", date(2026, 1, 2), date(2026, 1, 2)),
        ("circuits.expires_on", "2026/1/2", date(2026, 1, 2)),
        ("circuits.expires_on", "2026年1月2日", date(2026, 1, 2)),
        ("circuits.expires_on", "2026.01.02", date(2026, 1, 2)),
        ("circuits.expires_on", "20260102", date(2026, 1, 2)),
        ("persons.phone", "13812345678", "138****5678"),
        ("persons.phone", "+86 138 1234 5678", "138****5678"),
        ("persons.phone", 13812345678.0, "138****5678"),
        ("persons.phone", "0771-5601234", "077****1234"),
        ("persons.phone", "5601234转801", "***1234"),
        ("persons.phone", "138****5678", "138****5678"),
        ("nics.mac", "FA-16-3E-00-00-0A", "fa:16:3e:00:00:0a"),
        ("nics.mac", "fa16.3e00.000a", "fa:16:3e:00:00:0a"),
        ("workloads.platform_uuid", "11111111-2222-4333-8444-AAAAAAAAAAAA",
         "11111111-2222-4333-8444-aaaaaaaaaaaa"),
        ("egresses.public_prefixes", "192.0.2.0/24、198.51.100.0/255.255.255.0",
         ["192.0.2.0/24", "198.51.100.0/24"]),
        ("ranges.first", "FD00::0:1", "fd00::1"),
        ("systems.filing_no", 45010020001.0, "45010020001"),
        ("systems.downtime_window", datetime(2026, 1, 2), "2026-01-02"),  # noqa: DTZ001
    ],
)  # fmt: skip
def test_cells_are_normalised(path: str, raw: Any, value: Any) -> None:
    assert reader(column(path))(raw) == value


@pytest.mark.parametrize(
    ("path", "raw", "code"),
    [
        ("units.code", "人社厅", "code_bad"),
        ("units.code", "x" * 65, "code_bad"),
        ("units.name", "名" * 201, "text_long"),
        ("units.uscc", "91350100M000100Y44", "uscc_check"),
        ("units.uscc", "91350100M000100Y4", "uscc_bad"),
        ("units.uscc", 9.13501e17, "number_lost"),
        ("units.division_code", "4501", "division_bad"),
        ("units.level", "地市", "choice_bad"),
        ("networks.mlps_level", "五级", "mlps_bad"),
        ("networks.ministry_run", "也许", "yesno_bad"),
        ("networks.built_year", "近年", "year_bad"),
        ("networks.built_year", "1900", "number_range"),
        ("networks.opex_fen", "-1", "number_range"),
        ("networks.opex_fen", "12元", "number_bad"),
        ("workloads.vcpu", "NaN", "number_bad"),
        ("workloads.vcpu", 1.5, "number_whole"),
        ("workloads.vcpu", 0, "number_range"),
        ("workloads.addresses", "10.0.0.300", "address_bad"),
        ("prefixes.cidr", "10.0.0.1/24", "host_bits"),
        ("prefixes.usage", "#REF!", "cell_error"),
        ("circuits.bandwidth_mbps", "512K", "bandwidth_bad"),
        ("circuits.bandwidth_mbps", "0", "bandwidth_bad"),
        ("circuits.expires_on", "2026-02-30", "date_bad"),
        ("circuits.expires_on", 46000.0, "date_bad"),
        ("persons.phone", "打前台", "phone_bad"),
        ("nics.mac", "fa:16:3e:00:00", "mac_bad"),
        ("workloads.platform_uuid", "vm-1", "uuid_bad"),
        ("ranges.first", "10.0.0.0/24", "address_bad"),
    ],
)
def test_faults_have_codes_and_words(path: str, raw: Any, code: str) -> None:
    with pytest.raises(CellError) as caught:
        reader(column(path))(raw)
    assert caught.value.code == code
    for language in texts.LANGUAGES:
        with texts.in_language(language):
            assert texts.text(f"estate.{code}", **caught.value.values)
            assert texts.text(f"estate.{code}_hint", **caught.value.values)


def test_the_expected_check_character_is_told() -> None:
    with pytest.raises(CellError) as caught:
        reader(column("units.uscc"))("91350100M000100Y44")
    assert caught.value.values["expected"] == "3"


@pytest.mark.parametrize(
    ("path", "value"),
    [("units.aliases", ["甲", "乙"]), ("networks.opex_fen", 1), ("networks.opex_fen", 123_456_789),
     ("networks.mlps_level", 0), ("systems.mlps_level", 0), ("workloads.disk_gib", 0),
     ("workloads.data_gib", 0), ("dependencies.port", 0), ("networks.ministry_run", False),
     ("units.level", "county"), ("prefixes.cidr", "fd00::/48"), ("units.note", "=1+1")],
)  # fmt: skip
def test_written_cells_read_the_same(path: str, value: Any) -> None:
    shown = cell_value(column(path), value)
    again = empty_value(column(path)) if shown is None else reader(column(path))(shown)
    assert again == value


@given(st.from_regex(r"\+?[0-9]{3,4}[- ]?[0-9]{4} ?[0-9]{0,4}", fullmatch=True))
def test_phones_are_masked_once_and_for_all(written: str) -> None:
    read = reader(column("persons.phone"))
    kept = read(written)
    assert read(kept) == kept
    digits = "".join(letter for letter in written if letter.isdigit())
    # at least three digits in the middle, or all but the last four, are gone
    assert kept.count("*") >= min(3, len(digits) - 4)
    assert digits not in kept


def test_every_choice_reads_back() -> None:
    for sheet in SHEETS:
        for each in sheet.columns:
            for code, label in each.choices.items():
                assert reader(each)(label) == code
                assert cell_value(each, code) == label


# What was refused though it says one thing only; each was met in sheets as they come.
SPOKEN = [
    ("systems", "mlps_level", "三级（S3A3G3）", 3),
    ("systems", "mlps_level", "第二级(S2A2)", 2),
    ("systems", "mlps_level", "Ⅲ级", 3),
    ("systems", "mlps_level", "等级保护三级", 3),
    ("networks", "opex_fen", "12万元", 12_000_000),
    ("networks", "opex_fen", "1,234.5 万", 1_234_500_000),
    ("networks", "ministry_run", "✓", True),
    ("networks", "reach", "省级", "region"),
    ("sites", "level", "a", "a"),
    ("sites", "level", "B", "b"),
    ("units", "level", "县级", "county"),
    ("circuits", "carrier", "中国电信", "telecom"),
    ("circuits", "bandwidth_mbps", "10GE", 10_000),
    ("prefixes", "cidr", "10.1.0.0 255.255.252.0", "10.1.0.0/22"),
    ("prefixes", "cidr", "10。1。0。0／22", "10.1.0.0/22"),
    ("workloads", "addresses", "10。1。0。1、10.1.0.2", ["10.1.0.1", "10.1.0.2"]),
]
GUESSES = [
    ("networks", "opex_fen", "12元"),
    ("networks", "opex_fen", "￥12"),
    ("systems", "mlps_level", "五级"),
    ("circuits", "carrier", "中国长城"),
    ("circuits", "expires_on", 46022.0),
    ("circuits", "bandwidth_mbps", "100M以上"),
    ("prefixes", "cidr", "10.1.0.0 10.2.0.0"),
    ("units", "uscc", 1.1450000123456789e17),
]


@pytest.mark.parametrize(("sheet", "column", "cell", "value"), SPOKEN)
def test_what_can_only_mean_one_thing_was_refused(
    sheet: str, column: str, cell: Any, value: Any
) -> None:
    assert reader(BY_KEY[sheet].by_key[column])(cell) == value


@pytest.mark.parametrize(("sheet", "column", "cell"), GUESSES)
def test_nothing_is_guessed(sheet: str, column: str, cell: Any) -> None:
    with pytest.raises(CellError):
        reader(BY_KEY[sheet].by_key[column])(cell)


@pytest.mark.parametrize("cells", [[1.0, True, "1", 1], [True, 1.0], [1, 1.0, "x", "x", "１"]])
def test_a_cell_is_read_as_what_it_is_though_one_like_it_was_read(cells: list[Any]) -> None:
    def read(cells: list[Any]) -> list[tuple[Any, list[str]]]:
        rows = [["编号", "机柜总数"], *([f"s{n}", cell] for n, cell in enumerate(cells))]
        parsed = parse_file(RawFile("a.xlsx", "", [RawSheet("机房", rows)]))
        codes = [[f.code for f in parsed.faults if f.row == n] for n in range(2, len(rows) + 1)]
        values = [row.values.get("racks_total") for row in parsed.rows("sites")]
        return list(zip(values, codes, strict=True))

    assert read(cells) == [read([cell])[0] for cell in cells]


def test_lists_of_equal_cells_are_not_one_list() -> None:
    rows = [["编号", "别名"], ["a", "x、y"], ["b", "x、y"]]
    one, two = parse_file(RawFile("a.xlsx", "", [RawSheet("单位", rows)])).rows("units")
    one.values["aliases"].append("z")
    assert two.values["aliases"] == ["x", "y"]
