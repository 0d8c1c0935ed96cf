"""The environment of a cloud's services."""

from __future__ import annotations

import os

from devcloud.layout import INNER_HOME, PACKAGE, Cloud

ETC = INNER_HOME / "etc"
DROPPED = (
    "http_proxy",
    "https_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "PYTHONDONTWRITEBYTECODE",
)


def service_environment(cloud: Cloud) -> dict[str, str]:
    """Return what every process inside a cloud gets; nothing secret."""
    env = {
        key: value
        for key, value in os.environ.items()
        if key not in DROPPED and not key.startswith("OS_")
    }
    env.update(
        PATH=f"{INNER_HOME}/bin:{cloud.profile.venv}/bin:/usr/sbin:/sbin:/usr/bin:/bin",
        PYTHONPATH=str(PACKAGE / "drivers"),
        PYTHONWARNINGS="ignore",
        HOME=str(INNER_HOME / "tmp"),
        TMPDIR=str(INNER_HOME / "tmp"),
        LANG="C.UTF-8",
        no_proxy="*",
        OS_NOVA_CONFIG_DIR=str(ETC / "nova"),
        OS_GLANCE_CONFIG_DIR=str(ETC / "glance"),
        OS_KEYSTONE_CONFIG_DIR=str(ETC / "keystone"),
        OS_PLACEMENT_CONFIG_DIR=str(ETC / "placement"),
        OS_NEUTRON_CONFIG_DIR=str(ETC / "neutron"),
        OS_NEUTRON_CONFIG_FILES="neutron.conf;ml2_conf.ini",
    )
    return env


def client_environment(cloud: Cloud) -> dict[str, str]:
    """Return the environment of a command that talks to the cloud as its administrator."""
    env = service_environment(cloud)
    env.update(
        OS_CLIENT_CONFIG_FILE=str(cloud.profile.clouds_yaml),
        OS_CLOUD=cloud.name,
        PYTHONPATH=str(PACKAGE.parent),
        PYTHONDONTWRITEBYTECODE="1",
        HOME=os.environ.get("HOME", "/root"),
    )
    env.pop("TMPDIR")
    return env
