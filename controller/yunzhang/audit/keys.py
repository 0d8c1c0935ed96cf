"""The keys blocks are sealed with: a private file outside the database, one key a line.

The newest key is the last line; older ones stay, to verify what they sealed. A block names its key
by an id that tells nothing about it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from yunzhang import settings
from yunzhang.errors import Conflict, InputError
from yunzhang.kit.private import create_private, private_file, write_private

KEY_BYTES = 32
_LINE = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Key:
    """A key; shown by its id only."""

    secret: bytes

    def __repr__(self) -> str:
        return f"Key({self.id})"

    @property
    def id(self) -> str:
        """16 hex digits that name the key."""
        return hashlib.sha256(b"yunzhang audit key\0" + self.secret).hexdigest()[:16]

    def sign(self, digest: str) -> str:
        """HMAC-SHA256 (RFC 2104) of a block's digest, 64 hex digits."""
        return hmac.digest(self.secret, digest.encode("ascii"), "sha256").hex()


@dataclass(frozen=True, slots=True)
class Keyring:
    """All keys of an instance, oldest first."""

    keys: tuple[Key, ...]

    @property
    def newest(self) -> Key:
        """The key that new blocks are sealed with."""
        return self.keys[-1]

    def find(self, name: str) -> Key | None:
        """The key with that id."""
        return next((key for key in self.keys if key.id == name), None)


def key_file() -> Path:
    """Where the keys of this instance lie: `YUNZHANG_AUDIT_KEY`, else in the state's `secrets`."""
    current = settings.current()
    return current.audit_key or current.state / "secrets" / "audit.key"


def load_keys(path: Path | None = None) -> Keyring | None:
    """The keys in `path`, or this instance's; None when the file is not there.

    Raises InputError `secrets.open` or `audit.key_bad`.
    """
    file = path or key_file()
    if not file.is_file():
        return None
    lines = private_file(file).read_text("ascii").split()
    if not lines or not all(_LINE.fullmatch(line) for line in lines):
        raise InputError("audit.key_bad", path=str(file))
    return Keyring(tuple(Key(bytes.fromhex(line)) for line in lines))


def make_keys() -> Keyring:
    """A first key for this instance; of two processes that make one, both get the same."""
    create_private(key_file(), f"{secrets.token_hex(KEY_BYTES)}\n".encode())
    made = load_keys()
    if made is None:
        raise Conflict("audit.key_missing")
    return made


def rotate_key() -> Keyring:
    """Add a new key, with which blocks are sealed from now on; the older ones stay."""
    known = load_keys()
    if known is None:
        return make_keys()
    lines = [key.secret.hex() for key in known.keys] + [secrets.token_hex(KEY_BYTES)]
    write_private(key_file(), "".join(f"{line}\n" for line in lines).encode())
    return Keyring(tuple(Key(bytes.fromhex(line)) for line in lines))
