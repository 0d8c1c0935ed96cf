"""A small project of our own in the source cloud, and the specification that moves it.

One server was booted from an image, one from a volume and has a second disk. Everything is named
after one random word, so that tests of different workers do not meet.
"""

from __future__ import annotations

import base64
import secrets
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from yunzhang.clouds.connection import connect
from yunzhang.clouds.observed import ObservedServer, Survey, server_fingerprint
from yunzhang.clouds.specs import (
    AllocationPoolSpec,
    CloudSpec,
    DiskSpec,
    FlavorSpec,
    ImageSpec,
    KeypairSpec,
    NetworkSpec,
    NicSpec,
    ProjectSpec,
    QuotaSpec,
    RouterSpec,
    RouteSpec,
    RuleSpec,
    SecurityGroupSpec,
    ServerSpec,
    SourceRef,
    SubnetSpec,
)
from yunzhang.clouds.survey import survey_cloud

SOURCE, TARGET = "legacy", "gov"
WAIT = {"interval": 1, "wait": 180}


def public_key() -> str:
    """A well-formed OpenSSH key that nobody has the private part of."""
    kind = b"ssh-ed25519"
    body = struct.pack(">I", len(kind)) + kind + struct.pack(">I", 32) + secrets.token_bytes(32)
    return f"ssh-ed25519 {base64.b64encode(body).decode()} maker@test"


class World:
    """The source's side and the users; made by `build`, taken away by `destroy`."""

    def __init__(self) -> None:
        self.word = f"maker-{secrets.token_hex(3)}"
        self.octet = secrets.randbelow(200) + 20
        self.public_key = public_key()
        self.source: Any = connect(SOURCE)
        self.target: Any = connect(TARGET)
        self.project: Any = None
        self.inside: Any = None

    def build(self) -> None:
        """Make the project with its network, groups, keypair, image and two servers."""
        identity = self.source.identity
        self.project = identity.create_project(name=self.word, domain_id="default")
        role = next(iter(identity.roles(name="member")))
        for cloud in (self.source, self.target):
            cloud.identity.create_user(
                name=self.word, password=secrets.token_urlsafe(), domain_id="default"
            )
        user = next(iter(identity.users(name=self.word)))
        for who in (user.id, self.source.current_user_id):
            identity.assign_project_role_to_user(self.project, who, role)
        self.inside = connect(SOURCE, project=self.project.id)
        network = self.inside.network.create_network(name="net")
        subnet = self.inside.network.create_subnet(
            network_id=network.id, name="sub", ip_version=4, cidr=f"192.168.{self.octet}.0/24"
        )
        web = self.inside.network.create_security_group(name="web")
        self.inside.compute.create_keypair(name="key", public_key=self.public_key)
        image = next(iter(self.source.image.images(name="devcloud-guest")))
        self._private_image(image)
        volumes = [
            self._volume("db-root", image_id=image.id),
            self._volume("db-data"),
        ]
        flavor = next(f for f in self.source.compute.flavors() if f.name == "d1.tiny")
        self._server("app", flavor, network, subnet, 11, web, image_id=image.id, key_name="key")
        self._server(
            "db",
            flavor,
            network,
            subnet,
            12,
            web,
            block_device_mapping=[
                {
                    "uuid": volume.id,
                    "source_type": "volume",
                    "destination_type": "volume",
                    "boot_index": 0 if index == 0 else -1,
                    "delete_on_termination": False,
                }
                for index, volume in enumerate(volumes)
            ],
        )

    def _private_image(self, image: Any) -> None:
        response = self.inside.image.get(f"/images/{image.id}/file")
        made = self.inside.image.post(
            "/images",
            json={
                "name": "golden",
                "disk_format": image.disk_format,
                "container_format": "bare",
                "hw_disk_bus": "virtio",
            },
        ).json()
        answer = self.inside.image.put(
            f"/images/{made['id']}/file",
            data=response.content,
            headers={"Content-Type": "application/octet-stream", "Accept": ""},
        )
        assert answer.ok, answer.text

    def _volume(self, name: str, **options: Any) -> Any:
        storage = self.inside.block_storage
        volume = storage.create_volume(name=name, size=1, **options)
        return storage.wait_for_status(volume, "available", **WAIT)

    def _server(
        self,
        name: str,
        flavor: Any,
        network: Any,
        subnet: Any,
        host: int,
        group: Any,
        **options: Any,
    ) -> None:
        port = self.inside.network.create_port(
            network_id=network.id,
            fixed_ips=[{"subnet_id": subnet.id, "ip_address": f"192.168.{self.octet}.{host}"}],
            security_groups=[group.id],
        )
        server = self.inside.compute.create_server(
            name=name, flavor_id=flavor.id, networks=[{"port": port.id}], **options
        )
        self.inside.compute.wait_for_server(server, **WAIT)

    def destroy(self) -> None:
        """Take everything of ours out of both clouds, whatever state a test left it in."""
        for cloud in (self.source, self.target):
            for project in list(cloud.identity.projects(name=self.word)):
                _clear(cloud, project.id)
                cloud.identity.delete_project(project)
            for user in list(cloud.identity.users(name=self.word)):
                for keypair in list(cloud.compute.keypairs(user_id=user.id)):
                    cloud.compute.delete_keypair(keypair.name, user_id=user.id)
                cloud.identity.delete_user(user)
        for flavor in list(self.target.compute.flavors()):
            if flavor.name.startswith(self.word):
                self.target.compute.delete_flavor(flavor)
        self.source.compute.delete_keypair("key", user_id=self.source.current_user_id)


