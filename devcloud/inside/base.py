"""The base of a cloud: external network, volume type, flavors.

``python -m devcloud.inside.base HOME PROFILE VOLUME_TYPE PUBLIC_PREFIX NAME=URL…``. Everything is
looked up before it is made; at the end ``HOME/base.json`` records what belongs to the base.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import openstack

from devcloud.inside import inventory

# name: memory MiB, vCPU, disk GiB; by cloud, because the names differ on purpose
FLAVORS = {
    "legacy": {},
    "gov": {"g1.tiny": (256, 1, 1), "g1.small": (512, 1, 10), "g1.medium": (2048, 2, 20)},
}


def wait_http(url: str, seconds: float = 180) -> None:
    """Wait until an API answers."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        try:
            urllib.request.urlopen(url, timeout=10).close()
            return
        except urllib.error.HTTPError as error:
            if error.code < 500:
                return
        except OSError:
            pass
        time.sleep(0.3)
    raise SystemExit(f"{url} does not answer")


def make_network(cloud: Any, prefix: str) -> None:
    """Make the external network ``public``."""
    network = cloud.network.find_network("public") or cloud.network.create_network(
        name="public",
        is_router_external=True,
        provider_network_type="flat",
        provider_physical_network="physnet1",
    )
    if not network.subnet_ids:
        cloud.network.create_subnet(
            network_id=network.id,
            name="public-v4",
            ip_version=4,
            cidr=f"{prefix}.0/24",
            gateway_ip=f"{prefix}.1",
            is_dhcp_enabled=False,
            allocation_pools=[{"start": f"{prefix}.100", "end": f"{prefix}.200"}],
        )


def make_volume_type(cloud: Any, name: str) -> None:
    """Make the cloud's one volume type."""
    if not any(item.name == name for item in cloud.block_storage.types()):
        cloud.block_storage.create_type(name=name, extra_specs={"volume_backend_name": name})


def make_flavors(cloud: Any, region: str) -> None:
    """Make the flavors that belong to the base."""
    have = {flavor.name for flavor in cloud.compute.flavors(is_public=None)}
    for name, (memory, cpus, disk) in FLAVORS[region].items():
        if name not in have:
            cloud.compute.create_flavor(name=name, ram=memory, vcpus=cpus, disk=disk)


def _down(services: Iterable[Any], wanted: set[str]) -> set[str]:
    return wanted - {service.binary for service in services if service.state == "up"}


def wait_services(cloud: Any, *, expects_agents: bool, seconds: float = 180) -> None:
    """Wait until the schedulers, the compute and the volume service report."""
    limit = time.monotonic() + seconds
    discovered = False
    late: set[str] = set()
    while time.monotonic() < limit:
        late = _down(cloud.compute.services(), {"nova-conductor", "nova-scheduler", "nova-compute"})
        if "nova-compute" not in late and not list(cloud.compute.hypervisors()):
            # The scheduler looks for new hosts every few minutes only.
            if not discovered:
                discover_hosts()
            discovered = True
            late.add("hypervisor")
        if expects_agents:
            agents = {agent.binary for agent in cloud.network.agents() if agent.is_alive}
            late |= {"ovn-controller", "neutron-ovn-metadata-agent"} - agents
        late |= _down(cloud.block_storage.services(), {"cinder-volume", "cinder-scheduler"})
        if not late:
            return
        time.sleep(0.5)
    raise SystemExit(f"these do not report: {', '.join(sorted(late))}")


def discover_hosts() -> None:
    """Put new compute hosts into the cell."""
    program = Path(sys.executable).with_name("nova-manage")
    words: list[str | Path] = [
        program,
        "--config-file=/run/devcloud/etc/nova/nova.conf",
        "cell_v2",
        "discover_hosts",
        "--by-service",
    ]
    subprocess.run(words, check=True)


def main() -> None:
    """See the module."""
    home, (profile, volume_type, prefix) = Path(sys.argv[1]), sys.argv[2:5]
    urls = dict(word.split("=", 1) for word in sys.argv[5:])
    region = os.environ["OS_CLOUD"]
    cloud = openstack.connect(cloud=region)
    wait_http(urls["neutron"])
    make_network(cloud, prefix)
    wait_http(urls["cinder"])
    make_volume_type(cloud, volume_type)
    wait_http(urls["nova"])
    make_flavors(cloud, region)
    wait_services(cloud, expects_agents=profile == "real")
    record = home / "base.json"
    if not record.exists():
        wait_http(urls["glance"])
        record.write_text(json.dumps(inventory.of(cloud), indent=1) + "\n")


if __name__ == "__main__":
    main()
