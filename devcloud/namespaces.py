"""One network and one mount namespace per cloud, kept by one holder process.

Nothing of the machine's own network or mounts changes: whatever a cloud needs under
/run, /sys, /usr/sbin or /var is mounted in its mount namespace only.
"""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from devcloud import processes
from devcloud.errors import DevcloudError
from devcloud.layout import INNER_HOME, Cloud
from devcloud.templating import render_to

CLONE_NEWNET = 0x40000000
READY = "ns/ready"


def holder(cloud: Cloud) -> int | None:
    """Return the process that keeps the cloud's namespaces, if it runs."""
    return processes.read_pid(cloud.pids / "holder")


def prefix(cloud: Cloud) -> list[str]:
    """Return the words that, put before a command, run it inside the namespaces."""
    pid = holder(cloud)
    if pid is None:
        raise DevcloudError(f"cloud {cloud.label} is down; start it with: python3 -m devcloud up")
    return ["nsenter", "-t", str(pid), "-n", "-m"]


def inside(cloud: Cloud, command: Sequence[str | Path]) -> list[str]:
    """Return ``command`` so that it runs inside, in the cloud's directory."""
    return [*prefix(cloud), f"--wdns={INNER_HOME}", "--", *(str(part) for part in command)]


def create(cloud: Cloud) -> None:
    """Make the namespaces unless they are there."""
    if holder(cloud):
        return
    scratch = cloud.home / "ns"
    for name in ("sbin", "libvirt/lib", "libvirt/etc", "libvirt/cache", "libvirt/log"):
        (scratch / name).mkdir(parents=True, exist_ok=True)
    (cloud.home / READY).unlink(missing_ok=True)
    database = cloud.profile.home / "database"
    database.mkdir(parents=True, exist_ok=True)
    values = {
        "home": str(cloud.home),
        "database": str(database),
        "real": "1" if cloud.profile.is_real else "",
    }
    script = render_to("namespace.sh", scratch / "setup.sh", values)
    render_to("mount.nfs", scratch / "sbin" / "mount.nfs", {}).chmod(0o755)
    command = ["unshare", "--net", "--mount", "--propagation", "slave", "/bin/sh", str(script)]
    log = cloud.logs / "namespace.log"
    processes.spawn(
        command, pid_file=cloud.pids / "holder", log=log, env=dict(os.environ), cwd=Path("/")
    )
    limit = time.monotonic() + 10
    while not (cloud.home / READY).exists():
        if time.monotonic() > limit or holder(cloud) is None:
            raise DevcloudError(f"{cloud.label}: its namespaces could not be made", log=log)
        time.sleep(0.02)


def occupants(cloud: Cloud) -> list[int]:
    """Return every process inside the cloud's mount namespaces, however it was started.

    A namespace is the cloud's when the cloud's directory is mounted in it at the short
    path; that needs no record of ours, so it also finds what a killed run left behind.
    """
    own = str(Path("/proc/self/ns/mnt").readlink())
    verdicts: dict[str, bool] = {own: False}
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            namespace = str((entry / "ns" / "mnt").readlink())
            if namespace not in verdicts:
                verdicts[namespace] = _is_home_mounted(entry, cloud.home)
        except OSError:
            continue
        if verdicts[namespace]:
            found.append(int(entry.name))
    return found


def _is_home_mounted(process: Path, home: Path) -> bool:
    wanted = home.stat()
    try:
        # Same device and inode: holds whatever file system the state directory is on.
        seen = (process / "root" / str(INNER_HOME).lstrip("/")).stat()
    except OSError:
        return False
    return (wanted.st_dev, wanted.st_ino) == (seen.st_dev, seen.st_ino)


def dissolve(cloud: Cloud) -> None:
    """End every process inside, the holder last; the kernel then drops mounts and links."""
    if not cloud.home.exists():
        return
    keeper = holder(cloud)
    everyone = [pid for pid in occupants(cloud) if pid != keeper]
    processes.end(everyone, grace=3.0)
    if keeper:
        processes.end([keeper], grace=0.2)
    (cloud.pids / "holder").unlink(missing_ok=True)


def answers(cloud: Cloud, port: int) -> bool:
    """Tell whether something inside listens on 127.0.0.1:``port``."""
    pid = holder(cloud)
    result: list[bool] = []

    def attempt() -> None:
        # setns() on a network namespace changes the calling thread only.
        libc = ctypes.CDLL(None, use_errno=True)
        with Path(f"/proc/{pid}/ns/net").open() as namespace:
            if libc.setns(namespace.fileno(), CLONE_NEWNET):
                return
        with socket.socket() as probe:
            probe.settimeout(1)
            result.append(probe.connect_ex(("127.0.0.1", port)) == 0)

    if pid is None:
        return False
    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()
    return bool(result and result[0])


def output(cloud: Cloud, command: Sequence[str | Path]) -> str:
    """Run a short command inside and return what it printed."""
    done = subprocess.run(inside(cloud, command), capture_output=True, text=True, check=False)
    if done.returncode:
        raise DevcloudError(
            f"{cloud.label}: {command[0]} failed: {(done.stderr or done.stdout).strip()[-500:]}"
        )
    return done.stdout
