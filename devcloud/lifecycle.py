"""Bringing clouds up and down."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from devcloud import (
    broker,
    configuration,
    contract,
    database,
    hypervisor,
    listeners,
    namespaces,
    openvswitch,
    processes,
    schema,
    services,
)
from devcloud.environment import client_environment, service_environment
from devcloud.errors import DevcloudError
from devcloud.layout import APIS, CLOUDS, Cloud, Profile, store_port_base
from devcloud.passwords import load_passwords
from devcloud.progress import Progress

_first_schema = threading.Lock()


@contextlib.contextmanager
def exclusive(profile: Profile) -> Iterator[None]:
    """Let one ``up`` or ``down`` work on a profile at a time."""
    profile.state.mkdir(parents=True, exist_ok=True)
    with (profile.state / f".{profile.name}.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DevcloudError(
                f"another devcloud command works on profile {profile.name}"
            ) from None
        yield


def is_up(cloud: Cloud) -> bool:
    """Tell whether the cloud is complete: every process lives and every API answers."""
    if not (cloud.home / "base.json").exists() or services.dead(cloud):
        return False
    return all(listeners.answers(cloud.url(name) + "/", timeout=20) for name in APIS)


def up(profile: Profile, names: Sequence[str], progress: Progress) -> None:
    """Bring clouds up; whatever is there already stays as it is."""
    clouds = [profile.cloud(name) for name in names]
    passwords = load_passwords(profile)
    if _all_up(clouds):
        contract.write_transfer(profile)
        progress.say(f"profile {profile.name} is up: {', '.join(names)}")
        return
    store_port_base(profile)
    contract.write_clouds(profile, passwords)
    with progress.step("MariaDB"):
        database.start(profile, passwords)
    _each(clouds, lambda cloud: _bring_up(cloud, passwords[cloud.name], progress))
    contract.write_transfer(profile)
    progress.say(f"profile {profile.name} is up: {', '.join(names)}")
    progress.say(f"OS_CLIENT_CONFIG_FILE={profile.clouds_yaml}")


def _all_up(clouds: Sequence[Cloud]) -> bool:
    with ThreadPoolExecutor(len(CLOUDS)) as pool:
        return all(pool.map(is_up, clouds))


def _each(clouds: Sequence[Cloud], action: Callable[[Cloud], None]) -> None:
    with ThreadPoolExecutor(len(CLOUDS)) as pool:
        futures = [pool.submit(action, cloud) for cloud in clouds]
    errors = [error for future in futures if (error := future.exception())]
    for error in errors:
        raise error


def _bring_up(cloud: Cloud, secrets: dict[str, str], progress: Progress) -> None:
    if is_up(cloud):
        progress.say("is up already", cloud.name)
        return
    if not namespaces.holder(cloud):
        # Left by a killed run: nothing of it can be used again.
        namespaces.dissolve(cloud)
    configuration.write(cloud, secrets)
    with progress.step("namespaces", cloud.name):
        namespaces.create(cloud)
    broker.start(cloud, secrets)
    if cloud.profile.is_real:
        hypervisor.start(cloud)
        with progress.step("Open vSwitch and OVN", cloud.name):
            openvswitch.start(cloud)
        hypervisor.wait(cloud)
    _prepare_schema(cloud, progress)
    if not services.pid(cloud, "nova-compute"):
        database.forget_heartbeats(cloud)
    _start_openstack(cloud, secrets, progress)


def _prepare_schema(cloud: Cloud, progress: Progress) -> None:
    with (
        _first_schema
        if not database.dump_folder(cloud.profile).exists()
        else contextlib.nullcontext(),
        progress.step("database schemas", cloud.name),
    ):
        how = schema.prepare(cloud)
    progress.say(f"schemas {how}", cloud.name)


def _start_openstack(cloud: Cloud, secrets: dict[str, str], progress: Progress) -> None:
    pending = services.catalogue(cloud)
    keystone = pending.pop(0)
    services.start(cloud, keystone)
    _bootstrap(cloud, secrets)
    broker.wait(cloud)
    with progress.step("keystone", cloud.name):
        services.wait_for_api(cloud, "keystone")
    # APIs load while the catalogue is made; the others give up when they cannot log in.
    with ThreadPoolExecutor(1) as pool:
        catalogue = pool.submit(_make_catalogue, cloud)
        for service in [item for item in pending if item.port]:
            services.start(cloud, service)
        catalogue.result()
    with ThreadPoolExecutor(1) as pool:
        base = pool.submit(_make_base, cloud)
        for service in [item for item in pending if not item.port]:
            if service.name == "nova-compute":
                # It wants a conductor that answers: by now that one is up.
                services.wait_for_api(cloud, "placement")
            services.start(cloud, service)
        for name in APIS[1:]:
            services.wait_for_api(cloud, name)
            progress.say(f"{name} answers", cloud.name)
        base.result()
    dead = services.dead(cloud)
    if dead:
        raise DevcloudError(
            f"{cloud.label}: {dead[0]} has ended", log=services.log_file(cloud, dead[0])
        )
    progress.say("computes and volumes are ready", cloud.name)


def _bootstrap(cloud: Cloud, secrets: dict[str, str]) -> None:
    done = cloud.home / "keystone-done"
    if done.exists():
        return
    program = cloud.profile.venv / "bin" / "keystone-manage"
    url = f"{cloud.url('keystone')}/v3"
    words: list[str | Path] = [
        program,
        "--config-file=/run/devcloud/etc/keystone/keystone.conf",
        "bootstrap",
    ]
    words += [f"--bootstrap-{kind}-url={url}" for kind in ("admin", "public", "internal")]
    words += [f"--bootstrap-region-id={cloud.name}"]
    # The password goes by the environment, where other users of the machine see nothing.
    env = service_environment(cloud) | {"OS_BOOTSTRAP_PASSWORD": secrets["admin"]}
    log = cloud.logs / "keystone-manage.log"
    processes.run(
        namespaces.inside(cloud, words), log=log, env=env, what=f"{cloud.label}: keystone bootstrap"
    )
    done.touch()


def run_inside(cloud: Cloud, module: str, *arguments: str, log: str) -> None:
    """Run one of our modules with the OpenStack interpreter inside the cloud."""
    words: list[str | Path] = [cloud.profile.python, "-m", f"devcloud.inside.{module}", *arguments]
    env = client_environment(cloud)
    path = cloud.logs / log
    processes.run(
        namespaces.inside(cloud, words), log=path, env=env, what=f"{cloud.label}: {module}"
    )


def _make_catalogue(cloud: Cloud) -> None:
    if not (cloud.home / "base.json").exists():
        urls = [f"{name}={cloud.url(name)}" for name in APIS]
        run_inside(cloud, "catalogue", str(cloud.home), *urls, log="base.log")


def _make_base(cloud: Cloud) -> None:
    urls = [f"{name}={cloud.url(name)}" for name in APIS]
    run_inside(
        cloud,
        "base",
        str(cloud.home),
        cloud.profile.name,
        cloud.volume_type,
        cloud.public_prefix,
        *urls,
        log="base.log",
    )


def down(profile: Profile, progress: Progress, *, purge: bool) -> None:
    """Stop both clouds and the database; with ``purge`` remove all their data too."""
    clouds = [profile.cloud(name) for name in CLOUDS]
    _each(clouds, lambda cloud: _take_down(cloud, progress, purge=purge))
    database.stop(profile)
    contract_file = profile.home / "transfer.json"
    contract_file.unlink(missing_ok=True)
    if purge and profile.home.exists():
        shutil.rmtree(profile.home)
    progress.say(f"profile {profile.name} is {'removed' if purge else 'down'}")


def _take_down(cloud: Cloud, progress: Progress, *, purge: bool) -> None:
    if namespaces.holder(cloud):
        # Nova must not see its guests go: it would note them as stopped for good.
        first = [
            number
            for name in ("nova-compute", "nova-scheduler")
            if (number := services.pid(cloud, name))
        ]
        processes.end(first)
        if cloud.profile.is_real and not purge:
            with progress.step("guests powered off", cloud.name):
                hypervisor.shut_down_guests(cloud)
        rest = [
            number
            for item in services.catalogue(cloud)
            if (number := services.pid(cloud, item.name))
        ]
        processes.end(rest)
    with progress.step("everything inside ended", cloud.name):
        namespaces.dissolve(cloud)
    if cloud.pids.exists():
        shutil.rmtree(cloud.pids)
