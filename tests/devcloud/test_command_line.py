"""The command line without root and with nothing up."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from devcloud.cli import main


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point DEVCLOUD_STATE at a directory that does not exist yet."""
    monkeypatch.setenv("DEVCLOUD_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.mark.parametrize(
    "words", [["up"], ["down", "--purge"], ["install"], ["seed", "legacy"], ["reset", "gov"]]
)
def test_without_root_nothing_happens(
    words: list[str],
    state: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert main(words) == 2
    assert "needs root" in capsys.readouterr().err
    assert not state.exists()


def test_status_of_nothing(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--json", "--profile", "fast"]) == 1
    table = json.loads(capsys.readouterr().out)
    assert table["clouds"]["legacy"]["services"]["keystone"]["state"] == "down"
    assert not state.exists()


def test_a_cloud_that_is_down_says_so(
    state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert main(["exec", "gov", "--", "true"]) == 1
    assert "is down" in capsys.readouterr().err
