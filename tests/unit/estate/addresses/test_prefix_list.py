"""Counting the overlaps of a list in a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from yunzhang.cli.estate import group
from yunzhang.errors import InputError, NotFound
from yunzhang.estate.addresses.prefix_list import count_conflicts


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


LINES = ["a,10.0.0.0/8", "a,10.1.0.0/16", "b,10.1.0.0/16", "b,10.1.0.0/16", "b,fd00::/8"]
# a contains a; b has one twice; a's /8 contains both of b's, a's /16 equals both
EXPECTED = {"within": {"equal": 1, "nested": 1}, "across": {"equal": 2, "nested": 2}}


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(LINES),
        "\n".join(["domain,prefix", *LINES]),
        "\r\n".join(["\ufeffDomain,CIDR", *LINES, "", ",", "# end"]),
        "\n".join([",".join(reversed(line.split(","))) for line in ["domain,prefix", *LINES]]),
        "\n".join([",".join(reversed(line.split(","))) for line in LINES]),
        "\n".join(line.replace(",", "\t") for line in LINES),
        "\n".join(
            ["name,prefix,domain", *(f"x,{p},{d}" for d, p in (x.split(",") for x in LINES))]
        ),
    ],
)
def test_every_layout_gives_the_same(tmp_path: Path, text: str) -> None:
    found = count_conflicts(write(tmp_path / "list.csv", text))
    assert {name: found.as_json()[name] for name in ("within", "across")} == EXPECTED
    assert (found.lines, found.domains, found.bad) == (5, 2, [])


def test_chinese_headers_in_gb18030(tmp_path: Path) -> None:
    path = write(tmp_path / "list.csv", "\n".join(["地址域,地址段", *LINES]), "gb18030")
    assert count_conflicts(path).across == (2, 2, 0)


def test_one_column_is_one_domain(tmp_path: Path) -> None:
    path = write(tmp_path / "list.txt", "10.0.0.0/8\n10.0.0.1\n10.0.0.1/32\n")
    found = count_conflicts(path)
    assert (found.within, found.across) == ((1, 2, 0), (0, 0, 0))


def test_ranges_may_cross(tmp_path: Path) -> None:
    text = "a,10.0.0.0-10.0.0.9\nb,10.0.0.5-10.0.0.20\nb,10.0.0.0-10.0.0.255\n"
    found = count_conflicts(write(tmp_path / "list.csv", text))
    assert found.as_json()["across"] == {"equal": 0, "nested": 1, "crossing": 1}


def test_bad_lines_are_told_and_not_counted(tmp_path: Path) -> None:
    text = "domain,prefix\na,10.0.0.0/8\na,10.0.0.1/8\na\na,10.0.0.9-10.0.0.1\nb,x\nb,10.0.0.0/9\n"
    path = write(tmp_path / "list.csv", text)
    found = count_conflicts(path)
    assert [(bad.line, bad.code) for bad in found.bad] == [
        (3, "estate.host_bits"),
        (4, "addresses.list_line_fields"),
        (5, "estate.range_no_cidr"),
        (6, "estate.address_bad"),
    ]
    assert found.across == (0, 1, 0)
    result = CliRunner().invoke(group, ["conflicts", "--file", str(path), "--json"])
    assert result.exit_code == 0
    assert set(json.loads(result.stdout)) == {"within", "across", "seconds"}
    assert all(f"第 {line} 行" in result.stderr for line in (3, 4, 5, 6))
    strict = CliRunner().invoke(group, ["conflicts", "--file", str(path), "--strict"])
    assert strict.exit_code == 2
    assert "地址域之间" in strict.stdout


def test_files_that_are_no_list(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        count_conflicts(tmp_path / "none.csv")
    for text in ("a,b,c\n1,2,3\n", "prefix,other\n10.0.0.0/8,x\n"):
        with pytest.raises(InputError):
            count_conflicts(write(tmp_path / "list.csv", text))
    empty = count_conflicts(write(tmp_path / "list.csv", ""))
    assert empty.as_json() | {"seconds": 0} == {
        "within": {"equal": 0, "nested": 0}, "across": {"equal": 0, "nested": 0}, "seconds": 0,
    }  # fmt: skip
