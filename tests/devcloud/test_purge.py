"""``down --purge`` leaves the machine as it was before ``up``."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from devcloud.layout import REPOSITORY

WATCHED = ("/etc", "/run", "/tmp", "/root", "/var/lib", "/var/log", "/usr/sbin", "/usr/local")
IGNORED = ("/var/lib/apt", "/run/sudo")
# Others write to these two meanwhile: only what our services would leave there counts.
SHARED = ("/tmp", "/root")
OURS = re.compile(
    "rabbit|erl|epmd|mysql|maria|nova|neutron|cinder|glance|keystone|placement|ovs|ovn|libvirt|qemu"
    "|uwsgi|devcloud"
)
pytestmark = [
    pytest.mark.devcloud,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
    # one after the other, beside tests that touch nothing of the machine
    pytest.mark.xdist_group("purge"),
]

Machine = dict[str, object]


def _ip(*words: str) -> list[dict[str, object]]:
    text = subprocess.run(["ip", "-j", *words], capture_output=True, text=True, check=True).stdout
    found: list[dict[str, object]] = json.loads(text or "[]")
    return found


def _network_and_mounts() -> Machine:
    return {
        "mounts": [
            line.split()[3:5] for line in Path("/proc/1/mountinfo").read_text().splitlines()
        ],
        "addresses": [(link["ifname"], link.get("addr_info")) for link in _ip("addr")],
        "routes": _ip("route"),
        "namespaces": subprocess.run(
            ["ip", "netns"], capture_output=True, text=True, check=True
        ).stdout,
    }


def _files() -> set[str]:
    found = set()
    for top in WATCHED:
        for folder, _, names in os.walk(top):
            found |= {str(Path(folder) / name) for name in names}
            found.add(folder)
    return {path for path in found if _counts(path)}


def _counts(path: str) -> bool:
    if path.startswith(SHARED):
        top = "/".join(path.split("/")[:3])
        return not top.startswith("/tmp/pytest-") and bool(OURS.search(top))
    return not path.startswith(IGNORED)


def _processes(state: Path) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
        except (OSError, ValueError):
            continue
        if entry.name.isdigit() and int(entry.name) != os.getpid() and str(state).encode() in words:
            found.append(entry.name)
    return found


def _devcloud(state: Path, profile: str, *words: str) -> None:
    env = os.environ | {
        "DEVCLOUD_STATE": str(state),
        "DEVCLOUD_PORT_BASE": "23500",
        "DEVCLOUD_PROFILE": profile,
    }
    done = subprocess.run(
        [sys.executable, "-m", "devcloud", *words],
        cwd=REPOSITORY,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(params=["fast", "real"])
def profile(request: pytest.FixtureRequest) -> str:
    """Both profiles: the real one brings Open vSwitch, OVN and libvirt with it."""
    name: str = request.param
    return name


@pytest.fixture
def state(tmp_path: Path, profile: str) -> Iterator[Path]:
    """A state directory with a long path that borrows packages and cache of the default one."""
    path = tmp_path / "/".join(["a-rather-long-name-of-a-folder"] * 5)
    path.mkdir(parents=True)
    default = REPOSITORY / "var" / "devcloud"
    for name in ("venv", "cache"):
        if (default / name).exists():
            (path / name).symlink_to(default / name)
    yield path
    _devcloud(path, profile, "down", "--purge")


def test_purge_leaves_the_machine_as_it_was(state: Path, profile: str) -> None:
    _devcloud(state, profile, "install")
    before, files = _network_and_mounts(), _files()
    _devcloud(state, profile, "up", "legacy")
    assert _network_and_mounts() == before
    _devcloud(state, profile, "exec", "legacy", "--", "test", "-x", "/usr/sbin/mount.nfs")
    if profile == "fast":  # that a stopped cloud comes back is the same code for both
        _devcloud(state, profile, "down")
        _devcloud(state, profile, "up", "legacy")
    _devcloud(state, profile, "down", "--purge")
    assert _network_and_mounts() == before
    assert _files() - files == set()
    assert files - _files() == set()
    assert not (state / profile).exists()
    assert _processes(state) == []
