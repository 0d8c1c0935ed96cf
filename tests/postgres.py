"""A throw-away PostgreSQL server on a unix socket, without durability."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def _binary(name: str) -> str:
    found = shutil.which(name) or max(
        (str(p) for p in Path("/usr/lib/postgresql").glob(f"*/bin/{name}")), default=None
    )
    if found is None:
        raise RuntimeError(f"{name} not found: run `make setup` (Debian package postgresql)")
    return found


def _run(*command: str) -> None:
    # initdb and the server refuse root
    user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
    subprocess.run(
        command,
        check=True,
        stdout=subprocess.DEVNULL,
        user=user.pw_uid if user else None,
        group=user.pw_gid if user else None,
        cwd="/",
    )


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """Start a server with its data in `folder`; gives its URL; stops it at the end."""
    data, sockets = folder / "data", folder / "s"
    for path in (data, sockets):
        path.mkdir()
        if os.geteuid() == 0:
            shutil.chown(path, "postgres", "postgres")
    if os.geteuid() == 0:
        # pytest's own directories are closed to others; the server's user must pass through
        for parent in (folder, *folder.parents[:3]):
            if parent.is_relative_to("/tmp"):
                parent.chmod(parent.stat().st_mode | 0o011)
    _run(_binary("initdb"), "-D", str(data), "-A", "trust", "-U", "yunzhang", "-E", "UTF8")
    options = f"-k {sockets} -c listen_addresses='' -c fsync=off -c full_page_writes=off"
    _run(_binary("pg_ctl"), "-D", str(data), "-o", options, "-l", f"{data}/log", "-w", "start")
    try:
        yield f"postgresql+psycopg://yunzhang@/postgres?host={sockets}"
    finally:
        _run(_binary("pg_ctl"), "-D", str(data), "-m", "immediate", "-w", "stop")
