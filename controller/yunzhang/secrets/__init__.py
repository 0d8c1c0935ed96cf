"""Credentials by name. No read ever returns one; callers get paths to files only they may open."""

from __future__ import annotations

from pathlib import Path

from yunzhang import settings
from yunzhang.kit.private import OTHERS, private_file
from yunzhang.secrets.service import (
    SecretRead,
    add_secret,
    list_secrets,
    remove_secret,
    rotate_secret,
    secret_file,
)

__all__ = [
    "OTHERS",
    "SecretRead",
    "add_secret",
    "clouds_file",
    "list_secrets",
    "private_file",
    "remove_secret",
    "rotate_secret",
    "secret_file",
    "transfer_file",
]


def clouds_file() -> Path:
    """The clouds.yaml with the credentials of the clouds."""
    return private_file(settings.current().clouds)


def transfer_file() -> Path:
    """The file that says how the storage hosts of the clouds are entered."""
    return private_file(settings.current().transfer)
