"""Something of every kind in the source cloud, and a change to everything that can be changed."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from yunzhang.clouds import marks
from yunzhang.clouds.connection import connect

CLOUD = "legacy"
MARK = "reader-plan"
Undo = Callable[[], object]


class Plants:
    """Made by `make`, altered by `alter`, taken away by `close`; all named after one word."""

    def __init__(self) -> None:
        self.word = f"reader-{secrets.token_hex(3)}"
        self.cloud: Any = connect(CLOUD)
        self.inside: Any = None
        self.project = ""
        self.ids: dict[str, str] = {}
        self._undo = ExitStack()

    def close(self) -> None:
        """Remove everything, last made first."""
        self._undo.close()

    def call(self, service: str, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """A raw call as administrator, inside the project once there is one."""
        proxy = getattr(self.inside or self.cloud, service)
        answer = proxy.request(path, method, json=body, raise_exc=True, **more)
        return answer.json() if answer.content else {}

    def _made(self, kind: str, service: str, path: str, key: str, body: Any, **more: Any) -> str:
        """Create with POST, remember, and delete at the end."""
        made = self.call(service, "POST", path, {key: body}, **more)[key]
        self.ids[kind] = str(made["id"])
        self._later(service, "DELETE", f"{path}/{made['id']}")
        return self.ids[kind]

    def _later(self, service: str, method: str, path: str, body: Any = None, **more: Any) -> None:
        self._undo.callback(lambda: self.call(service, method, path, body, **more))

    def _put(self, service: str, path: str, body: Any = None) -> None:
        self.call(service, "PUT", path, body)

    def make(self) -> None:
        """One thing of each kind."""
        self._make_identity()
        self._make_network()
        self._make_image_and_volumes()
        self._make_server()

    def _make_identity(self) -> None:
        word, ids = self.word, self.ids
        tags = marks.tags(MARK, "reader/project")
        self.project = self._made(
            "project", "identity", "/projects", "project", {"name": word, "tags": tags}
        )
        user = self._made(
            "user", "identity", "/users", "user", {"name": word, "password": secrets.token_hex()}
        )
        self._made("group", "identity", "/groups", "group", {"name": word})
        self._put("identity", f"/groups/{ids['group']}/users/{user}")
        roles = {role.name: role.id for role in self.cloud.identity.roles()}
        me = self.cloud.current_user_id
        for who, role in ((user, "member"), (me, "admin")):
            self._put("identity", f"/projects/{self.project}/users/{who}/roles/{roles[role]}")
        self._made("region", "identity", "/regions", "region", {"description": word})
        self._made("role", "identity", "/roles", "role", {"name": word})
        self._made(
            "credential",
            "identity",
            "/credentials",
            "credential",
            {"user_id": user, "type": "totp", "blob": word},
        )
        self.inside = connect(CLOUD, project=self.project)

    def _make_network(self) -> None:
        word, ids, project = self.word, self.ids, {"project_id": self.project}

        def made(kind: str, plural: str, **body: Any) -> str:
            path = "/" + plural.replace("_", "-")
            return self._made(kind, "network", path, kind, {"name": word, **project, **body})

        # comes by itself and, unlike everything else, does not go with the project
        groups = self.call("network", "GET", "/security-groups", params=project)["security_groups"]
        ids["default_group"] = next(g["id"] for g in groups if g["name"] == "default")
        self._later("network", "DELETE", f"/security-groups/{ids['default_group']}")
        network = made("network", "networks", description="reader")
        made("address_scope", "address_scopes", ip_version=4)
        made("subnetpool", "subnetpools", prefixes=["10.77.0.0/16"], default_prefixlen=24)
        subnet = made("subnet", "subnets", network_id=network, ip_version=4, cidr="10.78.0.0/24")
        group = made("security_group", "security_groups")
        self._made(
            "security_group_rule",
            "network",
            "/security-group-rules",
            "security_group_rule",
            {"security_group_id": group, "direction": "ingress", "protocol": "tcp", **project},
        )
        made("port", "ports", network_id=network, security_groups=[group])
        external = self.cloud.network.find_network("public", ignore_missing=False)
        router = made("router", "routers", external_gateway_info={"network_id": external.id})
        interface = {"subnet_id": subnet}
        self._put("network", f"/routers/{router}/add_router_interface", interface)
        path = f"/routers/{router}/remove_router_interface"
        self._later("network", "PUT", path, interface)
        self._made(
            "floatingip",
            "network",
            "/floatingips",
            "floatingip",
            {"floating_network_id": external.id, **project},
        )
        self._put(
            "network", f"/networks/{network}/tags", {"tags": marks.tags(MARK, "reader/network")}
        )

    def _make_image_and_volumes(self) -> None:
        word, ids = self.word, self.ids
        image = self.call(
            "image",
            "POST",
            "/images",
            {
                "name": word,
                "disk_format": "raw",
                "container_format": "bare",
                "visibility": "shared",
                **marks.metadata(MARK, "reader/image"),
            },
        )
        ids["image"] = image["id"]
        self._later("image", "DELETE", f"/images/{image['id']}")
        self.inside.image.put(
            f"/images/{image['id']}/file",
            data=b"reader" * 1000,
            headers={"Content-Type": "application/octet-stream"},
        )
        self.call("image", "POST", f"/images/{image['id']}/members", {"member": "f" * 32})
        metadata = marks.metadata(MARK, "reader/volume")
        volume = self.inside.block_storage.create_volume(size=1, name=word, metadata=metadata)
        other = self.inside.block_storage.create_volume(size=1, name=f"{word}-2")
        for made in (volume, other):
            self._undo.callback(self._delete_volume, made)
            self.inside.block_storage.wait_for_status(made, "available", interval=0.5, wait=60)
        ids["volume"], ids["volume-2"] = volume.id, other.id
        snapshot = self.inside.block_storage.create_snapshot(volume_id=volume.id, name=word)
        self._undo.callback(self._delete_snapshot, snapshot)
        self.inside.block_storage.wait_for_status(snapshot, "available", interval=0.5, wait=60)
        ids["snapshot"] = snapshot.id
        kind = {"name": word, "os-volume-type-access:is_public": False}
        type_id = self._made("volume_type", "block_storage", "/types", "volume_type", kind)
        self.call(
            "block_storage",
            "POST",
            f"/types/{type_id}/action",
            {"addProjectAccess": {"project": self.project}},
        )
        self._made("volume_qos", "block_storage", "/qos-specs", "qos_specs", {"name": word})

    def _delete_volume(self, volume: Any) -> None:
        self.inside.block_storage.delete_volume(volume)
        self.inside.block_storage.wait_for_delete(volume, interval=0.5, wait=60)

    def _delete_snapshot(self, snapshot: Any) -> None:
        self.inside.block_storage.delete_snapshot(snapshot)
        self.inside.block_storage.wait_for_delete(snapshot, interval=0.5, wait=60)

    def _make_server(self) -> None:
        word, ids, compute = self.word, self.ids, self.inside.compute
        size = {"name": word, "ram": 128, "vcpus": 1, "disk": 1}
        flavor = self._made(
            "flavor",
            "compute",
            "/flavors",
            "flavor",
            {
                **size,
                "os-flavor-access:is_public": False,
                "description": marks.description(MARK, "reader/flavor"),
            },
            microversion="2.55",
        )
        self.call(
            "compute",
            "POST",
            f"/flavors/{flavor}/action",
            {"addTenantAccess": {"tenant": self.project}},
        )
        aggregate = {"name": word, "availability_zone": None}
        self._made("aggregate", "compute", "/os-aggregates", "aggregate", aggregate)
        self._made(
            "server_group",
            "compute",
            "/os-server-groups",
            "server_group",
            {"name": word, "policy": "anti-affinity"},
            microversion="2.64",
        )
        compute.create_keypair(name=word)
        self._undo.callback(compute.delete_keypair, word)
        image = next(iter(self.cloud.image.images(name="devcloud-guest")))
        server = compute.create_server(
            name=word,
            flavor_id=flavor,
            image_id=image.id,
            networks=[{"port": ids["port"]}],
            key_name=word,
            metadata=marks.metadata(MARK, "reader/server"),
        )
        ids["server"] = server.id
        self._undo.callback(self._delete_server, server)
        compute.wait_for_server(server, interval=0.5, wait=120)
        path = f"/servers/{server.id}/os-volume_attachments"
        self.call("compute", "POST", path, {"volumeAttachment": {"volumeId": ids["volume-2"]}})
        other = self.inside.block_storage.get_volume(ids["volume-2"])
        self.inside.block_storage.wait_for_status(other, "in-use", interval=0.5, wait=60)

    def _delete_server(self, server: Any) -> None:
        self.inside.compute.delete_server(server)
        self.inside.compute.wait_for_delete(server, interval=0.5, wait=120)
        other = self.inside.block_storage.get_volume(self.ids["volume-2"])
        self.inside.block_storage.wait_for_status(other, "available", interval=0.5, wait=60)

    def stop(self) -> None:
        """Power the server off."""
        self._power("stop_server", "SHUTOFF")

    def start(self) -> None:
        """Power it on again."""
        self._power("start_server", "ACTIVE")

    def _power(self, act: str, status: str) -> None:
        compute = self.inside.compute
        getattr(compute, act)(self.ids["server"])
        server = compute.get_server(self.ids["server"])
        compute.wait_for_server(server, status=status, interval=0.5, wait=60)

    def alter(self) -> Undo:
        """Change everything once, without making or removing a thing. Returns how to undo it."""
        ids, undo = self.ids, ExitStack()

        def change(
            service: str, path: str, key: str, old: Any, new: Any, method: str = "PUT"
        ) -> None:
            self.call(service, method, path, {key: new} if key else new)
            undo.callback(lambda: self.call(service, method, path, {key: old} if key else old))

        project = f"/projects/{self.project}"
        change("identity", project, "project", {"description": ""}, {"description": "x"}, "PATCH")
        user = f"/users/{ids['user']}"
        change("identity", user, "user", {"enabled": True}, {"enabled": False}, "PATCH")
        for service, old in (("compute", {"cores": 20}), ("block_storage", {"gigabytes": 1000})):
            changed = {name: value + 1 for name, value in old.items()}
            change(service, f"/os-quota-sets/{self.project}", "quota_set", old, changed)
        self._put("network", f"/quotas/{self.project}", {"quota": {"port": 499}})
        undo.callback(lambda: self.call("network", "DELETE", f"/quotas/{self.project}"))
        for kind in ("network", "subnet", "port", "router", "security_group", "floatingip"):
            path = f"/{kind.replace('_', '-')}s/{ids[kind]}"
            was = {"description": "reader" if kind == "network" else ""}
            change("network", path, kind, was, {"description": "x"})
        routes = [{"destination": "10.79.0.0/24", "nexthop": "10.78.0.9"}]
        change("network", f"/routers/{ids['router']}", "router", {"routes": []}, {"routes": routes})
        down, up = {"admin_state_up": False}, {"admin_state_up": True}
        change("network", f"/ports/{ids['port']}", "port", up, down)
        self._alter_machines(change, undo)
        return undo.close

    def _alter_machines(self, change: Any, undo: ExitStack) -> None:
        ids = self.ids
        image = f"/images/{ids['image']}"
        patch = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
        add = [{"op": "add", "path": "/hw_disk_bus", "value": "scsi"}]
        self.call("image", "PATCH", image, add, headers=patch)
        remove = [{"op": "remove", "path": "/hw_disk_bus"}]
        undo.callback(lambda: self.call("image", "PATCH", image, remove, headers=patch))
        for kind in ("volume", "snapshot"):
            path = f"/{kind}s/{ids[kind]}/metadata"
            old = marks.metadata(MARK, "reader/volume") if kind == "volume" else {}
            change("block_storage", path, "metadata", old, {**old, "x": "y"})
        specs = f"/flavors/{ids['flavor']}/os-extra_specs"
        self.call("compute", "POST", specs, {"extra_specs": {"hw:cpu_policy": "shared"}})
        undo.callback(lambda: self.call("compute", "DELETE", f"{specs}/hw:cpu_policy"))
        server = f"/servers/{ids['server']}"
        old = marks.metadata(MARK, "reader/server")
        change("compute", f"{server}/metadata", "metadata", old, {**old, "x": "y"})
        self.call("compute", "POST", f"{server}/action", {"lock": None})
        undo.callback(lambda: self.call("compute", "POST", f"{server}/action", {"unlock": None}))
        kind = f"/types/{ids['volume_type']}/extra_specs"
        self.call("block_storage", "POST", kind, {"extra_specs": {"x": "y"}})
        undo.callback(lambda: self.call("block_storage", "DELETE", f"{kind}/x"))
