"""One MariaDB per profile: Unix socket only, durability off."""

from __future__ import annotations

import hashlib
import os
import subprocess
import time
from pathlib import Path

from devcloud import processes
from devcloud.errors import DevcloudError
from devcloud.layout import CLOUDS, INNER_DATABASE, PACKAGE, Cloud, Profile

NAMES = ("keystone", "placement", "glance", "nova_api", "nova", "nova_cell0", "neutron", "cinder")
SOCKET = "mysql.sock"
OPTIONS = (
    "--no-defaults",
    "--user=root",
    "--skip-networking",
    "--skip-name-resolve",
    # It only has to survive "down"; a crash of the machine may cost the cloud.
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-flush-method=nosync",
    "--innodb-doublewrite=0",
    "--sync-binlog=0",
    "--skip-log-bin",
    "--innodb-buffer-pool-size=192M",
    "--innodb-log-file-size=64M",
    "--innodb-stats-persistent=0",
    "--performance-schema=OFF",
    "--max-connections=600",
)


def folder(profile: Profile) -> Path:
    """Return the data directory; it is also where the socket lies."""
    return profile.home / "database"


def url(cloud: Cloud, name: str, password: str) -> str:
    """Return the address of one of the cloud's databases, as its services use it."""
    where = f"unix_socket={INNER_DATABASE}/{SOCKET}"
    return f"mysql+pymysql://{cloud.name}:{password}@localhost/{cloud.name}_{name}?charset=utf8mb3&{where}"


def start(profile: Profile, passwords: dict[str, dict[str, str]]) -> None:
    """Start the server, making its system tables the first time."""
    data = folder(profile)
    log = profile.home / "database.log"
    if processes.read_pid(profile.home / "pids" / "database"):
        return
    data.mkdir(parents=True, exist_ok=True)
    (data / "tmp").mkdir(exist_ok=True)
    if not (data / "installed").exists():
        install = [
            "mariadb-install-db",
            "--no-defaults",
            "--user=root",
            f"--datadir={data}",
            "--skip-test-db",
        ]
        processes.run(
            [*install, "--auth-root-authentication-method=socket", "--force"],
            log=log,
            what="mariadb-install-db",
        )
        (data / "installed").touch()
    # Relative names are taken from the data directory: a socket's path must be short.
    words = [
        "mariadbd",
        *OPTIONS,
        f"--datadir={data}",
        f"--tmpdir={data}/tmp",
        f"--socket={SOCKET}",
        "--pid-file=pid",
    ]
    processes.spawn(
        words, pid_file=profile.home / "pids" / "database", log=log, env=dict(os.environ), cwd=data
    )
    _wait(profile, log)
    grants = [
        f"CREATE USER IF NOT EXISTS '{name}'@'localhost' "
        f"IDENTIFIED BY '{passwords[name]['database']}'; "
        f"GRANT ALL ON `{name}\\_%`.* TO '{name}'@'localhost'"
        for name in CLOUDS
    ]
    execute(profile, "; ".join(grants))


def _wait(profile: Profile, log: Path) -> None:
    limit = time.monotonic() + 60
    while _client(profile, ["-e", "SELECT 1"]).returncode:
        if time.monotonic() > limit or not processes.read_pid(profile.home / "pids" / "database"):
            raise DevcloudError("MariaDB did not start", log=log)
        time.sleep(0.1)


def _client(
    profile: Profile, arguments: list[str], program: str = "mariadb", text: str | None = None
) -> subprocess.CompletedProcess[str]:
    words = [program, "--no-defaults", f"--socket={SOCKET}", "--user=root", *arguments]
    return subprocess.run(
        words, cwd=folder(profile), capture_output=True, text=True, check=False, input=text
    )


def execute(profile: Profile, statements: str) -> str:
    """Run SQL and return its rows, tab-separated."""
    done = _client(profile, ["--batch", "--skip-column-names", "-e", statements])
    if done.returncode:
        raise DevcloudError(f"MariaDB: {done.stderr.strip()}", log=profile.home / "database.log")
    return done.stdout


def create_empty(cloud: Cloud) -> None:
    """Make the cloud's databases anew, empty."""
    words = [
        f"DROP DATABASE IF EXISTS {cloud.name}_{name}; "
        f"CREATE DATABASE {cloud.name}_{name} CHARACTER SET utf8mb3"
        for name in NAMES
    ]
    execute(cloud.profile, "; ".join(words))


def dump_folder(profile: Profile) -> Path:
    """Return where the dump of freshly synced databases belongs; it follows the pins."""
    parts = [(PACKAGE / name).read_bytes() for name in ("requirements.lock", "schema.py")]
    return profile.cache / f"schema-{hashlib.sha256(b''.join(parts)).hexdigest()[:16]}"


def dump(cloud: Cloud) -> None:
    """Keep the synced databases for the next cloud; they hold no secret yet."""
    target = dump_folder(cloud.profile)
    partial = target.with_name(f"{target.name}.{os.getpid()}.new")
    partial.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        done = _client(
            cloud.profile,
            ["--skip-comments", "--single-transaction", f"{cloud.name}_{name}"],
            "mariadb-dump",
        )
        if done.returncode:
            raise DevcloudError(f"mariadb-dump: {done.stderr.strip()}")
        (partial / f"{name}.sql").write_text(done.stdout)
    if target.exists():
        for path in partial.iterdir():
            path.unlink()
        partial.rmdir()
    else:
        partial.replace(target)


def restore(cloud: Cloud) -> bool:
    """Fill the cloud's empty databases from the dump, if there is one."""
    source = dump_folder(cloud.profile)
    if not source.exists():
        return False
    for name in NAMES:
        script = (
            "SET foreign_key_checks=0; SET unique_checks=0;\n"
            + (source / f"{name}.sql").read_text()
        )
        done = _client(cloud.profile, [f"{cloud.name}_{name}"], text=script)
        if done.returncode:
            raise DevcloudError(f"restoring {name}: {done.stderr.strip()}")
    return True


def forget_heartbeats(cloud: Cloud) -> None:
    """Make services that ran before look down until they report again."""
    old = "'2000-01-01 00:00:00'"
    execute(
        cloud.profile,
        f"UPDATE {cloud.name}_nova.services SET updated_at={old}, last_seen_up={old};"
        f"UPDATE {cloud.name}_cinder.services SET updated_at={old}",
    )


def stop(profile: Profile) -> None:
    """Stop the server."""
    pid = processes.read_pid(profile.home / "pids" / "database")
    if pid:
        processes.end([pid], grace=30.0)
    (profile.home / "pids" / "database").unlink(missing_ok=True)
