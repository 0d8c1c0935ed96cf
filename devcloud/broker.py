"""One RabbitMQ per cloud, on the loopback of its own namespace."""

from __future__ import annotations

import time

from devcloud import namespaces, processes
from devcloud.environment import service_environment
from devcloud.errors import DevcloudError
from devcloud.layout import INNER_HOME, Cloud
from devcloud.passwords import write_private
from devcloud.templating import render_to

PORT = 5672


def start(cloud: Cloud, secrets: dict[str, str]) -> None:
    """Start the broker; its user is made at its first start."""
    if processes.read_pid(cloud.pids / "rabbitmq"):
        return
    home = cloud.home / "rabbitmq"
    for name in ("mnesia", "log", "config"):
        (home / name).mkdir(parents=True, exist_ok=True)
    render_to("rabbitmq.conf", home / "rabbitmq.conf", {"broker_password": secrets["broker"]})
    (home / "plugins").write_text("[].\n")
    if not (home / ".erlang.cookie").exists():
        write_private(home / ".erlang.cookie", secrets["cookie"])
        (home / ".erlang.cookie").chmod(0o400)
    command = namespaces.inside(cloud, ["/usr/lib/rabbitmq/bin/rabbitmq-server"])
    env = service_environment(cloud) | _settings()
    processes.spawn(
        command, pid_file=cloud.pids / "rabbitmq", log=cloud.logs / "rabbitmq.log", env=env
    )


def wait(cloud: Cloud, seconds: float = 90) -> None:
    """Wait until the broker listens."""
    limit = time.monotonic() + seconds
    while not namespaces.answers(cloud, PORT):
        if time.monotonic() > limit or not processes.read_pid(cloud.pids / "rabbitmq"):
            raise DevcloudError(
                f"{cloud.label}: RabbitMQ did not start", log=cloud.logs / "rabbitmq.log"
            )
        time.sleep(0.2)


def _settings() -> dict[str, str]:
    home = INNER_HOME / "rabbitmq"
    return {
        "HOME": str(home),
        "RABBITMQ_NODENAME": "rabbit@localhost",
        "RABBITMQ_MNESIA_BASE": str(home / "mnesia"),
        "RABBITMQ_LOG_BASE": str(home / "log"),
        "RABBITMQ_GENERATED_CONFIG_DIR": str(home / "config"),
        "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"),
        "RABBITMQ_CONF_ENV_FILE": str(home / "absent"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "plugins"),
        "RABBITMQ_PID_FILE": str(home / "pid"),
        "RABBITMQ_DIST_PORT": "25672",
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_CRASH_DUMP": str(home / "log" / "erl_crash.dump"),
        # One scheduler that does not spin: the machine has few cores.
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +A 8 +sbwt none "
        "+sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}",
    }
