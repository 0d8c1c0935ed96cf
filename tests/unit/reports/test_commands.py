"""`yunzhang report`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.factories import make_instance
from yunzhang.cli.report import report

pytestmark = pytest.mark.usefixtures("running")


def run(*arguments: str) -> Result:
    """One command; its faults are raised."""
    return CliRunner().invoke(report, arguments, catch_exceptions=False)


def test_page_and_data(tmp_path: Path) -> None:
    make_instance()
    file = tmp_path / "new" / "report.html"
    result = run("run", "demo", "--offline", "--out", str(file), "--json")
    assert result.exit_code == 0
    assert file.read_text("utf-8").startswith("<!doctype html>")
    told = json.loads(result.stdout)
    assert len(told["moves"]) == 6
    assert told["moves"][0]["old_addresses"] == ["192.168.10.12"]
    assert told["leftovers"] == []


def test_totals_of_the_province() -> None:
    make_instance()
    result = run("totals")
    assert result.exit_code == 0
    for told in ("南宁市", "U-lz", "1,120"):
        assert told in result.output
