"""Putting a back-up into an empty instance, after every digest was checked."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, make_url

from yunzhang import settings
from yunzhang.audit.anchors import anchor_file
from yunzhang.audit.keys import load_keys
from yunzhang.backup import postgresql
from yunzhang.backup.creating import ANCHORS, DATABASE, ENGINE, PLANS, SECRETS, STATE
from yunzhang.backup.manifest import Manifest, copy_file
from yunzhang.backup.verifying import opened, verify_backup
from yunzhang.db import make_engine
from yunzhang.db.engine import durable_url
from yunzhang.db.migration import list_revisions
from yunzhang.errors import Conflict, InputError
from yunzhang.kit.private import PART, private_directory


@dataclass(frozen=True, slots=True)
class Target:
    """Where an instance lives: databases, state, plans, anchors."""

    state: Path
    plans: Path
    database: URL
    engine: URL
    anchors: Path

    @classmethod
    def of_settings(cls) -> Target:
        """The instance that the settings name."""
        current = settings.current()
        return cls(
            current.state,
            current.plans,
            make_url(current.database),
            durable_url(),
            anchor_file(),
        )

    @classmethod
    def below(cls, folder: Path, database: str | None = None, engine: str | None = None) -> Target:
        """An instance with everything below `folder`, or with its tables in `database`, and those
        of the durable engine in `engine`."""
        state = folder.absolute()
        own = make_url(database or f"sqlite:///{state}/yunzhang.db")
        if engine is not None:
            durable = make_url(engine)
        elif own.get_backend_name() == "sqlite":
            durable = make_url(f"sqlite:///{state}/engine.db")
        else:
            durable = own
        return cls(
            state,
            state / "plans",
            own,
            durable,
            state / "audit" / "anchors.jsonl",
        )


def restore_backup(
    source: Path, target: Target, secrets: Path | None = None, *, dry_run: bool = False
) -> Manifest:
    """Put the back-up `source`, with the secrets it was made with, into the empty `target`.

    Nothing is touched before all is checked; `dry_run` ends there. Raises Conflict
    `backup.not_empty`, `backup.engine_places` or `backup.other_key`, InputError
    `backup.other_kind`, `backup.newer` or `backup.no_secrets`, and what `verify_backup` raises.
    """
    check_empty(target)
    with opened(source) as folder:
        manifest = verify_backup(folder)
        _check_databases(manifest, target)
        if manifest.revision is not None and manifest.revision not in list_revisions():
            raise InputError("backup.newer", revision=manifest.revision, version=manifest.version)
        if secrets is not None:
            _check_secrets(secrets, manifest)
        if not dry_run:
            _restore(folder, manifest, target, secrets)
    return manifest


def _check_databases(manifest: Manifest, target: Target) -> None:
    """As many databases as were backed up: the engine of an instance that has none begins anew, and
    what was handed over to it would never be done."""
    if {manifest.database} != {u.get_backend_name() for u in (target.database, target.engine)}:
        raise InputError("backup.other_kind", kind=manifest.database)
    if manifest.database == "postgresql":
        apart = any(file.path == ENGINE for file in manifest.files)
        if apart == postgresql.is_same(target.database, target.engine):
            raise Conflict("backup.engine_places", found=2 if apart else 1)


def _check_secrets(secrets: Path, manifest: Manifest) -> None:
    kept = secrets / SECRETS
    if not kept.is_dir():
        raise InputError("backup.no_secrets", path=str(secrets))
    keys = load_keys(kept / "audit.key")
    if manifest.audit_key and (keys is None or keys.find(manifest.audit_key) is None):
        raise Conflict("backup.other_key", path=str(secrets), key=manifest.audit_key)


def check_empty(target: Target) -> None:
    """Raise Conflict `backup.not_empty` when anything of an instance is there already."""
    for folder in (target.state, target.plans):
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise Conflict("backup.not_empty", place=str(folder))
    if target.anchors.exists():
        raise Conflict("backup.not_empty", place=str(target.anchors))
    for url in (target.database, target.engine):
        if url.get_backend_name() == "sqlite":
            if Path(url.database or "").exists():
                raise Conflict("backup.not_empty", place=url.database)
            continue
        engine = make_engine(url)
        try:
            if postgresql.has_tables(engine):
                raise Conflict("backup.not_empty", place=engine.url.render_as_string())
        finally:
            engine.dispose()


def _restore(folder: Path, manifest: Manifest, target: Target, secrets: Path | None) -> None:
    # The state is filled beside its place and put there by one rename: what a crash leaves is told
    # by its name, and no instance starts on it.
    target.state.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=PART, dir=target.state.parent))
    outside: list[Path] = []
    try:
        for file in manifest.files:
            place = _place(file.path, target, part)
            if place is not None:
                if not place.is_relative_to(part):
                    outside.append(place)
                if copy_file(folder / file.path, place)[1] != file.sha256:
                    raise Conflict("backup.changed", path=file.path)
                place.chmod(file.mode | 0o600)
        if secrets is not None:
            _restore_secrets(secrets, part)
        if manifest.database == "postgresql":
            _load_databases(folder, manifest, target)
        if target.state.is_dir():
            target.state.rmdir()
        part.replace(target.state)
    except BaseException:
        # they were not there before: no file is ever copied over another
        for place in outside:
            place.unlink(missing_ok=True)
        raise
    finally:
        if part.exists():
            shutil.rmtree(part)


def _load_databases(folder: Path, manifest: Manifest, target: Target) -> None:
    # The engine's first: the product's own tables are the last to be there.
    version = manifest.database_version
    if (folder / ENGINE).is_file():
        durable = postgresql.DURABLE
        rows = postgresql.load_database(target.engine, folder / ENGINE, version, durable)
        _compare_rows(rows, manifest.engine_rows)
    _compare_rows(
        postgresql.load_database(target.database, folder / DATABASE, version), manifest.rows
    )


def _compare_rows(found: dict[str, int], wanted: dict[str, int]) -> None:
    if found != wanted:
        raise Conflict("backup.rows_differ", found=found, wanted=wanted)


def _place(path: str, target: Target, part: Path) -> Path | None:
    if path in (DATABASE, ENGINE):
        url = target.database if path == DATABASE else target.engine
        if url.get_backend_name() != "sqlite":
            return None
        return _inside(Path(url.database or ""), target, part)
    if path == ANCHORS:
        return _inside(target.anchors, target, part)
    kind, _, rest = path.partition("/")
    root = {STATE: target.state, PLANS: target.plans}[kind]
    return _inside(root / rest, target, part)


def _inside(path: Path, target: Target, part: Path) -> Path:
    """Where a path of the instance lies while the state is being filled."""
    if path.is_relative_to(target.state):
        return part / path.relative_to(target.state)
    return path


def _restore_secrets(source: Path, part: Path) -> None:
    kept = source / SECRETS
    private_directory(part / SECRETS)
    for file in sorted(kept.rglob("*")):
        if file.is_file():
            copy_file(file, part / SECRETS / file.relative_to(kept))