def _clear(cloud: Any, project: str) -> None:
    mine = {"all_projects": True, "project_id": project}
    for server in list(cloud.compute.servers(**mine)):
        cloud.compute.unlock_server(server.id)
        cloud.compute.delete_server(server.id)
        cloud.compute.wait_for_delete(server, **WAIT)
    for volume in list(cloud.block_storage.volumes(**mine)):
        cloud.block_storage.delete_volume(volume.id)
        cloud.block_storage.wait_for_delete(volume, **WAIT)
    for image in list(cloud.image.images(owner=project)):
        cloud.image.delete_image(image.id)
    network = cloud.network
    for router in list(network.routers(project_id=project)):
        network.update_router(router.id, routes=[])
        for port in list(network.ports(device_id=router.id)):
            if "interface" in port.device_owner:
                network.remove_interface_from_router(router.id, port_id=port.id)
        network.delete_router(router.id)
    for port in list(network.ports(project_id=project)):
        network.delete_port(port.id)
    for item in list(network.networks(project_id=project)):
        network.delete_network(item.id)
    for group in sorted(
        network.security_groups(project_id=project), key=lambda g: g.name == "default"
    ):
        for rule in group.security_group_rules:
            if rule["remote_group_id"] not in (None, group.id):
                network.delete_security_group_rule(rule["id"])
    for group in sorted(
        network.security_groups(project_id=project), key=lambda g: g.name == "default"
    ):
        network.delete_security_group(group.id)


def specify(world: World, *, subset: bool = False) -> CloudSpec:
    """What moves the world to the target; `subset`: without servers."""
    seen = survey_cloud(SOURCE)
    word, key = world.word, f"{world.word}/"
    servers = {s.name: s for s in seen.servers if s.project_id == world.project.id}
    image = next(i for i in seen.images if i.project_id == world.project.id)
    flavor = FlavorSpec(
        key="f",
        name=f"{word}-f",
        vcpus=1,
        ram_mib=192,
        disk_gib=1,
        extra_specs={"hw:cpu_policy": "shared"},
        create=True,
        access=(word,),
    )
    return CloudSpec(
        mark=f"plan-{word}",
        source_cloud=SOURCE,
        target_cloud=TARGET,
        projects=(
            ProjectSpec(
                key=word,
                name=word,
                description="测试",
                source=SourceRef(project=word, name=word),
                quota=QuotaSpec(
                    compute={"cores": 7, "instances": 5, "ram": 4096},
                    network={"port": 40},
                    volume={"gigabytes": 50},
                ),
            ),
        ),
        flavors=(flavor,),
        keypairs=(
            KeypairSpec(
                key=key + "key", project=word, user=word, name="key", public_key=world.public_key
            ),
        ),
        images=(
            ImageSpec(
                key=key + "golden",
                project=word,
                name="golden",
                source=SourceRef(project=word, name="golden"),
                disk_format=image.disk_format or "qcow2",
                container_format="bare",
                size_bytes=image.size_bytes,
                sha512=image.sha512,
                properties={"hw_disk_bus": "virtio", "os_hash_algo": "x", "secret": "no"},
            ),
        ),
        networks=_networks(world, key),
        routers=_routers(world, key),
        security_groups=_groups(world, key),
        servers=()
        if subset
        else tuple(_server(world, key, servers[name], seen) for name in ("app", "db")),
    )


