"""What other programs may rely on: ``clouds.yaml`` and ``transfer.json``."""

from __future__ import annotations

import json

from devcloud import namespaces
from devcloud.environment import service_environment
from devcloud.layout import CLOUDS, Cloud, Profile
from devcloud.passwords import write_private


def _entry(cloud: Cloud, password: str) -> dict[str, object]:
    return {
        "auth_type": "password",
        "auth": {
            "auth_url": f"{cloud.url('keystone')}/v3",
            "username": "admin",
            "password": password,
            "project_name": "admin",
            "user_domain_name": "Default",
            "project_domain_name": "Default",
        },
        "region_name": cloud.name,
        "identity_api_version": 3,
    }


def write_clouds(profile: Profile, passwords: dict[str, dict[str, str]]) -> None:
    """Write ``clouds.yaml``; JSON is YAML too, and this tool has no other writer."""
    clouds = {name: _entry(profile.cloud(name), passwords[name]["admin"]) for name in CLOUDS}
    write_private(profile.clouds_yaml, json.dumps({"clouds": clouds}, indent=1) + "\n")


def write_transfer(profile: Profile) -> None:
    """Write how to run a command inside each cloud that is up."""
    entries = {}
    for name in CLOUDS:
        cloud = profile.cloud(name)
        if namespaces.holder(cloud):
            entries[name] = {
                # os-brick calls "sudo" and privsep-helper: both must be found first.
                "command": [
                    *namespaces.prefix(cloud),
                    "--",
                    "env",
                    f"PATH={service_environment(cloud)['PATH']}",
                ],
                "python": str(profile.python),
                "spool": str(cloud.data / "spool"),
            }
    write_private(profile.home / "transfer.json", json.dumps(entries, indent=1) + "\n")
