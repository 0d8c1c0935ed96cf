"""``python -m devcloud.inside.seeding HOME IMAGE PROFILE``: fills the cloud named by OS_CLOUD."""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import openstack
import yaml

from devcloud.inside.seeding import accounts, networks, payload, servers
from devcloud.layout import PACKAGE
from devcloud.passwords import write_private

START = time.monotonic()


def say(text: str) -> None:
    """Print a progress line."""
    print(f"[{time.monotonic() - START:6.1f}s] {text}", flush=True)


def load_secrets(home: Path, names: list[str]) -> dict[str, str]:
    """Return the project users' passwords; make those that are missing."""
    path = home / "seed-secrets.json"
    known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    for name in names:
        known.setdefault(name, secrets.token_urlsafe(18))
    write_private(path, json.dumps(known, indent=1) + "\n")
    return known


def main() -> None:
    """See the module."""
    home, image, profile = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    content = yaml.safe_load((PACKAGE / "seed" / "demo.yml").read_text())
    cloud = openstack.connect(cloud=os.environ["OS_CLOUD"])
    names = [project["name"] for project in content["projects"]]
    passwords = load_secrets(home, names)
    projects = accounts.make_projects(cloud, content["projects"], passwords)
    say(f"projects: {', '.join(projects)}")
    accounts.make_flavors(cloud, content["flavors"], projects)
    images = accounts.make_images(cloud, content["images"], projects, image)
    say(f"images: {', '.join(images)}")
    made: list[servers.Placed] = []
    with ThreadPoolExecutor(2) as pool:
        futures = [
            pool.submit(
                _fill_project, cloud, item, passwords[item["name"]], images["devcloud-guest"]
            )
            for item in content["projects"]
        ]
        for future in futures:
            made += future.result()
    _finish(cloud, made, profile)


def _fill_project(
    cloud: Any, item: dict[str, Any], password: str, image_id: str
) -> list[servers.Placed]:
    own = accounts.connect_as(cloud, item["name"], password)
    accounts.make_keypair(own, item["keypair"])
    groups = networks.make_groups(own, item["security_groups"])
    subnets = networks.make_networks(own, item["networks"])
    say(f"{item['name']}: networks and groups")
    return servers.make(own, item, image_id, groups, subnets, say)


def _finish(cloud: Any, made: list[servers.Placed], profile: str) -> None:
    new = [item for item in made if item.is_new]
    if profile == "real":
        servers.wait_ready(cloud, made, say)
        payload.write_in_guests(new, say)
    else:
        payload.write_by_attaching(cloud, new, say)
    say(f"{len(made)} servers, {len(new)} of them new")


if __name__ == "__main__":
    main()
