"""Files that stand for disks, and requests for agents on them."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

from yunzhang.clouds.transfer_hosts import Agent, TransferHost

MIB = 1 << 20


def host(spool: Path, cloud: str = "here") -> TransferHost:
    """This machine as a transfer host."""
    return TransferHost(cloud=cloud, python=sys.executable, spool=spool)


def request(path: Path, **more: Any) -> dict[str, Any]:
    """A request for the disk in `path`."""
    return {"connection": {"driver_volume_type": "file", "path": str(path)}, **more}


def sparse(path: Path, size: int, extents: list[tuple[int, bytes]]) -> Path:
    """A file of `size` bytes with `extents` written into it."""
    with path.open("wb") as file:
        file.truncate(size)
        for offset, content in extents:
            file.seek(offset)
            file.write(content[: max(0, size - offset)])
    return path


def sha256(path: Path, length: int | None = None) -> str:
    """Digest of the first `length` bytes, by other means than the agent's."""
    return hashlib.sha256(path.read_bytes()[:length]).hexdigest()


def frames(path: Path) -> bytes:
    """The stream an agent makes of `path`."""
    agent = Agent(host(path.parent), "read", request(path))
    try:
        stream = b"".join(iter(lambda: agent.stdout.read(MIB), b""))
        agent.finish()
        return stream
    finally:
        agent.stop()


def feed(path: Path, stream: bytes) -> dict[str, Any]:
    """Let an agent write `stream` to `path`; its result."""
    agent = Agent(host(path.parent), "write", request(path))
    try:
        rest = memoryview(stream)
        try:
            while rest:
                rest = rest[agent.stdin.write(rest) :]
        except BrokenPipeError:
            pass  # it refused; finish() says why
        agent.stdin.close()
        return agent.finish()
    finally:
        agent.stop()
