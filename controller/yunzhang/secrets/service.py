"""The named secrets of an instance: files of mode 0600 in a directory of mode 0700.

What is known about one stands beside it, so that a list never opens a secret. Acts on secrets are
recorded by name before the file changes: a change without its entry cannot be.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from yunzhang import audit, clock, settings
from yunzhang.audit.keys import key_file
from yunzhang.audit.service import Actor
from yunzhang.db import Session
from yunzhang.errors import Conflict, InputError, NotFound
from yunzhang.kit.private import PART, private_directory, private_file, write_private

# No hidden names, no separators: a name is a file's name.
NAME = re.compile(r"[a-z0-9][a-z0-9_-]*(\.[a-z0-9_-]+)*")
LONGEST_NAME = 64
LARGEST = 64 * 1024
ABOUT = ".about"


@dataclass(frozen=True, slots=True)
class SecretRead:
    """What may be said about a secret: never its content, nor its length."""

    name: str
    since: datetime
    used_by: tuple[str, ...]
    kept_by: str = "secret"


def secrets_folder() -> Path:
    """The directory of the instance's secrets."""
    return private_directory(settings.current().state / "secrets")


def secret_file(name: str) -> Path:
    """The private file of a secret, for whoever uses it by name.

    Raises InputError `secrets.name_bad`, NotFound `secrets.unknown`, InputError `secrets.open`.
    """
    path = _path(name)
    if not path.is_file():
        raise NotFound("secrets.unknown", name=name)
    return private_file(path)


def add_secret(
    session: Session, principal: Actor, name: str, content: bytes, used_by: Sequence[str] = ()
) -> None:
    """Keep a new secret. Raises Conflict `secrets.taken`, InputError `secrets.size`."""
    path = _path(name)
    _check(content)
    if path.exists():
        raise Conflict("secrets.taken", name=name)
    audit.record(session, principal, "create", "secret", name, used_by=sorted(used_by))
    session.flush()
    _describe(path, sorted(set(used_by)))
    write_private(path, content)


def rotate_secret(session: Session, principal: Actor, name: str, content: bytes) -> None:
    """Put a new secret in the place of the old one: readers find one or the other, whole.

    Raises what `secret_file` raises, InputError `secrets.size`, Conflict `secrets.same`.
    """
    path = secret_file(name)
    _check(content)
    if path.read_bytes() == content:
        raise Conflict("secrets.same", name=name)
    audit.record(session, principal, "rotate", "secret", name)
    session.flush()
    write_private(path, content)
    _describe(path, _about(path).get("used_by", []))


def remove_secret(session: Session, principal: Actor, name: str) -> None:
    """Forget a secret. Raises what `secret_file` raises."""
    path = _path(name)
    if not path.is_file():
        raise NotFound("secrets.unknown", name=name)
    audit.record(session, principal, "remove", "secret", name)
    session.flush()
    path.unlink()
    _about_file(path).unlink(missing_ok=True)


def list_secrets() -> list[SecretRead]:
    """All secrets by name, with the files that settings name, and where each is used."""
    found = list(_named())
    current = settings.current()
    for path, setting in (
        (current.clouds, "YUNZHANG_CLOUDS"),
        (current.transfer, "YUNZHANG_TRANSFER"),
        (key_file(), "YUNZHANG_AUDIT_KEY"),
    ):
        if path.is_file():
            found.append(SecretRead(path.name, _changed(path), (setting,), "settings"))
    return sorted(found, key=lambda secret: secret.name)


def _named() -> Iterator[SecretRead]:
    for path in secrets_folder().iterdir():
        if path.is_file() and path != key_file() and not path.name.startswith((PART, ".")):
            about = _about(path)
            since = datetime.fromisoformat(about["since"]) if "since" in about else _changed(path)
            yield SecretRead(path.name, since, tuple(about.get("used_by", ())))


def _path(name: str) -> Path:
    if not NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise InputError("secrets.name_bad", name=name)
    path = secrets_folder() / name
    if path == key_file():
        raise Conflict("secrets.audit_key", name=name)
    return path


def _check(content: bytes) -> None:
    if not 0 < len(content) <= LARGEST:
        raise InputError("secrets.size", largest=LARGEST)


def _changed(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _about_file(path: Path) -> Path:
    return path.with_name(f".{path.name}{ABOUT}")


def _about(path: Path) -> dict[str, Any]:
    try:
        known: dict[str, Any] = json.loads(_about_file(path).read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return known


def _describe(path: Path, used_by: Sequence[str]) -> None:
    about = {"since": clock.now().isoformat(), "used_by": list(used_by)}
    write_private(_about_file(path), json.dumps(about, ensure_ascii=False).encode("utf-8"))
