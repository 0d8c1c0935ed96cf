"""Checking a back-up without touching any instance."""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from yunzhang.backup import postgresql, sqlite
from yunzhang.backup.creating import DATABASE, ENGINE
from yunzhang.backup.manifest import NAME, Manifest, hash_file, read_manifest
from yunzhang.errors import Conflict, InputError


@contextmanager
def opened(source: Path) -> Iterator[Path]:
    """The back-up as a directory: itself, or an archive unpacked beside it for the time being.

    Raises InputError `backup.not_one`.
    """
    if source.is_dir():
        yield source
        return
    with tempfile.TemporaryDirectory(dir=source.absolute().parent) as name:
        try:
            with tarfile.open(source) as archive:
                # refuses links, devices and paths that lead out
                archive.extractall(name, filter="data")
        except (tarfile.TarError, OSError, EOFError) as error:
            raise InputError("backup.not_one", path=str(source), reason=str(error)) from error
        yield Path(name)


def verify_backup(folder: Path) -> Manifest:
    """Compare every file of an opened back-up with its manifest, and read the database's copy.

    Raises Conflict `backup.changed`, `backup.missing`, `backup.extra`, `backup.rows_differ`.
    """
    manifest = read_manifest(folder)
    known = {NAME}
    for file in manifest.files:
        path = folder / file.path
        if not path.is_file() or path.is_symlink():
            raise Conflict("backup.missing", path=file.path)
        if path.stat().st_size != file.bytes or hash_file(path) != file.sha256:
            raise Conflict("backup.changed", path=file.path)
        known.add(file.path)
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if not path.is_dir() and name not in known:
            raise Conflict("backup.extra", path=name)
    if DATABASE not in known:
        raise Conflict("backup.missing", path=DATABASE)
    for name, wanted in ((DATABASE, manifest.rows), (ENGINE, manifest.engine_rows)):
        if name in known:
            _check_database(folder / name, manifest, wanted)
    return manifest


def _check_database(copy: Path, manifest: Manifest, wanted: dict[str, int]) -> None:
    if manifest.database == "postgresql":
        postgresql.check_dump(copy)
    elif wanted and (rows := sqlite.count_rows(copy)) != wanted:
        raise Conflict("backup.rows_differ", found=rows, wanted=wanted)
