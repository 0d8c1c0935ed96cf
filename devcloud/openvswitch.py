"""Open vSwitch with its userspace datapath, and OVN, inside a cloud's namespaces."""

from __future__ import annotations

import os
import subprocess
import time

from devcloud import namespaces, processes
from devcloud.environment import service_environment
from devcloud.errors import DevcloudError
from devcloud.layout import INNER_HOME, Cloud

NB, SB = "unix:/run/ovn/ovnnb_db.sock", "unix:/run/ovn/ovnsb_db.sock"
SWITCH = "unix:/run/openvswitch/db.sock"
SCHEMAS = {
    "conf": "/usr/share/openvswitch/vswitch.ovsschema",
    "nb": "/usr/share/ovn/ovn-nb.ovsschema",
    "sb": "/usr/share/ovn/ovn-sb.ovsschema",
}


def start(cloud: Cloud) -> None:
    """Start switch and OVN and make br-int and br-ex."""
    _create_databases(cloud)
    _database(cloud, "ovsdb", "conf", "punix:/run/openvswitch/db.sock", "openvswitch/ovsdb.ctl")
    _database(cloud, "ovn-nb", "nb", "punix:/run/ovn/ovnnb_db.sock", "ovn/ovnnb_db.ctl")
    _database(cloud, "ovn-sb", "sb", "punix:/run/ovn/ovnsb_db.sock", "ovn/ovnsb_db.ctl")
    _settle(
        cloud,
        ["ovs-vsctl", "--no-wait", "--", "init", "--", "set", "open", ".", *_external_ids(cloud)],
    )
    _settle(cloud, ["ovn-nbctl", f"--db={NB}", "init"])
    _settle(cloud, ["ovn-sbctl", f"--db={SB}", "init"])
    _daemon(
        cloud,
        "vswitchd",
        ["ovs-vswitchd", SWITCH, "--disable-system", "--unixctl=/run/openvswitch/vswitchd.ctl"],
    )
    _daemon(
        cloud,
        "northd",
        ["ovn-northd", f"--ovnnb-db={NB}", f"--ovnsb-db={SB}", "--unixctl=/run/ovn/northd.ctl"],
    )
    _settle(cloud, ["ovs-vsctl", *_bridges(cloud)])
    _daemon(cloud, "ovn-controller", ["ovn-controller", SWITCH])
    _address(cloud)


def _create_databases(cloud: Cloud) -> None:
    folder = cloud.data / "ovn"
    folder.mkdir(parents=True, exist_ok=True)
    if not processes.read_pid(cloud.pids / "ovsdb"):
        # Every port of the switch belongs to a process that is gone; OVN's own two
        # databases hold the networks and stay.
        (folder / "conf.db").unlink(missing_ok=True)
    for name, schema in SCHEMAS.items():
        if not (folder / f"{name}.db").exists():
            log = cloud.logs / "ovsdb-tool.log"
            processes.run(["ovsdb-tool", "create", folder / f"{name}.db", schema], log=log)


def _daemon(cloud: Cloud, name: str, command: list[str]) -> None:
    if processes.read_pid(cloud.pids / name):
        return
    words = [
        *command,
        "--no-chdir",
        "-vconsole:off",
        "-vsyslog:off",
        f"--log-file={INNER_HOME}/log/{name}.log",
    ]
    log = cloud.logs / f"{name}.out"
    env = service_environment(cloud)
    processes.spawn(namespaces.inside(cloud, words), pid_file=cloud.pids / name, log=log, env=env)


def _database(cloud: Cloud, name: str, file: str, remote: str, control: str) -> None:
    path = f"{INNER_HOME}/data/ovn/{file}.db"
    words = [
        "ovsdb-server",
        path,
        f"--remote={remote}",
        f"--unixctl=/run/{control}",
        "--disable-file-column-diff",
    ]
    _daemon(cloud, name, words)


def _settle(cloud: Cloud, command: list[str], seconds: float = 30) -> None:
    # The clients wait for no server: try until its socket is there.
    limit = time.monotonic() + seconds
    words = namespaces.inside(cloud, [command[0], "--timeout=20", *command[1:]])
    while True:
        done = subprocess.run(
            words, capture_output=True, text=True, check=False, env=dict(os.environ)
        )
        if done.returncode == 0:
            return
        if time.monotonic() > limit:
            raise DevcloudError(
                f"{cloud.label}: {command[0]}: {done.stderr.strip()}", log=cloud.logs / "ovsdb.log"
            )
        time.sleep(0.1)


def _external_ids(cloud: Cloud) -> list[str]:
    ids = {
        "system-id": cloud.host,
        "hostname": cloud.host,
        "ovn-remote": SB,
        "ovn-encap-type": "geneve",
        # There is one chassis only: no tunnel is ever used.
        "ovn-encap-ip": "127.0.0.1",
        "ovn-bridge-datapath-type": "netdev",
        "ovn-bridge-mappings": "physnet1:br-ex",
        "ovn-cms-options": "enable-chassis-as-gw",
        "ovn-monitor-all": "true",
    }
    # ovs-vsctl takes ":" and "," as its own unless the value is quoted.
    return [f'external_ids:{key}="{value}"' for key, value in ids.items()]


def _bridges(cloud: Cloud) -> list[str]:
    inner = [
        "--may-exist",
        "add-br",
        "br-int",
        "--",
        "set",
        "bridge",
        "br-int",
        "datapath_type=netdev",
    ]
    inner += ["fail_mode=secure", "other_config:disable-in-band=true"]
    outer = [
        "--may-exist",
        "add-br",
        "br-ex",
        "--",
        "set",
        "bridge",
        "br-ex",
        "datapath_type=netdev",
    ]
    # A new bridge would get a random address and OVN a stale ARP entry after each "up".
    outer.append(f'other_config:hwaddr="02:00:ac:18:{4 + cloud.index:02x}:01"')
    return [*inner, "--", *outer]


def _address(cloud: Cloud) -> None:
    script = (
        f"ip addr replace {cloud.public_prefix}.1/24 dev br-ex && ip link set br-ex up"
        # The userspace datapath does not fill in checksums left to the hardware.
        " && ethtool -K br-ex tx off >/dev/null"
    )
    processes.run(
        namespaces.inside(cloud, ["sh", "-c", script]),
        log=cloud.logs / "br-ex.log",
        what="address of br-ex",
    )
