"""Projects, users, quotas, keypairs, flavors and images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openstack


def connect_as(cloud: Any, name: str, password: str) -> Any:
    """Connect as a project's own user."""
    return openstack.connect(
        load_yaml_config=False,
        load_envvars=False,
        auth={
            "auth_url": cloud.config.config["auth"]["auth_url"],
            "username": name,
            "password": password,
            "project_name": name,
            "user_domain_name": "Default",
            "project_domain_name": "Default",
        },
        region_name=cloud.config.get_region_name(),
        identity_api_version="3",
    )


def make_projects(
    cloud: Any, items: list[dict[str, Any]], passwords: dict[str, str]
) -> dict[str, str]:
    """Make the projects with one user each; return their ids."""
    identity = cloud.identity
    roles = {role.name: role for role in identity.roles()}
    result = {}
    for item in items:
        name = item["name"]
        project = identity.find_project(name) or identity.create_project(
            name=name, description=item["description"], domain_id="default"
        )
        user = identity.find_user(name) or identity.create_user(
            name=name, password=passwords[name], domain_id="default", default_project_id=project.id
        )
        identity.assign_project_role_to_user(project, user, roles["member"])
        cloud.set_compute_quotas(project.id, **item["quotas"]["compute"])
        cloud.set_volume_quotas(project.id, **item["quotas"]["block_storage"])
        cloud.network.update_quota(project.id, **item["quotas"]["network"])
        result[name] = project.id
    return result


def make_keypair(own: Any, name: str) -> None:
    """Make a keypair that belongs to the user; nobody needs its private half."""
    if not any(item.name == name for item in own.compute.keypairs()):
        own.compute.create_keypair(name=name)


def make_flavors(cloud: Any, items: list[dict[str, Any]], projects: dict[str, str]) -> None:
    """Make the flavors; one with projects is private to them."""
    have = {flavor.name: flavor for flavor in cloud.compute.flavors(is_public=None)}
    for item in items:
        if item["name"] in have:
            continue
        private = item.get("projects", [])
        flavor = cloud.compute.create_flavor(
            name=item["name"],
            ram=item["ram"],
            vcpus=item["vcpus"],
            disk=item["disk"],
            is_public=not private,
        )
        for project in private:
            cloud.compute.flavor_add_tenant_access(flavor, projects[project])


def make_images(
    cloud: Any, items: list[dict[str, Any]], projects: dict[str, str], file: Path
) -> dict[str, str]:
    """Upload the guest image under each name; return the images' ids."""
    result = {}
    have = {(image.name, image.owner): image for image in cloud.image.images()}
    for item in items:
        owner = projects[item["project"]] if "project" in item else cloud.current_project_id
        image = have.get((item["name"], owner))
        if image is None:
            image = cloud.image.create_image(
                name=item["name"],
                owner=owner,
                visibility=item["visibility"],
                disk_format="qcow2",
                container_format="bare",
                filename=str(file),
                min_disk=1,
                **item.get("properties", {}),
            )
        result[item["name"]] = image.id
    return result
