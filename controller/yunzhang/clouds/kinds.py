"""Every kind of thing a cloud's APIs know, and how each is listed: the table a dump is made from.

Left out, because they are logs or follow from the rest: server actions and migrations, image
tasks, volume messages, network address availability, image metadata definitions, statistics.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from yunzhang.clouds.reading import PAGE, Json

Identity = Callable[[Json], str]


@dataclass(frozen=True)
class Listing:
    """One kind and the call that lists it.

    `path` and `params` may name fields of a parent in braces; `of` then is the parent's kind and
    `when` picks the parents that have such things. `key` is where the items stand in the answer:
    a list, one object, or, when empty, the answer itself; `inner` is where the item stands in its
    entry. Items that are values under their names get the name in the field `keyed`. `identity` is
    the field that names an item, behind its parent's name when there is one;
    empty: there is one for each parent.
    """

    kind: str
    service: str
    path: str
    key: str = ""
    params: dict[str, str | int] = field(default_factory=dict)
    identity: str | Identity = "id"
    inner: str = ""
    keyed: str = ""
    of: str = ""
    when: Callable[[Json], bool] = lambda _parent: True
    optional: bool = False  # an extension or a newer interface: its absence means none
    by_offset: bool = False  # pages are asked by offset, the answer has no links


def _assignment(item: Json) -> str:
    who = "user:" + item["user"]["id"] if "user" in item else "group:" + item["group"]["id"]
    scope = item["scope"]
    where = next(
        f"{kind}:{scope[kind]['id']}" if kind != "system" else "system"
        for kind in ("project", "domain", "system")
        if kind in scope
    )
    inherited = "/inherited" if scope.get("OS-INHERIT:inherited_to") else ""
    return f"{item['role']['id']}/{who}/{where}{inherited}"


ALL = {"all_tenants": 1, "limit": PAGE}


def _identity(kind: str, path: str, key: str, **more: object) -> Listing:
    return Listing(kind, "identity", path, key, **more)  # type: ignore[arg-type]


def _compute(kind: str, path: str, key: str, **more: object) -> Listing:
    return Listing(kind, "compute", path, key, **more)  # type: ignore[arg-type]


def _network(kind: str, key: str, *, optional: bool = False, path: str = "") -> Listing:
    path = path or "/" + key.replace("_", "-")
    return Listing(kind, "network", path, key, {"limit": PAGE}, optional=optional)


def _volume(kind: str, path: str, key: str, **more: object) -> Listing:
    return Listing(kind, "block_storage", path, key, **more)  # type: ignore[arg-type]


def _private(item: Json) -> bool:
    return item.get("os-flavor-access:is_public") is False or item.get("is_public") is False


IDENTITY = (
    _identity("region", "/regions", "regions"),
    _identity("service", "/services", "services"),
    _identity("endpoint", "/endpoints", "endpoints"),
    _identity("domain", "/domains", "domains"),
    _identity("project", "/projects", "projects"),
    _identity("role", "/roles", "roles"),
    _identity("role_assignment", "/role_assignments", "role_assignments", identity=_assignment),
    _identity(
        "implied_role",
        "/role_inferences",
        "role_inferences",
        identity=lambda item: str(item["prior_role"]["id"]),
    ),
    _identity("credential", "/credentials", "credentials"),
    _identity("limit", "/limits", "limits"),
    _identity("registered_limit", "/registered_limits", "registered_limits"),
    _identity("trust", "/OS-TRUST/trusts", "trusts", optional=True),
    # by domain, since a domain with its own directory is not in the general list
    _identity("user", "/users", "users", params={"domain_id": "{id}"}, of="domain"),
    _identity("group", "/groups", "groups", params={"domain_id": "{id}"}, of="domain"),
    _identity("group_member", "/groups/{id}/users", "users", of="group"),
    _identity(
        "application_credential",
        "/users/{id}/application_credentials",
        "application_credentials",
        of="user",
        optional=True,
    ),
)

COMPUTE = (
    _compute("server", "/servers/detail", "servers", params=ALL),
    _compute("flavor", "/flavors/detail", "flavors", params={"is_public": "None", "limit": PAGE}),
    _compute(
        "server_group",
        "/os-server-groups",
        "server_groups",
        params={"all_projects": "true", "limit": PAGE},
        by_offset=True,
    ),
    _compute("aggregate", "/os-aggregates", "aggregates"),
    _compute("compute_zone", "/os-availability-zone", "availabilityZoneInfo", identity="zoneName"),
    _compute("compute_service", "/os-services", "services"),
    # without details: those are statistics
    _compute("hypervisor", "/os-hypervisors", "hypervisors"),
    _compute("compute_quota_class", "/os-quota-class-sets/default", "quota_class_set"),
    _compute("compute_quota", "/os-quota-sets/{id}", "quota_set", of="project", identity=""),
    _compute(
        "flavor_access",
        "/flavors/{id}/os-flavor-access",
        "flavor_access",
        of="flavor",
        when=_private,
        identity="tenant_id",
    ),
    _compute(
        "keypair",
        "/os-keypairs",
        "keypairs",
        params={"user_id": "{id}", "limit": PAGE},
        of="user",
        inner="keypair",
        identity="name",
    ),
    _compute(
        "server_interface",
        "/servers/{id}/os-interface",
        "interfaceAttachments",
        of="server",
        identity="port_id",
    ),
    _compute(
        "server_volume",
        "/servers/{id}/os-volume_attachments",
        "volumeAttachments",
        of="server",
        identity="volumeId",
    ),
)

NETWORK = (
    # Neutron makes a project's default group when groups are listed: groups before their rules
    _network("security_group", "security_groups"),
    _network("network", "networks"),
    _network("subnet", "subnets"),
    _network("port", "ports"),
    _network("router", "routers"),
    _network("floating_ip", "floatingips"),
    _network("security_group_rule", "security_group_rules"),
    _network("subnet_pool", "subnetpools"),
    _network("address_scope", "address_scopes", optional=True),
    _network("address_group", "address_groups", optional=True),
    _network("rbac_policy", "rbac_policies", optional=True),
    _network("network_agent", "agents", optional=True),
    _network("network_zone", "availability_zones", optional=True),
    _network("trunk", "trunks", optional=True),
    _network("segment", "segments", optional=True),
    _network("qos_policy", "policies", path="/qos/policies", optional=True),
    _network("metering_label", "metering_labels", optional=True),
    _network("default_group_rule", "default_security_group_rules", optional=True),
    Listing(
        "port_forwarding",
        "network",
        "/floatingips/{id}/port_forwardings",
        "port_forwardings",
        of="floating_ip",
        optional=True,
    ),
    # the effective limits of each project, and which projects have limits of their own
    Listing("network_quota", "network", "/quotas/{id}", "quota", of="project", identity=""),
    Listing("network_quota_row", "network", "/quotas", "quotas", identity="project_id"),
)

IMAGE = (
    Listing("image", "image", "/images", "images", {"visibility": "all", "limit": PAGE}),
    Listing(
        "hidden_image",
        "image",
        "/images",
        "images",
        {"visibility": "all", "os_hidden": "true", "limit": PAGE},
    ),
    Listing(
        "image_member",
        "image",
        "/images/{id}/members",
        "members",
        of="image",
        when=lambda image: image["visibility"] == "shared",
        identity="member_id",
    ),
)

VOLUME = (
    _volume("volume", "/volumes/detail", "volumes", params=ALL),
    _volume("snapshot", "/snapshots/detail", "snapshots", params=ALL),
    _volume("backup", "/backups/detail", "backups", params=ALL, optional=True),
    _volume("volume_type", "/types", "volume_types", params={"is_public": "None"}),
    _volume("volume_attachment", "/attachments/detail", "attachments", params=ALL),
    _volume(
        "volume_transfer",
        "/volume-transfers/detail",
        "transfers",
        params={"all_tenants": 1},
        optional=True,
    ),
    _volume("volume_group", "/groups/detail", "groups", params={"all_tenants": 1}),
    _volume(
        "group_snapshot", "/group_snapshots/detail", "group_snapshots", params={"all_tenants": 1}
    ),
    _volume("group_type", "/group_types", "group_types", params={"is_public": "None"}),
    _volume("volume_qos", "/qos-specs", "qos_specs"),
    _volume(
        "volume_service",
        "/os-services",
        "services",
        identity=lambda item: f"{item['binary']}@{item['host']}",
    ),
    _volume("volume_default_type", "/default-types", "default_types", identity="project_id"),
    _volume("volume_quota_class", "/os-quota-class-sets/default", "quota_class_set"),
    # with what is in use: a leaked reservation takes capacity from the project
    _volume(
        "volume_quota",
        "/os-quota-sets/{id}",
        "quota_set",
        params={"usage": "true"},
        of="project",
        identity="",
    ),
    _volume(
        "volume_type_access",
        "/types/{id}/os-volume-type-access",
        "volume_type_access",
        of="volume_type",
        when=_private,
        identity="project_id",
    ),
    _volume("volume_type_encryption", "/types/{id}/encryption", "", of="volume_type", identity=""),
)

PLACEMENT = (
    Listing("provider", "placement", "/resource_providers", "resource_providers", identity="uuid"),
    Listing(
        "provider_inventory",
        "placement",
        "/resource_providers/{uuid}/inventories",
        "inventories",
        of="provider",
        keyed="resource_class",
        identity="resource_class",
    ),
    Listing(
        "provider_allocation",
        "placement",
        "/resource_providers/{uuid}/allocations",
        "allocations",
        of="provider",
        keyed="consumer",
        identity="consumer",
    ),
    Listing(
        "provider_trait",
        "placement",
        "/resource_providers/{uuid}/traits",
        of="provider",
        identity="",
    ),
    Listing(
        "provider_aggregate",
        "placement",
        "/resource_providers/{uuid}/aggregates",
        of="provider",
        identity="",
    ),
)

LISTINGS: tuple[Listing, ...] = (*NETWORK, *IDENTITY, *COMPUTE, *IMAGE, *VOLUME, *PLACEMENT)
