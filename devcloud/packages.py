"""What is installed: Debian packages, and OpenStack in a virtual environment."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from devcloud import processes
from devcloud.errors import DevcloudError
from devcloud.layout import PACKAGE, Profile
from devcloud.progress import Progress

COMMON = (
    "rabbitmq-server",
    "mariadb-server",
    "qemu-utils",
    "iproute2",
    "util-linux",
    "procps",
    # built from source: uWSGI and libvirt-python, which must equal Debian's libvirt
    "gcc",
    "pkg-config",
    "python3-dev",
    "python3-venv",
    "libvirt-dev",
    # the guest image
    "busybox-static",
    "cpio",
    "xz-utils",
    "syslinux",
    "syslinux-common",
    "mtools",
    "fdisk",
    "e2fsprogs",
)
REAL = (
    "openvswitch-switch",
    "ovn-central",
    "ovn-host",
    "qemu-system-x86",
    "libvirt-daemon-system",
    "libvirt-daemon-driver-qemu",
    "libvirt-clients",
    "haproxy",
    "ethtool",
    "genisoimage",
    "nftables",
    "iptables",
    "iputils-ping",
)
POLICY = Path("/usr/sbin/policy-rc.d")
INTERPRETER = "/usr/bin/python3.11"


def missing(names: list[str]) -> list[str]:
    """Return the Debian packages that are not installed."""
    words = ["dpkg-query", "-W", "-f=${Package} ${db:Status-Status}\n", *names]
    listed = subprocess.run(words, capture_output=True, text=True, check=False).stdout.split("\n")
    have = {line.split()[0] for line in listed if line.endswith(" installed")}
    return [name for name in names if name not in have]


@contextlib.contextmanager
def _no_service_starts() -> Iterator[None]:
    # Debian starts services when they are installed, unless this file says no.
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()


def _install_debian(profile: Profile, log: Path, progress: Progress) -> None:
    wanted = missing([*COMMON, *(REAL if profile.is_real else ())])
    if not wanted:
        return
    env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    with progress.step(f"Debian packages: {' '.join(wanted)}"), _no_service_starts():
        processes.run(["apt-get", "update", "-q"], log=log, env=env, what="apt-get update")
        words = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *wanted]
        processes.run(words, log=log, env=env, what="apt-get install")


def _digest() -> str:
    parts = [(PACKAGE / name).read_bytes() for name in ("requirements.lock", "uv.lock")]
    return hashlib.sha256(b"".join(parts)).hexdigest()


def _install_openstack(profile: Profile, log: Path, progress: Progress) -> None:
    done = profile.venv / "devcloud-installed"
    if done.exists() and done.read_text() == _digest():
        return
    env = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    env["UV_CACHE_DIR"] = str(profile.cache / "uv")
    python = profile.python
    with progress.step("OpenStack packages"):
        if not python.exists():
            processes.run(
                [INTERPRETER, "-m", "venv", profile.venv], log=log, env=env, what="python3 -m venv"
            )
        words: list[str | Path] = [
            python,
            "-m",
            "pip",
            "install",
            "-q",
            "--require-hashes",
            "-r",
            PACKAGE / "uv.lock",
        ]
        processes.run(words, log=log, env=env, what="pip install uv")
        words = [
            profile.venv / "bin" / "uv",
            "pip",
            "install",
            "--python",
            python,
            "--require-hashes",
        ]
        words += ["--compile-bytecode", "-r", PACKAGE / "requirements.lock"]
        processes.run(words, log=log, env=env, what="uv pip install")
    done.write_text(_digest())


def install(profile: Profile, progress: Progress) -> None:
    """Install what is missing; quick when nothing is."""
    if not Path(INTERPRETER).exists():
        raise DevcloudError(f"{INTERPRETER} is missing: devcloud runs on Debian 12")
    profile.state.mkdir(parents=True, exist_ok=True)
    log = profile.state / "install.log"
    _install_debian(profile, log, progress)
    _install_openstack(profile, log, progress)
