"""Work in a process of its own, so that its memory is its own; and the API on loopback."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[2]


def environment(database: str, state: Path) -> dict[str, str]:
    """The environment of an instance on `database`."""
    own = {"YUNZHANG_DATABASE_URL": database, "YUNZHANG_STATE": str(state)}
    return os.environ | own | {"PYTHONPATH": str(ROOT)}


def run_child(module: str, *arguments: str, env: dict[str, str]) -> dict[str, Any]:
    """Run `python -m module`; what it prints as JSON."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        check=True, stdout=subprocess.PIPE, cwd=ROOT, env=env,
    )  # fmt: skip
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(env: dict[str, str]) -> Iterator[str]:
    """The API by uvicorn on a free port of loopback; gives the URL of /api/v1."""
    port = _free_port()
    command = [sys.executable, "-m", "uvicorn", "yunzhang.api.app:make_app", "--factory"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--log-level", "warning"]
    server = subprocess.Popen(command, cwd=ROOT, env=env)
    url = f"http://127.0.0.1:{port}/api/v1"
    try:
        _await(url, server)
        yield url
    finally:
        server.terminate()
        server.wait(30)


def _await(url: str, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and server.poll() is None:
        try:
            httpx.get(f"{url}/health", timeout=5)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the API did not start")
