"""Keystone's part of the base: service user, services and endpoints.

``python -m devcloud.inside.catalogue HOME NAME=URL…``. Nova's services give up when they
cannot log in, so this comes before them.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import openstack

SERVICES = {
    "placement": ("placement", ""),
    "glance": ("image", ""),
    "nova": ("compute", "/v2.1"),
    "neutron": ("network", ""),
    "cinder": ("block-storage", "/v3"),
}


def service_password(home: Path) -> str:
    """Read the service user's password where the services read it."""
    text = (home / "etc" / "placement" / "placement.conf").read_text()
    return next(
        line.split(" = ")[1] for line in text.splitlines() if line.startswith("password = ")
    )


def make_catalogue(cloud: Any, home: Path, urls: dict[str, str], region: str) -> None:
    """Make the service project and user, the services and their endpoints."""
    identity = cloud.identity
    roles = {role.name: role for role in identity.roles()}
    for name in ("admin", "member", "reader", "service", "manager"):
        roles.setdefault(name, None)
        roles[name] = roles[name] or identity.create_role(name=name)
    project = identity.find_project("service") or identity.create_project(
        name="service", domain_id="default"
    )
    user = identity.find_user("service") or identity.create_user(
        name="service",
        password=service_password(home),
        domain_id="default",
        default_project_id=project.id,
    )
    for name in ("admin", "service"):
        identity.assign_project_role_to_user(project, user, roles[name])
    have = {service.type: service for service in identity.services()}
    known = {(endpoint.service_id, endpoint.interface) for endpoint in identity.endpoints()}
    for name, (kind, path) in SERVICES.items():
        service = have.get(kind) or identity.create_service(type=kind, name=name)
        for interface in ("public", "internal", "admin"):
            if (service.id, interface) not in known:
                identity.create_endpoint(
                    service_id=service.id,
                    interface=interface,
                    url=urls[name] + path,
                    region_id=region,
                )


def main() -> None:
    """See the module."""
    urls = dict(word.split("=", 1) for word in sys.argv[2:])
    region = os.environ["OS_CLOUD"]
    make_catalogue(openstack.connect(cloud=region), Path(sys.argv[1]), urls, region)


if __name__ == "__main__":
    main()
