"""Renders every configuration file of one cloud."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path

from devcloud import database
from devcloud.layout import APIS, Cloud
from devcloud.passwords import write_private
from devcloud.templating import render, render_to

# What belongs where; the templates carry the names of the files.
FILES = {
    "keystone": ("keystone.conf",),
    "placement": ("placement.conf",),
    "glance": ("glance-api.conf",),
    "nova": ("nova.conf",),
    "neutron": ("neutron.conf", "ml2_conf.ini", "metadata_agent.ini"),
    "cinder": ("cinder.conf", "nfs_shares"),
}
DATA_FOLDERS = (
    "lock",
    "glance/images",
    "glance/staging",
    "glance/tasks",
    "nova/instances",
    "nova/mnt",
    "neutron",
    "cinder/mnt",
    "cinder/nfs",
    "cinder/conversion",
    "cinder/coordination",
    "spool",
)
REAL = {
    "compute_driver": "libvirt.LibvirtDriver",
    "vif_fatal": "true",
    "vif_timeout": "60",
    "router_plugin": "ovn-router",
    "mechanism_driver": "ovn",
}
FAST = {
    "compute_driver": "diskfake.DiskFakeDriver",
    "vif_fatal": "false",
    "vif_timeout": "0",
    "router_plugin": "router",
    "mechanism_driver": "alwaysbind",
}


def values(cloud: Cloud, secrets: dict[str, str]) -> dict[str, str]:
    """Return what the templates' marks stand for."""
    result = {
        f"db_{name}": database.url(cloud, name, secrets["database"]) for name in database.NAMES
    }
    result["db_nova_cell1"] = result["db_nova"]
    result.update({f"{name}_url": cloud.url(name) for name in APIS})
    result.update(REAL if cloud.profile.is_real else FAST)
    result.update(
        region=cloud.name,
        host=cloud.host,
        volume_type=cloud.volume_type,
        service_password=secrets["service"],
        broker_password=secrets["broker"],
        metadata_secret=secrets["metadata"],
        volume_key=secrets["volume_key"],
        transport_url=f"rabbit://openstack:{secrets['broker']}@127.0.0.1:5672/",
        host_uuid=str(uuid.uuid5(uuid.NAMESPACE_URL, str(cloud.home))),
    )
    for fragment in ("authtoken", "client", "common"):
        result[fragment] = render(f"{fragment}.ini", result).rstrip()
    return result


def write(cloud: Cloud, secrets: dict[str, str]) -> None:
    """Write the cloud's configuration and make its folders."""
    for name in DATA_FOLDERS:
        (cloud.data / name).mkdir(parents=True, exist_ok=True)
    for path in (cloud.logs, cloud.home / "tmp", cloud.home / "bin"):
        path.mkdir(parents=True, exist_ok=True)
    marks = values(cloud, secrets)
    for service, names in FILES.items():
        _copy_released(cloud, service)
        for name in names:
            render_to(name, cloud.etc / service / name, marks)
    for repository in ("fernet", "credential"):
        for number in ("0", "1"):
            path = cloud.etc / "keystone" / repository / number
            if not path.exists():
                write_private(path, secrets[f"fernet_{number}"])
        path.parent.chmod(0o700)
    render_to("sudo", cloud.home / "bin" / "sudo", {}).chmod(0o755)
    node = cloud.data / "nova" / "compute_id"
    if not node.exists():
        # The fake driver never writes it, and without it a restart is refused.
        node.write_text(str(uuid.uuid5(uuid.NAMESPACE_URL, f"{cloud.home}/compute")))
    if cloud.profile.is_real:
        _write_libvirt(cloud, marks)


def _copy_released(cloud: Cloud, service: str) -> None:
    source = cloud.profile.venv / "etc" / service
    if not source.exists() or (cloud.etc / service / "copied").exists():
        (cloud.etc / service).mkdir(parents=True, exist_ok=True)
        return
    target = cloud.etc / service
    skipped = shutil.ignore_patterns("glance-*.conf")
    shutil.copytree(source, target, dirs_exist_ok=True, ignore=skipped)
    (target / "copied").touch()


def _write_libvirt(cloud: Cloud, marks: dict[str, str]) -> None:
    target = cloud.home / "ns" / "libvirt" / "etc"
    released = Path("/etc/libvirt")
    for name in ("nwfilter", "libvirt.conf"):
        source = released / name
        if source.is_dir():
            shutil.copytree(source, target / name, dirs_exist_ok=True)
        elif source.exists():
            shutil.copy(source, target / name)
    for name in ("libvirtd.conf", "qemu.conf"):
        render_to(name, target / name, marks)
