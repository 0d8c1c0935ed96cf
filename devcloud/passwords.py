"""Generated secrets, one file per profile, readable by root only."""

from __future__ import annotations

import base64
import json
import os
import secrets
from pathlib import Path

from devcloud.layout import CLOUDS, Profile

KINDS = (
    "admin",
    "service",
    "database",
    "broker",
    "cookie",
    "metadata",
    "volume_key",
    "fernet_0",
    "fernet_1",
)


def write_private(path: Path, text: str) -> None:
    """Replace a file by one only its owner can read; readers see the old or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.new")
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as stream:
        stream.write(text)
    partial.replace(path)


def _fresh(kind: str) -> str:
    if kind == "volume_key":
        return secrets.token_hex(32)
    if kind.startswith("fernet"):
        return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    return secrets.token_urlsafe(24)


def load_passwords(profile: Profile) -> dict[str, dict[str, str]]:
    """Return the secrets by cloud and kind; make those that are missing."""
    path = profile.home / "secrets.json"
    known: dict[str, dict[str, str]] = json.loads(path.read_text()) if path.exists() else {}
    before = json.dumps(known)
    for cloud in CLOUDS:
        of_cloud = known.setdefault(cloud, {})
        for kind in KINDS:
            of_cloud.setdefault(kind, _fresh(kind))
    if json.dumps(known) != before:
        write_private(path, json.dumps(known, indent=1) + "\n")
    return known
