"""Credentials by name. No read ever returns one; callers get paths to files only they may open."""

from __future__ import annotations

from pathlib import Path

from yunzhang import settings
from yunzhang.errors import InputError, NotFound

# Bits that would let anybody but the owner in.
OTHERS = 0o077


def private_file(path: Path) -> Path:
    """`path`, provided it exists and only its owner may read it.

    Raises NotFound `secrets.missing` or InputError `secrets.open`.
    """
    if not path.is_file():
        raise NotFound("secrets.missing", path=str(path))
    if path.stat().st_mode & OTHERS:
        raise InputError("secrets.open", path=str(path))
    return path


def clouds_file() -> Path:
    """The clouds.yaml with the credentials of the clouds."""
    return private_file(settings.current().clouds)


def transfer_file() -> Path:
    """The file that says how the storage hosts of the clouds are entered."""
    return private_file(settings.current().transfer)
