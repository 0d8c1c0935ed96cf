"""What each command does; the modules it calls do the work."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import time
from pathlib import Path

from devcloud import guests, lifecycle, listeners, namespaces, packages, processes, services
from devcloud.environment import client_environment
from devcloud.errors import DevcloudError
from devcloud.layout import APIS, CLOUDS, PROFILES, Cloud, Profile, load_profile
from devcloud.progress import Progress


def install(arguments: argparse.Namespace) -> int:
    """Install packages."""
    packages.install(load_profile(arguments.profile), Progress())
    return 0


def up(arguments: argparse.Namespace) -> int:
    """Bring clouds up."""
    profile = load_profile(arguments.profile)
    names = [profile.cloud(name).name for name in arguments.clouds or CLOUDS]
    progress = Progress()
    with lifecycle.exclusive(profile):
        packages.install(profile, progress)
        lifecycle.up(profile, names, progress)
    return 0


def down(arguments: argparse.Namespace) -> int:
    """Take profiles down."""
    progress = Progress()
    for name in PROFILES if arguments.all else [load_profile(arguments.profile).name]:
        profile = load_profile(name)
        with lifecycle.exclusive(profile):
            lifecycle.down(profile, progress, purge=arguments.purge)
    return 0


def _describe(cloud: Cloud) -> dict[str, object]:
    table: dict[str, dict[str, object]] = {}
    for name in services.infrastructure(cloud):
        number = processes.read_pid(cloud.pids / name)
        table[name] = {"state": "up" if number else "down", "pid": number, "url": None}
    for service in services.catalogue(cloud):
        number = services.pid(cloud, service.name)
        url = cloud.url(service.name) if service.name in APIS else None
        alive = bool(number) and (url is None or listeners.answers(url + "/", timeout=10))
        table[service.name] = {"state": "up" if alive else "down", "pid": number, "url": url}
    complete = (
        all(row["state"] == "up" for row in table.values()) and (cloud.home / "base.json").exists()
    )
    return {"state": "up" if complete else "down", "services": table}


def _table(profile: Profile) -> dict[str, object]:
    database = processes.read_pid(profile.home / "pids" / "database")
    return {
        "profile": profile.name,
        "clouds_yaml": str(profile.clouds_yaml),
        "database": {"state": "up" if database else "down", "pid": database},
        "clouds": {name: _describe(profile.cloud(name)) for name in CLOUDS},
    }


def status(arguments: argparse.Namespace) -> int:
    """Show what runs; the exit code is 0 only when both clouds are up."""
    table = _table(load_profile(arguments.profile))
    clouds: dict[str, dict[str, object]] = table["clouds"]  # type: ignore[assignment]
    if arguments.json:
        print(json.dumps(table, indent=1))
    else:
        _print_table(table, clouds)
    return 0 if all(cloud["state"] == "up" for cloud in clouds.values()) else 1


def _print_table(table: dict[str, object], clouds: dict[str, dict[str, object]]) -> None:
    print(f"profile {table['profile']}  {table['clouds_yaml']}")
    for name, cloud in clouds.items():
        print(f"{name}: {cloud['state']}")
        rows: dict[str, dict[str, object]] = cloud["services"]  # type: ignore[assignment]
        for service, row in rows.items():
            state, number, url = row["state"], row["pid"] or "-", row["url"] or ""
            print(f"  {service:32} {state:5} {number:>8}  {url}".rstrip())


def _log_files(cloud: Cloud, service: str) -> list[Path]:
    found = sorted(
        path for path in cloud.logs.glob(f"{service}*") if path.is_file() and path.stat().st_size
    )
    if not found:
        known = sorted({path.name for path in cloud.logs.glob("*")})
        raise DevcloudError(f"no log of {service or cloud.label}; there are: {', '.join(known)}")
    return found


def logs(arguments: argparse.Namespace) -> int:
    """Show the end of the logs, and follow them if asked."""
    cloud = load_profile(arguments.profile).cloud(arguments.cloud)
    words = ["tail", "-n", "40", *(["-F"] if arguments.follow else []), "--"]
    return subprocess.run([*words, *_log_files(cloud, arguments.service)], check=False).returncode


def _enter(cloud: Cloud, command: list[str]) -> int:
    # Entering a mount namespace goes to its root: go back to the caller's directory.
    words = [*namespaces.prefix(cloud), f"--wdns={Path.cwd()}", "--", *command]
    return subprocess.run(words, env=client_environment(cloud), check=False).returncode


def shell(arguments: argparse.Namespace) -> int:
    """Open a shell inside."""
    return _enter(
        load_profile(arguments.profile).cloud(arguments.cloud),
        [os.environ.get("SHELL", "/bin/bash")],
    )


def execute(arguments: argparse.Namespace) -> int:
    """Run one command inside."""
    if not arguments.rest:
        raise DevcloudError("say what to run: exec CLOUD -- CMD…", code=2)
    return _enter(load_profile(arguments.profile).cloud(arguments.cloud), arguments.rest)


def guest(arguments: argparse.Namespace) -> int:
    """Run a shell command in a guest."""
    cloud = load_profile(arguments.profile).cloud(arguments.cloud)
    if not arguments.rest:
        raise DevcloudError("say what to run: guest CLOUD SERVER -- SHELLCMD", code=2)
    return guests.run(cloud, arguments.server, " ".join(arguments.rest), arguments.timeout)


def seed(arguments: argparse.Namespace) -> int:
    """Fill a cloud."""
    profile = load_profile(arguments.profile)
    cloud = profile.cloud(arguments.cloud)
    namespaces.prefix(cloud)
    if arguments.reset:
        lifecycle.run_inside(cloud, "reset", str(cloud.home), log="reset.log")
    image = guests.image(profile, Progress())
    began = time.monotonic()
    code = _enter(cloud, _seeding(cloud, image))
    print(f"seed: {time.monotonic() - began:.1f}s")
    return code


def _seeding(cloud: Cloud, image: Path) -> list[str]:
    words = [
        str(cloud.profile.python),
        "-m",
        "devcloud.inside.seeding",
        str(cloud.home),
        str(image),
    ]
    return [*words, cloud.profile.name]


def reset(arguments: argparse.Namespace) -> int:
    """Empty a cloud down to its base."""
    cloud = load_profile(arguments.profile).cloud(arguments.cloud)
    namespaces.prefix(cloud)
    lifecycle.run_inside(cloud, "reset", str(cloud.home), log="reset.log")
    return 0
