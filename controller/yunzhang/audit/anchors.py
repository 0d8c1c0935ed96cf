"""Anchors: the digests of sealed blocks, kept in a file outside the database.

A line per block, flushed to the disk before the next. Whoever rewrites or cuts the database must
also reach every copy of this file: write it to another machine, or print its last line.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from yunzhang import settings
from yunzhang.errors import InputError
from yunzhang.kit.private import private_directory, sync_directory

# More than a line takes: what is read from the end to find the last one.
TAIL = 4096


@dataclass(frozen=True, slots=True)
class Anchor:
    """The head of a block: number, time (ISO 8601, UTC), entries in it, digest and its HMAC."""

    block: int
    at: str
    count: int
    digest: str
    mac: str

    @property
    def line(self) -> bytes:
        """The anchor as a line of the file."""
        return json.dumps(asdict(self), separators=(",", ":")).encode("ascii") + b"\n"


def anchor_file() -> Path:
    """Where anchors go: `YUNZHANG_AUDIT_ANCHOR`, else `audit/anchors.jsonl` under the state."""
    current = settings.current()
    return current.audit_anchor or current.state / "audit" / "anchors.jsonl"


def read_anchors(path: Path) -> Iterator[Anchor]:
    """The anchors a file has now, one by one, by block; a torn last line is passed over.

    What is added while the file is read is left for the next time.
    Raises InputError `audit.anchor_bad` with the number of a line that is none or out of order.
    """
    last = 0
    with path.open("rb") as stream:
        left = os.fstat(stream.fileno()).st_size
        for number, line in enumerate(stream, 1):
            left -= len(line)
            if left < 0 or not line.endswith(b"\n"):
                return
            anchor = _parse(line, path, number)
            if anchor.block <= last:
                raise InputError("audit.anchor_bad", path=str(path), line=number)
            last = anchor.block
            yield anchor


def last_anchor(path: Path) -> Anchor | None:
    """The last whole line of a file; None when there is none."""
    if not path.is_file():
        return None
    with path.open("rb") as stream:
        return _last(stream, path)


@contextmanager
def appending(path: Path) -> Iterator[tuple[BinaryIO, Anchor | None]]:
    """The file, held against other processes, with its last anchor; a torn line is cut off."""
    private_directory(path.parent)
    fresh = not path.exists()
    number = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(number, "r+b") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        if fresh:
            sync_directory(path.parent)
        _mend(stream)
        last = _last(stream, path)
        stream.seek(0, os.SEEK_END)
        yield stream, last


def append(stream: BinaryIO, anchors: Iterable[Anchor]) -> int:
    """Add anchors and flush them to the disk; how many."""
    lines = [anchor.line for anchor in anchors]
    if lines:
        stream.write(b"".join(lines))
        stream.flush()
        os.fsync(stream.fileno())
    return len(lines)


def _tail(stream: BinaryIO) -> tuple[int, bytes]:
    size = stream.seek(0, os.SEEK_END)
    begin = max(0, size - TAIL)
    stream.seek(begin)
    return begin, stream.read()


def _mend(stream: BinaryIO) -> None:
    begin, tail = _tail(stream)
    if tail and not tail.endswith(b"\n"):
        stream.truncate(begin + tail.rfind(b"\n") + 1)


def _last(stream: BinaryIO, path: Path) -> Anchor | None:
    _, tail = _tail(stream)
    lines = tail[: tail.rfind(b"\n") + 1].splitlines(keepends=True)
    return _parse(lines[-1], path, None) if lines else None


def _parse(line: bytes, path: Path, number: int | None) -> Anchor:
    try:
        return Anchor(**json.loads(line))
    except (ValueError, TypeError) as error:
        raise InputError("audit.anchor_bad", path=str(path), line=number or "-1") from error
