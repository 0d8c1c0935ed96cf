"""Database schemas: synced once, then restored from a dump.

The dump is named after this file and the pins, so a change in either makes a new one.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from devcloud import database, namespaces, processes
from devcloud.environment import service_environment
from devcloud.layout import Cloud

ETC = "/run/devcloud/etc"
# Nova fills these from its own configuration: the dump holds neither secret nor name.
DATABASE_URL = "{scheme}://{username}:{password}@{hostname}/{path}?{query}"
CELL0_URL = "{scheme}://{username}:{password}@{hostname}/{path}_cell0?{query}"
TRANSPORT_URL = "{scheme}://{username}:{password}@{hostname}:{port}/"


def _chains() -> list[list[list[str]]]:
    nova = ["nova-manage", f"--config-file={ETC}/nova/nova.conf"]
    neutron = [f"--config-file={ETC}/neutron/{name}" for name in ("neutron.conf", "ml2_conf.ini")]
    return [
        [
            [*nova, "api_db", "sync"],
            [*nova, "cell_v2", "map_cell0", "--database_connection", CELL0_URL],
            [*nova, "db", "sync"],
            [
                *nova,
                "cell_v2",
                "create_cell",
                "--name=cell1",
                f"--database_connection={DATABASE_URL}",
                f"--transport-url={TRANSPORT_URL}",
            ],
        ],
        [["neutron-db-manage", *neutron, "upgrade", "heads"]],
        [["keystone-manage", f"--config-file={ETC}/keystone/keystone.conf", "db_sync"]],
        [["cinder-manage", f"--config-file={ETC}/cinder/cinder.conf", "db", "sync"]],
        [["glance-manage", f"--config-file={ETC}/glance/glance-api.conf", "db_sync"]],
        [["placement-manage", "--config-dir", f"{ETC}/placement", "db", "sync"]],
    ]


def sync(cloud: Cloud) -> None:
    """Run every service's own migrations, two at a time."""

    def run(chain: list[list[str]]) -> None:
        for words in chain:
            command = namespaces.inside(cloud, [cloud.profile.venv / "bin" / words[0], *words[1:]])
            log = cloud.logs / f"{words[0]}.log"
            processes.run(
                command,
                log=log,
                env=service_environment(cloud),
                what=f"{cloud.label}: {' '.join(words[:1] + words[-2:])}",
            )

    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(run, chain) for chain in _chains()]:
            future.result()


def prepare(cloud: Cloud) -> str:
    """Make the cloud's databases unless they are complete; say how."""
    done = cloud.home / "schema-done"
    if done.exists():
        return "kept"
    database.create_empty(cloud)
    how = "restored from the dump"
    if not database.restore(cloud):
        how = "synced"
        sync(cloud)
        database.dump(cloud)
    done.touch()
    return how
