"""Making a back-up while the controller works.

Order matters. Anchors are copied first, so that they never know more than the database. Databases
follow, of one moment. Files of runs come last: what the database knows of them is then there.
"""

from __future__ import annotations

import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sqlalchemy import URL, make_url

from yunzhang import __version__, audit, clock, db, settings
from yunzhang.audit.anchors import anchor_file
from yunzhang.audit.keys import key_file
from yunzhang.backup import postgresql, sqlite
from yunzhang.backup.manifest import NAME, BackedFile, Manifest, copy_file, hash_file
from yunzhang.db.engine import durable_url
from yunzhang.db.migration import current_revision
from yunzhang.errors import Conflict
from yunzhang.kit.private import PART, private_directory, write_private

# Parts of a back-up.
DATABASE, ENGINE, ANCHORS = "database", "engine", "anchors.jsonl"
STATE, PLANS = "state", "plans"
# The folder of secrets, in the state and where they are written apart.
SECRETS = "secrets"
SIDE_FILES = ("", "-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True)
class _Copied:
    """What was copied: the kind of database and its version, rows of the product's and engine's."""

    kind: Literal["sqlite", "postgresql"]
    version: str
    rows: dict[str, int]
    engine_rows: dict[str, int]


def create_backup(target: Path, secrets_to: Path | None = None) -> Manifest:
    """Back the instance up into directory `target`, or into one file when its name ends in `.tar`
    or `.tar.gz`; its secrets into directory `secrets_to`, if that is given.

    Raises Conflict `backup.exists`, `backup.engine_apart`, `backup.together`.
    """
    for wanted in (target, secrets_to):
        if wanted is not None and wanted.exists():
            raise Conflict("backup.exists", path=str(wanted))
    if secrets_to is not None and secrets_to.absolute().is_relative_to(target.absolute()):
        raise Conflict("backup.together")
    target.absolute().parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=PART, dir=target.absolute().parent))
    try:
        manifest = _fill(part / "backup", target.absolute(), secrets_to)
        if is_archive(target):
            _pack(part / "backup", part / target.name)
            (part / target.name).replace(target)
        else:
            (part / "backup").replace(target)
    finally:
        shutil.rmtree(part)
    if secrets_to is not None:
        _copy_secrets(secrets_to)
    return manifest


def is_archive(path: Path) -> bool:
    """Whether a name asks for one file rather than a directory."""
    return path.name.endswith((".tar", ".tar.gz", ".tgz"))


def _fill(folder: Path, target: Path, secrets_to: Path | None) -> Manifest:
    private_directory(folder)
    files: list[BackedFile] = []
    if anchor_file().is_file():
        _add(files, anchor_file(), folder, ANCHORS)
    copied = _copy_databases(folder)
    for name in (DATABASE, ENGINE):
        file = folder / name
        if file.is_file():
            size = file.stat().st_size
            files.append(BackedFile(path=name, bytes=size, sha256=hash_file(file), mode=0o600))
    skipped: list[str] = []
    apart = {path.absolute() for path in (target, secrets_to) if path is not None}
    for root, name in ((settings.current().state, STATE), (settings.current().plans, PLANS)):
        for file in _files_of(root, apart, skipped):
            _add(files, file, folder, f"{name}/{file.relative_to(root).as_posix()}")
    with db.reading() as session:
        head = audit.head(session)
    manifest = Manifest(
        made_at=clock.now(),
        version=__version__,
        revision=current_revision(),
        database=copied.kind,
        database_version=copied.version,
        rows=copied.rows,
        engine_rows=copied.engine_rows,
        audit_block=head.number if head else 0,
        audit_digest=head.digest if head else "",
        audit_key=head.key if head else "",
        files=files,
        skipped=skipped,
    )
    write_private(folder / NAME, manifest.model_dump_json(indent=1).encode("utf-8"))
    return manifest


def _add(files: list[BackedFile], source: Path, folder: Path, path: str) -> None:
    try:
        size, digest = copy_file(source, folder / path)
        mode = source.stat().st_mode & 0o700
    except FileNotFoundError:
        return  # gone since it was listed, as files of runs may be
    files.append(BackedFile(path=path, bytes=size, sha256=digest, mode=mode))


def _copy_databases(folder: Path) -> _Copied:
    url, engine = make_url(settings.current().database), durable_url()
    if url.get_backend_name() != engine.get_backend_name():
        raise Conflict("backup.engine_apart")
    if url.get_backend_name() != "sqlite":
        return _dump_databases(url, engine, folder)
    own, durable = Path(url.database or ""), Path(engine.database or "")
    with sqlite.writers_held(own):
        sqlite.copy_database(own, folder / DATABASE)
        if durable.is_file():
            sqlite.copy_database(durable, folder / ENGINE)
    engine_rows = sqlite.count_rows(folder / ENGINE) if (folder / ENGINE).is_file() else {}
    rows = sqlite.count_rows(folder / DATABASE)
    return _Copied("sqlite", sqlite3.sqlite_version, rows, engine_rows)


def _dump_databases(url: URL, engine: URL, folder: Path) -> _Copied:
    if postgresql.is_same(url, engine):
        dumped = postgresql.dump_database(url, folder / DATABASE)
        return _Copied("postgresql", dumped.version, dumped.rows, {})
    own, durable = postgresql.dump_both(url, engine, folder / DATABASE, folder / ENGINE)
    # the newer of two servers decides which programs can read both
    version = max(own.version, durable.version, key=lambda told: int(told.partition(".")[0]))
    return _Copied("postgresql", version, own.rows, durable.rows)


def _files_of(root: Path, apart: set[Path], skipped: list[str]) -> Iterator[Path]:
    """Regular files to keep: no databases (copied in their own way), secrets, or back-ups."""
    current = settings.current()
    databases = [make_url(current.database).database, durable_url().database]
    left_out = {Path(f"{d}{side}").absolute() for d in databases if d for side in SIDE_FILES}
    left_out |= apart | {anchor_file(), key_file(), current.clouds, current.transfer}
    left_out |= {current.state / SECRETS}
    if root == current.state:
        left_out |= {current.plans}

    def walk(folder: Path) -> Iterator[Path]:
        try:
            entries = sorted(folder.iterdir())
        except FileNotFoundError:
            return
        for entry in entries:
            if entry in left_out or entry.name.startswith(PART):
                continue
            if entry.is_symlink():
                skipped.append(str(entry))
            elif entry.is_dir():
                yield from walk(entry)
            elif entry.is_file():
                yield entry

    yield from walk(root)


def _pack(folder: Path, target: Path) -> None:
    members = [f for f in sorted(folder.rglob("*")) if f.is_file() and f != folder / NAME]
    options = {} if target.name.endswith(".tar") else {"compresslevel": 3}
    with tarfile.TarFile.open(target, "w:gz" if options else "w", **options) as archive:  # type: ignore[call-overload]
        # the manifest first, so that a reader of the beginning knows what follows
        for file in (folder / NAME, *members):
            archive.add(file, file.relative_to(folder).as_posix())
    target.chmod(0o600)


def _copy_secrets(target: Path) -> None:
    current = settings.current()
    private_directory(target)
    kept = current.state / SECRETS
    for file in sorted(kept.rglob("*")) if kept.is_dir() else ():
        if file.is_file() and not file.name.startswith(PART):
            copy_file(file, target / SECRETS / file.relative_to(kept))
    for file, name in (
        (current.clouds, "clouds.yaml"),
        (current.transfer, "transfer.json"),
        (key_file(), f"{SECRETS}/audit.key"),
    ):
        if file.is_file() and not (target / name).exists():
            copy_file(file, target / name)
