"""Nova's fake driver with a real root disk file per server.

``spawn`` downloads the image, ``snapshot`` uploads the file again, so images carry real
bytes although nothing runs. Servers survive a restart of nova-compute.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, ClassVar

import nova.conf
from nova import context as nova_context
from nova import objects
from nova.compute import power_state, task_states
from nova.image import glance
from nova.virt import fake, node

from devcloud_drivers import ports

CONF = nova.conf.CONF
RESIZING = (
    "resize_prep",
    "resize_migrating",
    "resize_migrated",
    "resize_finish",
    "resize_reverting",
)
KEPT_STATES = ("active", "stopped", "paused", "suspended", "rescued", "resized")


class DiskFakeDriver(fake.MediumFakeDriver):  # type: ignore[misc]
    """See the module."""

    vcpus, memory_mb, local_gb = 64, 262144, 20000
    capabilities: ClassVar[dict[str, bool]] = dict(
        fake.FakeDriver.capabilities,
        supports_image_type_qcow2=True,
        supports_migrate_to_same_host=True,
    )

    # A restarted nova-compute must find the node it was: the stock driver invents one.

    def get_available_resource(self, nodename: str) -> dict[str, Any]:
        """Report the host under its persistent identity."""
        resources: dict[str, Any] = super().get_available_resource(nodename)
        resources["uuid"] = node.get_local_node_uuid()
        return resources

    def get_nodenames_by_uuid(self, refresh: bool = False) -> dict[str, str]:
        """Map the persistent identity to the host's name."""
        return {node.get_local_node_uuid(): self.get_available_nodes()[0]}

    def init_host(self, host: str) -> None:
        """Take over the servers that were here before the restart."""
        super().init_host(host)
        context = nova_context.get_admin_context()
        found = objects.InstanceList.get_by_host(
            context, host, expected_attrs=["flavor", "info_cache"]
        )
        for server in found:
            if server.vm_state not in KEPT_STATES:
                continue
            running = server.vm_state in ("active", "rescued")
            state = power_state.RUNNING if running else power_state.SHUTDOWN
            self.instances[server.uuid] = fake.FakeInstance(server.name, state, server.uuid)
            self.resources.claim(
                server.flavor.vcpus, server.flavor.memory_mb, server.flavor.root_gb
            )
            for vif in _vifs(server):
                self._interfaces[vif["id"]] = vif

    def spawn(
        self,
        context: Any,
        instance: Any,
        image_meta: Any,
        injected_files: Any,
        admin_password: Any,
        allocations: Any,
        network_info: Any = None,
        block_device_info: Any = None,
        power_on: bool = True,
        accel_info: Any = None,
    ) -> None:
        """Fetch the root disk, unless it is a volume, and call the server running."""
        path = disk_path(instance.uuid)
        if instance.image_ref and not path.exists():
            partial = path.with_suffix(".part")
            glance.API().download(context, instance.image_ref, dest_path=str(partial))
            partial.replace(path)
        super().spawn(
            context,
            instance,
            image_meta,
            injected_files,
            admin_password,
            allocations,
            network_info,
            block_device_info,
            power_on,
            accel_info,
        )
        self._report(instance, power_on)

    def snapshot(self, context: Any, instance: Any, image_id: str, update_task_state: Any) -> None:
        """Upload the root disk file."""
        update_task_state(task_state=task_states.IMAGE_PENDING_UPLOAD)
        properties = instance.system_metadata
        metadata = {
            "status": "active",
            "container_format": "bare",
            "disk_format": properties.get("image_disk_format") or "qcow2",
        }
        update_task_state(
            task_state=task_states.IMAGE_UPLOADING, expected_state=task_states.IMAGE_PENDING_UPLOAD
        )
        with disk_path(instance.uuid).open("rb") as stream:
            glance.API().update(context, image_id, metadata, stream)

    def power_off(self, instance: Any, timeout: int = 0, retry_interval: int = 0) -> None:
        """Stop, and let the ports go down as a switch would."""
        super().power_off(instance, timeout, retry_interval)
        self._report(instance, False)

    def power_on(
        self, context: Any, instance: Any, network_info: Any, *others: Any, **named: Any
    ) -> None:
        """Start, and let the ports come up."""
        super().power_on(context, instance, network_info, *others, **named)
        self._report(instance, True)

    def detach_interface(self, context: Any, instance: Any, vif: Any) -> None:
        """Forget an interface, known or not: after a restart the cache may lag."""
        self._interfaces.pop(vif["id"], None)

    def destroy(
        self,
        context: Any,
        instance: Any,
        network_info: Any,
        block_device_info: Any = None,
        destroy_disks: bool = True,
        destroy_secrets: bool = True,
    ) -> None:
        """Remove the server and, unless it is being resized, its disk."""
        super().destroy(
            context, instance, network_info, block_device_info, destroy_disks, destroy_secrets
        )
        if instance.task_state not in RESIZING and destroy_disks:
            disk_path(instance.uuid).unlink(missing_ok=True)
            shutil.rmtree(Path(CONF.instances_path) / instance.uuid, ignore_errors=True)

    def get_console_output(self, context: Any, instance: Any) -> bytes:
        """Say READY while the server runs, as the real guest does."""
        fake_instance = self.instances.get(instance.uuid)
        if fake_instance is None or fake_instance.state != power_state.RUNNING:
            return b"DEVCLOUD-GUEST OFF\n"
        name = instance.hostname or instance.uuid
        text = f"DEVCLOUD-GUEST BOOT\nDEVCLOUD-GUEST READY {instance.uuid} hostname={name}\n"
        return text.encode()

    @staticmethod
    def _report(instance: Any, up: bool) -> None:
        ports.set_status([vif["id"] for vif in _vifs(instance)], "ACTIVE" if up else "DOWN")


def disk_path(uuid: str) -> Path:
    """Return where a server's root disk lies."""
    folder = Path(CONF.state_path) / "disks"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / uuid


def _vifs(instance: Any) -> list[Any]:
    cache = instance.info_cache
    return list(cache.network_info) if cache and cache.network_info else []
