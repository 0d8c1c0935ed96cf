"""Projects of our own in both clouds, and disks in them whose every byte is known."""

from __future__ import annotations

import hashlib
import random
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from yunzhang import clock
from yunzhang.clouds import marks
from yunzhang.clouds.connection import connect
from yunzhang.clouds.specs import CloudSpec, DiskSpec, ServerSpec, SourceRef
from yunzhang.clouds.transfer_attachments import attachments
from yunzhang.clouds.transfer_hosts import controller_host, transfer_host

SOURCE, TARGET = "legacy", "gov"
MIB = 1 << 20
# when nothing changed, only these may differ: times, and what a power action counts
TIMES = {"updated_at", "updated"}


def content(size: int, seed: int) -> bytes:
    """Random bytes with holes in them, and a length that is no whole number of chunks."""
    chance = random.Random(seed)
    pieces: list[bytes] = []
    while sum(len(piece) for piece in pieces) < size:
        length = chance.randrange(1, 3 * MIB)
        pieces.append(chance.randbytes(length) if chance.random() < 0.5 else bytes(length))
    return b"".join(pieces)[:size]


class World:
    """The two projects; made by `build`, taken away by `destroy`."""

    def __init__(self, folder: Path) -> None:
        self.word = f"copier-{secrets.token_hex(3)}"
        self.folder = folder
        self.projects: dict[str, Any] = {}
        self.clouds: dict[str, Any] = {}

    def build(self) -> None:
        """Make the projects."""
        for name in (SOURCE, TARGET):
            admin: Any = connect(name)
            project = admin.identity.create_project(name=self.word, domain_id="default")
            role = admin.identity.find_role("member", ignore_missing=False)
            admin.identity.assign_project_role_to_user(project, admin.current_user_id, role)
            admin.block_storage.update_quota_set(project, volumes=40, gigabytes=60)
            self.projects[name] = project
            self.clouds[name] = connect(name, project=project.id)

    def destroy(self) -> None:
        """Take everything away."""
        for name, cloud in self.clouds.items():
            for server in list(cloud.compute.servers()):
                # a lock holds against members, not against the administrator we are
                cloud.compute.unlock_server(server)
                cloud.compute.delete_server(server)
                cloud.compute.wait_for_delete(server, interval=1, wait=60)
            for volume in list(cloud.block_storage.volumes()):
                cloud.block_storage.wait_for_status(volume, "available", ["error"], 1, 60)
                cloud.block_storage.delete_volume(volume)
                cloud.block_storage.wait_for_delete(volume, interval=1, wait=60)
            for image in list(cloud.image.images(owner=self.projects[name].id)):
                cloud.image.delete_image(image)
            cloud.close()
            admin: Any = connect(name)
            # what a failed test did not come to remove
            for image in list(admin.image.images(owner=admin.current_project_id)):
                if image.properties.get(marks.PLAN) == f"{self.word}-plan":
                    admin.image.delete_image(image)
            admin.identity.delete_project(self.projects[name])

    def image(
        self, name: str, data: bytes, form: str = "raw", claims: dict[str, str] | None = None
    ) -> Any:
        """An image of our own with the disk `data`; `claims` are further properties."""
        raw, packed = self.folder / f"{name}.raw", self.folder / f"{name}.{form}"
        raw.write_bytes(data)
        if form != "raw":
            words = ["qemu-img", "convert", "-f", "raw", "-O", form, str(raw), str(packed)]
            subprocess.run(words, check=True)
        return self.clouds[SOURCE].create_image(
            name,
            data=packed.read_bytes(),
            disk_format=form,
            container_format="bare",
            wait=True,
            use_import=False,
            **(claims or {}),
        )

    def server(self, name: str, image: Any) -> Any:
        """A running server booted from an image."""
        compute = self.clouds[SOURCE].compute
        flavor = compute.find_flavor("d1.tiny", ignore_missing=False)
        made = compute.create_server(
            name=name, image_id=image.id, flavor_id=flavor.id, networks="none"
        )
        return compute.wait_for_server(made, interval=1, wait=120)

    def volume(self, name: str, data: bytes, server: Any) -> Any:
        """A volume that holds `data`, attached to `server`."""
        cloud = self.clouds[SOURCE]
        image = self.image(name, data)
        made = cloud.block_storage.create_volume(name=name, size=1, image_id=image.id)
        cloud.block_storage.wait_for_status(made, "available", ["error"], 1, 120)
        cloud.compute.create_volume_attachment(server, volume=made.id)
        return cloud.block_storage.wait_for_status(made, "in-use", ["error"], 1, 120)

    def target(self, name: str, spec: CloudSpec) -> str:
        """An empty volume of the plan `spec` in the target."""
        storage = self.clouds[TARGET].block_storage
        marked = marks.metadata(spec.mark, f"{self.word}/{name}")
        made = storage.create_volume(name=name, size=1, metadata=marked)
        return str(storage.wait_for_status(made, "available", ["error"], 1, 120).id)

    def power(self, server: Any, *, running: bool) -> None:
        """Stop and lock it, or unlock and start it."""
        compute = self.clouds[SOURCE].compute
        if running:
            compute.unlock_server(server)
            compute.start_server(server)
        else:
            compute.stop_server(server)
            compute.lock_server(server)
        wanted = "ACTIVE" if running else "SHUTOFF"
        compute.wait_for_server(server, wanted, interval=1, wait=60)

    def spec(
        self, server: Any, volume: Any | None = None
    ) -> tuple[CloudSpec, ServerSpec, DiskSpec]:
        """What a plan would say of the disk, referring to it by name."""
        disk = DiskSpec(
            key=f"{self.word}/{server.name}/{volume.name if volume else 'root'}",
            name=volume.name if volume else f"{server.name}-root",
            size_gib=1,
            bootable=volume is None,
            device="/dev/vdb" if volume else "/dev/vda",
            origin="volume" if volume else "image",
            source_volume=SourceRef(project=self.word, name=volume.name) if volume else None,
        )
        planned = ServerSpec(
            key=f"{self.word}/{server.name}",
            project=self.word,
            name=server.name,
            source=SourceRef(project=self.word, name=server.name),
            fingerprint="0" * 64,
            flavor="any",
            disks=(disk,),
        )
        plan = CloudSpec(
            mark=f"{self.word}-plan",
            source_cloud=SOURCE,
            target_cloud=TARGET,
            servers=(planned,),
        )
        return plan, planned, disk

    def dump(self) -> dict[str, Any]:
        """All of the source project's servers, volumes, attachments and images."""
        cloud = self.clouds[SOURCE]
        listed = {
            "servers": list(cloud.compute.servers()),
            "volumes": list(cloud.block_storage.volumes()),
            "snapshots": list(cloud.block_storage.snapshots()),
            "images": [i for i in cloud.image.images() if i.owner == self.projects[SOURCE].id],
        }
        plain = {kind: [item.to_dict() for item in items] for kind, items in listed.items()}
        records = [attachments(cloud, volume.id) for volume in listed["volumes"]]
        return {**_timeless(plain), "attachments": records}

    def assert_nothing_left(self, target: str) -> None:
        """The volume is free, no file is in a spool, no snapshot of a plan in Glance."""
        admin: Any = connect(TARGET)
        assert admin.block_storage.get_volume(target).status == "available"
        assert attachments(admin, target) == []
        for spool in (transfer_host(SOURCE).spool, transfer_host(TARGET).spool):
            assert not spool.exists() or not list(spool.iterdir())
        own = controller_host().spool
        assert not own.exists() or not list(own.iterdir())


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _timeless(v) for k, v in value.items() if k not in TIMES}
    return [_timeless(item) for item in value] if isinstance(value, list) else value


def volume_file(cloud: str, volume: str) -> Path:
    """Where the fast cloud keeps a volume's bytes: to look at them without our own agent."""
    data = transfer_host(cloud).spool.parent
    return next(data.glob(f"cinder/nfs/**/volume-{volume}"))


def file_sha256(path: Path, length: int) -> str:
    """Digest of the first `length` bytes of a file."""
    with path.open("rb") as file:
        return hashlib.sha256(file.read(length)).hexdigest()


def processes_of(step: str) -> list[int]:
    """Processes that carry `YUNZHANG_STEP=step`."""
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"YUNZHANG_STEP={step}".encode() in environment.read_bytes().split(b"\0"):
                found.append(int(environment.parent.name))
        except OSError:
            continue
    return found


def wait_until_gone(step: str, seconds: float) -> None:
    """Fail unless all processes of `step` end by themselves in time."""
    until = clock.monotonic() + seconds
    while left := processes_of(step):
        assert clock.monotonic() < until, left
        clock.pause(0.1)


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """A world, taken away afterwards."""
    made = World(folder)
    try:
        made.build()
        yield made
    finally:
        made.destroy()
