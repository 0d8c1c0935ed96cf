"""The rendered configuration."""

from __future__ import annotations

import configparser
from pathlib import Path

import pytest

from devcloud import configuration, database
from devcloud.errors import DevcloudError
from devcloud.layout import CLOUDS, PROFILES, load_profile
from devcloud.passwords import load_passwords
from devcloud.templating import FOLDER, render


@pytest.mark.parametrize("profile_name", PROFILES)
@pytest.mark.parametrize("cloud_name", CLOUDS)
def test_templates_render(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, profile_name: str, cloud_name: str
) -> None:
    # A path longer than a Unix socket's may be.
    state = tmp_path / "/".join(["a-rather-long-name-of-a-folder"] * 6)
    monkeypatch.setenv("DEVCLOUD_STATE", str(state))
    profile = load_profile(profile_name)
    cloud = profile.cloud(cloud_name)
    configuration.write(cloud, load_passwords(profile)[cloud_name])
    for service, names in configuration.FILES.items():
        for name in names:
            text = (cloud.etc / service / name).read_text()
            assert "@{" not in text
            assert (cloud.etc / service / name).stat().st_mode & 0o077 == 0
            if name != "nfs_shares":
                configparser.RawConfigParser(strict=True).read_string(text)
                # The services see the short path only.
                assert str(state) not in text


def test_sockets_have_short_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEVCLOUD_STATE", str(tmp_path / ("x" * 200)))
    url = database.url(load_profile("fast").cloud("gov"), "nova", "secret")
    assert len(url.split("unix_socket=")[1]) < 100


def test_an_unknown_mark_is_an_error() -> None:
    with pytest.raises(DevcloudError, match="no value for"):
        render("keystone.conf", {})


def test_templates_hold_no_secret() -> None:
    for path in FOLDER.iterdir():
        for line in path.read_text().splitlines():
            key, _, value = line.partition("=")
            if key.strip() in (
                "password",
                "fixed_key",
                "default_pass",
                "metadata_proxy_shared_secret",
            ):
                assert value.strip().startswith("@{"), f"{path.name}: {line}"
