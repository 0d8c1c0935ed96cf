"""Builds the guest image without mounting anything and without loop devices.

Partition 1 is FAT with syslinux, kernel and initramfs (written by mtools), partition 2 is
ext4 (filled by ``mke2fs -d``); both are made as files and copied into the disk.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

from devcloud import processes
from devcloud.errors import DevcloudError
from devcloud.progress import Progress

MIB = 1 << 20
FAT_MIB, ROOT_MIB = 32, 191
PAYLOAD_BYTES = 4 * MIB
LABEL = "devcloud-root"
SOURCES = ("init", "console.sh", "udhcpc.sh", "syslinux.cfg", "recipe.py")
# In the order in which they must be inserted.
MODULES = (
    "drivers/virtio/virtio_ring.ko",
    "drivers/virtio/virtio.ko",
    "drivers/virtio/virtio_pci_modern_dev.ko",
    "drivers/virtio/virtio_pci_legacy_dev.ko",
    "drivers/virtio/virtio_pci.ko",
    "net/core/failover.ko",
    "drivers/net/net_failover.ko",
    "drivers/net/virtio_net.ko",
    "drivers/block/virtio_blk.ko",
    "drivers/input/evdev.ko",
    "drivers/acpi/button.ko",
)


def image(cache: Path, sources: Path, progress: Progress) -> Path:
    """Return the image, built when there is none of the present recipe."""
    digest = hashlib.sha256(
        b"".join((sources / name).read_bytes() for name in SOURCES)
    ).hexdigest()[:12]
    target = cache / f"devcloud-guest-{digest}.qcow2"
    if target.exists():
        return target
    work = cache / f"guest-build-{os.getpid()}"
    work.mkdir(parents=True)
    log = cache / "guest-build.log"
    try:
        with progress.step("guest image"):
            disk = _disk(cache, sources, work, log)
            processes.run(
                ["qemu-img", "convert", "-c", "-O", "qcow2", disk, work / "new.qcow2"], log=log
            )
            (work / "new.qcow2").replace(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return target


def _kernel(cache: Path, work: Path, log: Path) -> tuple[Path, Path]:
    """Unpack Debian's cloud kernel; return the kernel and its modules' folder."""
    packages = sorted(cache.glob("linux-image-*-cloud-amd64_*.deb"))
    if not packages:
        text = subprocess.run(
            ["apt-cache", "depends", "linux-image-cloud-amd64"],
            capture_output=True,
            text=True,
            check=False,
        ).stdout
        found = re.search(r"Depends: (linux-image-\S+-cloud-amd64)", text)
        if not found:
            raise DevcloudError("apt knows no cloud kernel; run: apt-get update")
        processes.run(
            ["apt-get", "download", "-q", found.group(1)],
            log=log,
            cwd=cache,
            what="download of the kernel",
        )
        packages = sorted(cache.glob("linux-image-*-cloud-amd64_*.deb"))
    processes.run(["dpkg-deb", "-x", packages[-1], work / "kernel"], log=log)
    kernel = next((work / "kernel" / "boot").glob("vmlinuz-*"))
    return kernel, work / "kernel" / "lib" / "modules" / kernel.name.removeprefix(
        "vmlinuz-"
    ) / "kernel"


def _initramfs(sources: Path, modules: Path, work: Path, log: Path) -> Path:
    tree = work / "initramfs"
    for name in ("bin", "etc", "proc", "sys", "dev", "tmp", "lib/modules"):
        (tree / name).mkdir(parents=True)
    shutil.copy("/bin/busybox", tree / "bin" / "busybox")
    for name in ("init", "console.sh", "udhcpc.sh"):
        place = tree / ("" if name == "init" else "etc") / name
        shutil.copy(sources / name, place)
        place.chmod(0o755)
    for number, name in enumerate(MODULES):
        shutil.copy(modules / name, tree / "lib" / "modules" / f"{number:02}-{Path(name).name}")
    target = work / "initrd.gz"
    script = f"cd '{tree}' && find . | cpio -o -H newc --quiet -R 0:0 | gzip -9 > '{target}'"
    processes.run(["sh", "-c", script], log=log, what="initramfs")
    return target


def _boot_partition(sources: Path, kernel: Path, initramfs: Path, work: Path, log: Path) -> Path:
    target = work / "boot.fat"
    with target.open("wb") as stream:
        stream.truncate(FAT_MIB * MIB)
    # mformat writes the number of hidden sectors, by which the boot sector finds itself.
    words: list[str | Path] = [
        "mformat",
        "-i",
        target,
        "-H",
        "2048",
        "-h",
        "255",
        "-s",
        "63",
        "-T",
        str(FAT_MIB * 2048),
        "::",
    ]
    processes.run(words, log=log)
    files = (
        (kernel, "vmlinuz"),
        (initramfs, "initrd.gz"),
        (sources / "syslinux.cfg", "syslinux.cfg"),
    )
    for source, name in files:
        processes.run(["mcopy", "-i", target, source, f"::{name}"], log=log)
    env = os.environ | {"MTOOLS_SKIP_CHECK": "1"}
    processes.run(["syslinux", "--install", target], log=log, env=env)
    return target


def _root_partition(work: Path, log: Path) -> Path:
    tree, target = work / "root", work / "root.ext4"
    (tree / "data").mkdir(parents=True)
    payload = os.urandom(PAYLOAD_BYTES)
    (tree / "payload.bin").write_bytes(payload)
    (tree / "payload.sha256").write_text(f"{hashlib.sha256(payload).hexdigest()}  payload.bin\n")
    words: list[str | Path] = [
        "mke2fs",
        "-q",
        "-t",
        "ext4",
        "-L",
        LABEL,
        "-d",
        tree,
        "-E",
        "root_owner=0:0",
        target,
        f"{ROOT_MIB}m",
    ]
    processes.run(words, log=log)
    return target


def _disk(cache: Path, sources: Path, work: Path, log: Path) -> Path:
    kernel, modules = _kernel(cache, work, log)
    initramfs = _initramfs(sources, modules, work, log)
    boot = _boot_partition(sources, kernel, initramfs, work, log)
    root = _root_partition(work, log)
    disk = work / "disk.raw"
    with disk.open("wb") as stream:
        stream.truncate((1 + FAT_MIB + ROOT_MIB) * MIB)
    first = f"start=1MiB, size={FAT_MIB}MiB, type=c, bootable"
    table = f"label: dos\n{first}\nstart={1 + FAT_MIB}MiB, type=83\n"
    subprocess.run(["sfdisk", "-q", str(disk)], input=table, text=True, check=True)
    with disk.open("r+b") as stream:
        stream.write(Path("/usr/lib/syslinux/mbr/mbr.bin").read_bytes()[:440])
        for part, offset in ((boot, 1), (root, 1 + FAT_MIB)):
            stream.seek(offset * MIB)
            with part.open("rb") as source:
                shutil.copyfileobj(source, stream, MIB)
    return disk
