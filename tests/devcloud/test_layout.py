"""Ports, paths and secrets."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from devcloud.errors import DevcloudError
from devcloud.layout import APIS, CLOUDS, PROFILES, load_profile, store_port_base
from devcloud.passwords import load_passwords


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point DEVCLOUD_STATE at an empty directory."""
    monkeypatch.setenv("DEVCLOUD_STATE", str(tmp_path))
    monkeypatch.delenv("DEVCLOUD_PORT_BASE", raising=False)
    monkeypatch.delenv("DEVCLOUD_PROFILE", raising=False)
    return tmp_path


def test_ports_do_not_collide(state: Path) -> None:
    profiles = [load_profile(name) for name in PROFILES]
    ports = [
        profile.cloud(name).port(api) for profile in profiles for name in CLOUDS for api in APIS
    ]
    assert len(set(ports)) == len(ports) == 24


def test_port_base_comes_from_the_environment(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEVCLOUD_PORT_BASE", "21000")
    assert load_profile("real").cloud("legacy").url("keystone") == "http://127.0.0.1:21000"


def test_a_profile_keeps_the_ports_it_was_made_with(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEVCLOUD_PORT_BASE", "21000")
    store_port_base(load_profile("fast"))
    monkeypatch.delenv("DEVCLOUD_PORT_BASE")
    assert load_profile("fast").port_base == 21000
    monkeypatch.setenv("DEVCLOUD_PORT_BASE", "22000")
    with pytest.raises(DevcloudError, match="made with port base 21000"):
        load_profile("fast")


@pytest.mark.parametrize("wrong", ["x", "80", "60000"])
def test_a_wrong_port_base_is_refused(
    state: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    monkeypatch.setenv("DEVCLOUD_PORT_BASE", wrong)
    with pytest.raises(DevcloudError, match="DEVCLOUD_PORT_BASE"):
        load_profile("real")


def test_the_profile_comes_from_the_environment(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_profile().name == "real"
    monkeypatch.setenv("DEVCLOUD_PROFILE", "fast")
    assert load_profile().name == "fast"


def test_secrets_differ_and_stay(state: Path) -> None:
    first = load_passwords(load_profile("fast"))
    words = [word for cloud in first.values() for word in cloud.values()]
    assert len(set(words)) == len(words)
    assert load_passwords(load_profile("fast")) == first
    assert load_passwords(load_profile("real")) != first
    assert stat.S_IMODE((state / "fast" / "secrets.json").stat().st_mode) == 0o600
