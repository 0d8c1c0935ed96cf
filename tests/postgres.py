"""A throw-away PostgreSQL server on a unix socket, without durability."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
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
def server() -> Iterator[str]:
    """Start a server with its data in a folder of its own; gives its URL; stops it at the end.

    Not in pytest's folder: another test run closes that to the server's user, who then ends.
    """
    with tempfile.TemporaryDirectory(prefix="yunzhang-postgres-") as folder:
        yield from _serve(Path(folder))


def _serve(folder: Path) -> Iterator[str]:
    data, sockets = folder / "data", folder / "s"
    folder.chmod(0o711)
    for path in (data, sockets):
        path.mkdir()
        if os.geteuid() == 0:
            shutil.chown(path, "postgres", "postgres")
    _run(_binary("initdb"), "-D", str(data), "-A", "trust", "-U", "yunzhang", "-E", "UTF8")
    options = f"-k {sockets} -c listen_addresses='' -c fsync=off -c full_page_writes=off"
    _run(_binary("pg_ctl"), "-D", str(data), "-o", options, "-l", f"{data}/log", "-w", "start")
    try:
        yield f"postgresql+psycopg://yunzhang@/postgres?host={sockets}"
    finally:
        _run(_binary("pg_ctl"), "-D", str(data), "-m", "immediate", "-w", "stop")
