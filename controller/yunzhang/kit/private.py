"""Files that only their owner may read: written whole or not at all, checked before they are read.

Keys and credentials lie in such files. Rename within one directory is atomic (POSIX), so a reader
sees the old content or the new, and a crash leaves at most a hidden file that nobody reads.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from yunzhang.errors import InputError, NotFound

# Bits that would let anybody but the owner in.
OTHERS = 0o077
PART = ".part-"


def private_directory(path: Path) -> Path:
    """`path` as a directory for its owner only (0700), made when it is missing."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.stat().st_mode & OTHERS:
        path.chmod(0o700)
    return path


def private_file(path: Path) -> Path:
    """`path`, provided it exists and only its owner may read it.

    Raises NotFound `secrets.missing` or InputError `secrets.open`.
    """
    if not path.is_file():
        raise NotFound("secrets.missing", path=str(path))
    if path.stat().st_mode & OTHERS:
        raise InputError("secrets.open", path=str(path))
    return path


def write_private(path: Path, content: bytes) -> None:
    """Put `content` in the place of whatever `path` was, mode 0600, safe against power cuts."""
    part = _written(path, content)
    part.replace(path)
    sync_directory(path.parent)


def create_private(path: Path, content: bytes) -> bool:
    """Write `path` unless it exists; False when it did, also when another process was first."""
    part = _written(path, content)
    try:
        os.link(part, path)
    except FileExistsError:
        return False
    finally:
        part.unlink()
    sync_directory(path.parent)
    return True


def _written(path: Path, content: bytes) -> Path:
    # mkstemp makes it 0600 from the first moment
    number, name = tempfile.mkstemp(prefix=PART, dir=private_directory(path.parent))
    with os.fdopen(number, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    return Path(name)


def sync_directory(path: Path) -> None:
    """Make names that came or went in `path` survive a power cut."""
    number = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
