"""The services of one cloud and how to start them."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

from devcloud import listeners, namespaces, processes
from devcloud.environment import ETC, service_environment
from devcloud.errors import DevcloudError
from devcloud.layout import APIS, INNER_HOME, PACKAGE, Cloud

METADATA_PORT = 8775
MODULES = {
    "keystone": "keystone.wsgi.api",
    "placement": "placement.wsgi.api",
    "glance": "glance.wsgi.api",
    "nova": "nova.wsgi.osapi_compute",
    "neutron": "neutron.wsgi.api",
    "cinder": "cinder.wsgi.api",
    "nova-metadata": "nova.wsgi.metadata",
}
UWSGI = (
    "--processes=1",
    "--threads=8",
    "--master",
    "--enable-threads",
    "--lazy-apps",
    "--need-app",
    "--die-on-term",
    "--thunder-lock",
    "--no-orphans",
    "--buffer-size=65535",
    # Glance's clients upload in chunks; the defaults (4 s, 1 MiB) break them.
    "--chunked-input-timeout=300",
    "--chunked-input-limit=16777216",
    "--socket-timeout=300",
    "--add-header=Connection: close",
    "--worker-reload-mercy=5",
    "--reload-mercy=5",
    "--listen=100",
    "--disable-logging",
)


@dataclass(frozen=True)
class Service:
    """A long-running process of a cloud; an API has a port."""

    name: str
    command: tuple[str, ...]
    port: int | None = None


def _api(cloud: Cloud, name: str) -> Service:
    words = [
        str(cloud.profile.venv / "bin" / "uwsgi"),
        f"--module={MODULES[name]}:application",
        *UWSGI,
    ]
    words.append(f"--procname-prefix={cloud.label} {name} ")
    if name == "cinder":
        words += ["--pyargv", f"--config-file={ETC}/cinder/cinder.conf"]
    if name not in APIS:
        return Service(name, (*words, f"--http-socket=127.0.0.1:{METADATA_PORT}"))
    port = cloud.port(name)
    # "127.1" is 127.0.0.1: under that name uWSGI would take the inherited descriptor for
    # this socket as well and not bind a second one inside.
    return Service(name, (*words, f"--http-socket=127.1:{port}"), port)


def _daemon(cloud: Cloud, name: str, *files: str) -> Service:
    program = str(cloud.profile.venv / "bin" / name)
    words = [f"--config-file={ETC}/{file}" for file in files]
    return Service(name, (program, *words, f"--log-file={INNER_HOME}/log/{name}.log"))


def _compute(cloud: Cloud) -> Service:
    launcher = PACKAGE / "drivers" / "devcloud_drivers" / "compute.py"
    words = [f"--config-file={ETC}/nova/nova.conf", f"--log-file={INNER_HOME}/log/nova-compute.log"]
    return Service("nova-compute", (str(cloud.profile.python), str(launcher), *words))


def catalogue(cloud: Cloud) -> list[Service]:
    """Return the cloud's services in the order in which they should start."""
    nova, cinder = "nova/nova.conf", "cinder/cinder.conf"
    neutron = ("neutron/neutron.conf", "neutron/ml2_conf.ini")
    result = [_api(cloud, name) for name in ("keystone", "placement")]
    result.append(_daemon(cloud, "nova-conductor", nova))
    result += [_api(cloud, name) for name in ("nova", "neutron", "cinder", "glance")]
    if cloud.profile.is_real:
        result.append(
            _daemon(cloud, "neutron-ovn-metadata-agent", *neutron, "neutron/metadata_agent.ini")
        )
        result.append(_api(cloud, "nova-metadata"))
    result.append(_daemon(cloud, "cinder-volume", cinder))
    result.append(_daemon(cloud, "cinder-scheduler", cinder))
    result.append(_daemon(cloud, "nova-scheduler", nova))
    result.append(_compute(cloud))
    if cloud.profile.is_real:
        result.append(_daemon(cloud, "neutron-ovn-maintenance-worker", *neutron))
    return result


def infrastructure(cloud: Cloud) -> list[str]:
    """Return the names of the processes that are not OpenStack's own."""
    names = ["holder", "rabbitmq"]
    if cloud.profile.is_real:
        names += ["ovsdb", "vswitchd", "ovn-nb", "ovn-sb", "northd", "ovn-controller", "libvirtd"]
    return names


def pid(cloud: Cloud, name: str) -> int | None:
    """Return a service's process, if it runs."""
    return processes.read_pid(cloud.pids / name)


def log_file(cloud: Cloud, name: str) -> Path:
    """Return where a service's standard output goes."""
    return cloud.logs / f"{name}.out"


def start(cloud: Cloud, service: Service) -> bool:
    """Start a service unless it runs; tell whether it had to be started."""
    if pid(cloud, service.name):
        return False
    command = list(service.command)
    listener: socket.socket | None = None
    if service.port is not None:
        listener = listeners.bind(service.port)
        command.insert(1, f"--http-socket=fd://{listener.fileno()}")
    try:
        processes.spawn(
            namespaces.inside(cloud, command),
            pid_file=cloud.pids / service.name,
            log=log_file(cloud, service.name),
            env=service_environment(cloud),
            pass_fds=(listener.fileno(),) if listener else (),
        )
    finally:
        if listener:
            listener.close()
    return True


def wait_for_api(cloud: Cloud, name: str, seconds: float = 180) -> None:
    """Wait until an API answers."""
    path = {"keystone": "/v3", "glance": "/versions"}.get(name, "/")
    if not listeners.wait(cloud.url(name) + path, seconds=seconds, alive=lambda: pid(cloud, name)):
        raise DevcloudError(f"{cloud.label}: {name} does not answer", log=log_file(cloud, name))


def dead(cloud: Cloud) -> list[str]:
    """Return the processes of the cloud that should run and do not."""
    names = [*infrastructure(cloud), *(service.name for service in catalogue(cloud))]
    return [name for name in names if not pid(cloud, name)]
