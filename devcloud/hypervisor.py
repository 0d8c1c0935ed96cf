"""libvirtd inside a cloud's namespaces, and its guests' end."""

from __future__ import annotations

import time
from pathlib import Path

from devcloud import namespaces, processes
from devcloud.environment import service_environment
from devcloud.errors import DevcloudError
from devcloud.layout import Cloud

SOCKET = "/run/libvirt/libvirt-sock"


def start(cloud: Cloud) -> None:
    """Start libvirtd unless it runs."""
    if processes.read_pid(cloud.pids / "libvirtd"):
        return
    command = ["libvirtd", "-f", "/etc/libvirt/libvirtd.conf", "-p", "/run/libvirt/libvirtd.pid"]
    processes.spawn(
        namespaces.inside(cloud, command),
        pid_file=cloud.pids / "libvirtd",
        log=cloud.logs / "libvirtd.out",
        env=service_environment(cloud),
    )


def wait(cloud: Cloud, seconds: float = 30) -> None:
    """Wait until libvirtd listens."""
    keeper = namespaces.holder(cloud)
    limit = time.monotonic() + seconds
    while not _listens(keeper):
        if time.monotonic() > limit or not processes.read_pid(cloud.pids / "libvirtd"):
            raise DevcloudError(
                f"{cloud.label}: libvirtd did not start", log=cloud.logs / "libvirtd.log"
            )
        time.sleep(0.1)


def _listens(keeper: int | None) -> bool:
    try:
        with Path(f"/proc/{keeper}/net/unix").open() as sockets:
            return any(line.rstrip().endswith(SOCKET) for line in sockets)
    except OSError:
        return False


def shut_down_guests(cloud: Cloud, seconds: float = 8) -> None:
    """Ask every guest to power off, so that its file systems are clean; do not insist."""
    if not processes.read_pid(cloud.pids / "libvirtd"):
        return
    virsh = ["virsh", "-q", "-c", "qemu:///system"]
    names = namespaces.output(cloud, [*virsh, "list", "--name"]).split()
    for name in names:
        namespaces.output(
            cloud, ["sh", "-c", f"virsh -q -c qemu:///system shutdown {name} || true"]
        )
    limit = time.monotonic() + seconds
    while names and time.monotonic() < limit:
        time.sleep(0.3)
        names = namespaces.output(cloud, [*virsh, "list", "--name"]).split()