def _networks(world: World, key: str) -> tuple[NetworkSpec, ...]:
    cidr = f"10.199.{world.octet}"
    return (
        NetworkSpec(
            key=key + "net",
            project=world.word,
            name="net",
            description="业务网",
            mtu=1400,
            subnets=(
                SubnetSpec(
                    key=key + "sub",
                    name="sub",
                    cidr=f"{cidr}.0/24",
                    gateway_ip=f"{cidr}.1",
                    allocation_pools=(AllocationPoolSpec(start=f"{cidr}.100", end=f"{cidr}.200"),),
                    dns_nameservers=(f"{cidr}.53",),
                    host_routes=(RouteSpec(destination="10.45.0.0/16", nexthop=f"{cidr}.254"),),
                ),
            ),
        ),
        NetworkSpec(
            key=key + "store",
            project=world.word,
            name="store",
            subnets=(
                SubnetSpec(key=key + "store-sub", name="store", cidr=f"10.198.{world.octet}.0/24"),
            ),
        ),
    )


def _routers(world: World, key: str) -> tuple[RouterSpec, ...]:
    return (
        RouterSpec(
            key=key + "router",
            project=world.word,
            name="router",
            external_network="public",
            subnets=(key + "sub",),
            routes=(RouteSpec(destination="10.46.0.0/16", nexthop=f"10.199.{world.octet}.254"),),
        ),
    )


def _groups(world: World, key: str) -> tuple[SecurityGroupSpec, ...]:
    everything_out = RuleSpec(direction="egress")
    return (
        SecurityGroupSpec(
            key=key + "web",
            project=world.word,
            name="web",
            description="前端",
            rules=(
                everything_out,
                RuleSpec(direction="ingress", protocol="tcp", port_min=80, port_max=80),
                RuleSpec(direction="ingress", protocol="icmp", remote_group=key + "app"),
            ),
        ),
        SecurityGroupSpec(
            key=key + "app",
            project=world.word,
            name="app",
            rules=(
                RuleSpec(
                    direction="ingress",
                    protocol="tcp",
                    port_min=8080,
                    port_max=8090,
                    remote_group=key + "web",
                ),
            ),
        ),
        SecurityGroupSpec(
            key=key + "default",
            project=world.word,
            name="default",
            rules=(everything_out, RuleSpec(direction="ingress", remote_group=key + "default")),
        ),
    )


def _server(world: World, key: str, server: ObservedServer, seen: Survey) -> ServerSpec:
    nic = server.nics[0]
    old = nic.addresses[0][1]
    attached = [
        (a, next(v for v in seen.volumes if v.id == a.volume_id)) for a in server.attachments
    ]
    if server.image_id:
        disks = [
            DiskSpec(
                key=f"{key}{server.name}/root",
                name=f"{server.name}-root",
                size_gib=1,
                bootable=True,
                boot_index=0,
                device="/dev/vda",
                origin="image",
                image_metadata={"hw_disk_bus": "virtio"},
            )
        ]
    else:
        disks = [
            DiskSpec(
                key=f"{key}{server.name}/{volume.name}",
                name=volume.name,
                size_gib=volume.size_gib,
                bootable=volume.bootable,
                boot_index=0 if index == 0 else -1,
                device=attachment.device,
                origin="volume",
                source_volume=SourceRef(project=world.word, name=volume.name, id=volume.id),
                metadata={"role": "data"},
            )
            for index, (attachment, volume) in enumerate(attached)
        ]
    return ServerSpec(
        key=key + server.name,
        project=world.word,
        name=server.name,
        was_running=server.status == "ACTIVE",
        source=SourceRef(project=world.word, name=server.name, id=server.id),
        fingerprint=server_fingerprint(server, seen),
        flavor="f",
        keypair=key + "key" if server.key_name else None,
        metadata={"system": "测试"},
        nics=(
            NicSpec(
                key=f"{key}{server.name}/nic0",
                network=key + "net",
                mac_address=nic.mac_address,
                addresses=((key + "sub", f"10.199.{world.octet}.{old.rsplit('.', 1)[1]}"),),
                old_addresses=(old,),
                security_groups=(key + "web", key + "default"),
            ),
        ),
        disks=tuple(disks),
    )


@contextmanager
def world() -> Iterator[World]:
    """A world for as long as the block lasts."""
    made = World()
    try:
        made.build()
        yield made
    finally:
        made.destroy()
