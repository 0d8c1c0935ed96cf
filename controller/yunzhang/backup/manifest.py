"""What a back-up says about itself: its files with their SHA-256, the revision, rows per table."""

from __future__ import annotations

import hashlib
import os
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from yunzhang.errors import InputError

NAME = "manifest.json"
# Read and copied at a time.
CHUNK = 1 << 20


class BackedFile(BaseModel):
    """A file of the back-up; its path is relative and never leaves the back-up."""

    model_config = ConfigDict(extra="forbid")

    path: str
    bytes: int
    sha256: str
    mode: int

    @field_validator("path")
    @classmethod
    def _inside(cls, value: str) -> str:
        parts = PurePosixPath(value).parts
        if not parts or value.startswith("/") or ".." in parts or "\0" in value:
            raise ValueError(value)
        return value


class Manifest(BaseModel):
    """`manifest.json`. `rows` are those of the copied database, so of one moment; `engine_rows`
    those of the engine's own tables, where they were copied apart. `audit_key` is the id of the key
    that sealed the newest block. Back-ups of earlier versions lack both."""

    model_config = ConfigDict(extra="forbid")

    format: Literal[1] = 1
    made_at: datetime
    version: str
    revision: str | None
    database: Literal["sqlite", "postgresql"]
    database_version: str
    rows: dict[str, int]
    engine_rows: dict[str, int] = Field(default_factory=dict)
    audit_block: int
    audit_digest: str
    audit_key: str = ""
    files: list[BackedFile] = Field(default_factory=list)
    skipped: list[str] = Field(default_factory=list)

    @property
    def bytes(self) -> int:
        """Size of all files together."""
        return sum(file.bytes for file in self.files)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a back-up. Raises InputError `backup.not_one`."""
    try:
        return Manifest.model_validate_json((folder / NAME).read_bytes())
    except (OSError, ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise InputError("backup.not_one", path=str(folder), reason=reason) from error


def copy_file(source: Path, target: Path) -> tuple[int, str]:
    """Copy a file, flushed to the disk; size and SHA-256 of what was read, whatever comes after."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with source.open("rb") as reading, target.open("xb") as writing:
        os.fchmod(writing.fileno(), os.fstat(reading.fileno()).st_mode & 0o700)
        while chunk := reading.read(CHUNK):
            digest.update(chunk)
            writing.write(chunk)
            size += len(chunk)
        writing.flush()
        os.fsync(writing.fileno())
    return size, digest.hexdigest()


def hash_file(path: Path) -> str:
    """SHA-256 of a file, 64 hex digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
