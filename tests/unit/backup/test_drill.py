"""The drill: an instance is backed up while it works, restored elsewhere, and proven whole."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sqlite3
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import URL, make_url, text

from yunzhang import audit, backup, db, settings
from yunzhang.audit.anchors import anchor_file
from yunzhang.audit.keys import key_file, rotate_key
from yunzhang.backup import Target, postgresql, restoring, sqlite
from yunzhang.backup.manifest import copy_file
from yunzhang.cli.backup import group
from yunzhang.db import Base, Session, make_engine
from yunzhang.db.engine import durable_url
from yunzhang.db.migration import list_revisions
from yunzhang.errors import Conflict, InputError, NotFound, YunzhangError

pytestmark = pytest.mark.usefixtures("running")


def write(count: int) -> None:
    with db.transaction() as session:
        for number in range(count):
            audit.record(session, "wang", "approve", "plan", f"plan-{number}")


@pytest.fixture
def filled(running: settings.Settings) -> settings.Settings:
    """An instance with sealed entries, a run, a plan, an engine database and secrets."""
    write(20)
    audit.seal()
    run = running.state / "runs" / "wave-1" / "1"
    run.mkdir(parents=True, mode=0o700)
    (run / "outcome.json").write_text('{"rc": 0}')
    (run / "current").symlink_to("outcome.json")
    running.plans.mkdir(parents=True, exist_ok=True)
    (running.plans / "计划.yml").write_text("name: 计划\n", "utf-8")
    (running.state / "secrets" / "token").write_text("very secret")
    if durable_url().get_backend_name() == "sqlite":
        engine = make_engine(durable_url())
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE workflow_status (id TEXT)"))
            connection.execute(text("INSERT INTO workflow_status VALUES ('w')"))
        engine.dispose()
    return running


@pytest.fixture
def elsewhere(tmp_path: Path, database_url: str) -> Iterator[Target]:
    """A place for another instance, with an empty database where that is needed."""
    folder = tmp_path / "elsewhere"
    if database_url.startswith("sqlite"):
        yield Target.below(folder)
        return
    engine = make_engine(database_url).execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("DROP DATABASE IF EXISTS restored"))
        connection.execute(text("CREATE DATABASE restored"))
    url: URL = make_url(database_url).set(database="restored")
    yield Target.below(folder, url.render_as_string())
    with engine.connect() as connection:
        connection.execute(text("DROP DATABASE restored"))
    engine.dispose()


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(group, [str(argument) for argument in arguments])


def examine(target: Target, anchors: Path | None = None) -> audit.Verification:
    engine = make_engine(target.database)
    with Session(engine) as session:
        key = target.state / "secrets" / "audit.key"
        seen = audit.examine(session, key=key, anchors=anchors or target.anchors)
    engine.dispose()
    return seen


@pytest.mark.parametrize("name", ["day", "day.tar", "day.tar.gz"])
def test_what_is_restored_is_what_was_backed_up_while_work_went_on(
    filled: settings.Settings, elsewhere: Target, tmp_path: Path, name: str
) -> None:
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            write(3)
            audit.seal()

    worker = threading.Thread(target=work)
    worker.start()
    try:
        made = backup.create_backup(tmp_path / name, tmp_path / "secrets")
    finally:
        stop.set()
        worker.join()
    assert made.rows["audit_entry"] >= 20
    assert made.skipped == [str(filled.state / "runs/wave-1/1/current")]
    with backup.opened(tmp_path / name) as folder:
        assert backup.verify_backup(folder) == made
        names = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert {"database", "anchors.jsonl", "plans/计划.yml"} <= names
    assert not [n for n in names if "secret" in n or n.endswith(".key") or n.endswith("-wal")]

    backup.restore_backup(tmp_path / name, elsewhere, tmp_path / "secrets", dry_run=True)
    assert not elsewhere.state.exists()
    restored = backup.restore_backup(tmp_path / name, elsewhere, tmp_path / "secrets")
    assert restored == made
    assert count(elsewhere) == made.rows
    seen = examine(elsewhere)
    assert (seen.fault, seen.keyed, seen.anchored) == (None, True, True)
    assert seen.entries + seen.waiting == made.rows["audit_entry"]
    # anchors were copied first: they never know more than the database
    assert 1 <= seen.anchors <= seen.blocks
    assert (elsewhere.state / "runs/wave-1/1/outcome.json").read_text() == '{"rc": 0}'
    assert (elsewhere.plans / "计划.yml").read_text("utf-8") == "name: 计划\n"
    assert (elsewhere.state / "secrets/token").stat().st_mode & 0o777 == 0o600
    assert elsewhere.state.stat().st_mode & 0o777 == 0o700
    # the old instance went on; its newer anchors tell that the copy is not the last word
    write(1)
    audit.seal()
    assert examine(elsewhere, anchor_file()).fault == audit.Fault("tail_cut", seen.blocks + 1)


def count(target: Target) -> dict[str, int]:
    if target.database.get_backend_name() == "sqlite":
        assert sqlite.count_rows(Path(target.engine.database or "")) == {"workflow_status": 1}
        return sqlite.count_rows(Path(target.database.database or ""))
    engine = make_engine(target.database)
    with engine.connect() as connection:
        rows = postgresql.count_rows(connection)
    engine.dispose()
    return rows


def test_engine_and_database_are_copied_as_of_one_moment(
    filled: settings.Settings, database_url: str, tmp_path: Path
) -> None:
    """Nobody writes to the product's database between the two copies."""
    if not database_url.startswith("sqlite"):
        return  # one database, one snapshot
    file = make_url(database_url).database or ""
    with closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as other:
        with sqlite.writers_held(Path(file)):
            assert other.execute("SELECT count(*) FROM audit_entry").fetchone() == (20,)
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("DELETE FROM job")
        other.execute("DELETE FROM job")


def refused(code: str, kind: type[YunzhangError], source: Path, target: Target) -> None:
    with pytest.raises(kind) as raised:
        backup.restore_backup(source, target)
    assert raised.value.code == code
    assert raised.value.message
    assert not target.state.exists() or any(target.state.iterdir())


def test_a_damaged_back_up_touches_nothing(
    filled: settings.Settings, elsewhere: Target, tmp_path: Path
) -> None:
    good = tmp_path / "good"
    backup.create_backup(good)
    harms: dict[str, Callable[[Path], object]] = {
        "backup.changed": lambda f: (f / "database").write_bytes(
            (f / "database").read_bytes()[:-1] + b"\xff"
        ),
        "backup.missing": lambda f: (f / "plans" / "计划.yml").unlink(),
        "backup.extra": lambda f: (f / "state" / "new").write_text("x"),
    }
    for number, (code, harm) in enumerate(harms.items()):
        bad = tmp_path / f"bad-{number}"
        shutil.copytree(good, bad)
        harm(bad)
        refused(code, Conflict, bad, elsewhere)
        if elsewhere.database.get_backend_name() == "postgresql":
            engine = make_engine(elsewhere.database)
            assert not postgresql.has_tables(engine)
            engine.dispose()


@pytest.mark.parametrize("path", ["../outside", "/etc/outside", "state/../../outside"])
def test_a_manifest_cannot_lead_out_of_the_instance(
    filled: settings.Settings, elsewhere: Target, tmp_path: Path, path: str
) -> None:
    backup.create_backup(tmp_path / "b")
    manifest = tmp_path / "b" / "manifest.json"
    content = json.loads(manifest.read_text())
    content["files"][0]["path"] = path
    manifest.write_text(json.dumps(content))
    refused("backup.not_one", InputError, tmp_path / "b", elsewhere)


def test_an_archive_cannot_lead_out(tmp_path: Path, elsewhere: Target) -> None:
    bad = tmp_path / "bad.tar"
    with tarfile.open(bad, "w") as archive:
        info = tarfile.TarInfo("../outside")
        archive.addfile(info)
    refused("backup.not_one", InputError, bad, elsewhere)
    bad.write_bytes(b"no archive")
    refused("backup.not_one", InputError, bad, elsewhere)
    assert not (tmp_path.parent / "outside").exists()


def test_nothing_is_restored_over_an_instance_or_overwritten(
    filled: settings.Settings, tmp_path: Path
) -> None:
    backup.create_backup(tmp_path / "b")
    refused("backup.not_empty", Conflict, tmp_path / "b", Target.of_settings())
    with pytest.raises(Conflict) as raised:
        backup.create_backup(tmp_path / "b")
    assert raised.value.code == "backup.exists"
    with pytest.raises(Conflict) as raised:
        backup.create_backup(tmp_path / "c", tmp_path / "c" / "secrets")
    assert raised.value.code == "backup.together"
    assert not (tmp_path / "c").exists()
    assert not list(tmp_path.glob(".part-*"))


def test_a_back_up_of_a_newer_product_or_another_kind_is_refused(
    filled: settings.Settings, elsewhere: Target, tmp_path: Path
) -> None:
    backup.create_backup(tmp_path / "b")
    manifest = tmp_path / "b" / "manifest.json"
    content = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**content, "revision": "9999_later"}))
    refused("backup.newer", InputError, tmp_path / "b", elsewhere)
    if elsewhere.database.get_backend_name() == "postgresql":
        refused("backup.other_kind", InputError, tmp_path / "b", Target.below(tmp_path / "x"))


def test_secrets_of_another_instance_are_refused_before_anything_is_touched(
    filled: settings.Settings, elsewhere: Target, tmp_path: Path
) -> None:
    backup.create_backup(tmp_path / "b", tmp_path / "s")
    other = tmp_path / "other" / "secrets"
    other.mkdir(parents=True)
    for wrong in ("", f"{'ab' * 32}\n"):
        if wrong:
            (other / "audit.key").write_text(wrong)
            (other / "audit.key").chmod(0o600)
        with pytest.raises(Conflict) as raised:
            backup.restore_backup(tmp_path / "b", elsewhere, tmp_path / "other")
        assert raised.value.code == "backup.other_key"
        assert not elsewhere.state.exists()
    with pytest.raises(InputError) as raised_too:
        backup.restore_backup(tmp_path / "b", elsewhere, tmp_path)
    assert raised_too.value.code == "backup.no_secrets"
    # secrets kept later, after a rotation, still have the key
    rotate_key()
    with db.transaction() as session:
        audit.record(session, "wang", "rotate", "key", "audit")
    backup.create_backup(tmp_path / "later", tmp_path / "s2")
    backup.restore_backup(tmp_path / "b", elsewhere, tmp_path / "s2")
    assert examine(elsewhere).fault is None


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_part_of_an_archive_is_no_back_up(
    filled: settings.Settings, elsewhere: Target, tmp_path: Path, share: float
) -> None:
    for name in ("b.tar", "b.tar.gz"):
        made = tmp_path / name
        backup.create_backup(made)
        whole = made.read_bytes()
        made.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(YunzhangError) as raised:
            backup.restore_backup(made, elsewhere)
        assert raised.value.code in {"backup.not_one", "backup.missing", "backup.changed"}
        assert not elsewhere.state.exists()
        if elsewhere.database.get_backend_name() == "postgresql":
            engine = make_engine(elsewhere.database)
            assert not postgresql.has_tables(engine)
            engine.dispose()


def test_a_back_up_of_an_earlier_version_is_restored(
    filled: settings.Settings, elsewhere: Target, tmp_path: Path
) -> None:
    backup.create_backup(tmp_path / "b", tmp_path / "s")
    manifest = tmp_path / "b" / "manifest.json"
    content = json.loads(manifest.read_text())
    for later in ("engine_rows", "audit_key"):
        del content[later]
    manifest.write_text(json.dumps({**content, "revision": list_revisions()[0]}))
    backup.restore_backup(tmp_path / "b", elsewhere, tmp_path / "s")
    assert examine(elsewhere).fault is None


def test_a_restore_that_ends_half_way_leaves_no_instance_and_no_files_elsewhere(
    filled: settings.Settings,
    elsewhere: Target,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backup.create_backup(tmp_path / "b")
    apart = dataclasses.replace(
        elsewhere, plans=tmp_path / "apart" / "plans", anchors=tmp_path / "disk" / "anchors.jsonl"
    )
    copied: list[Path] = []

    def ends(source: Path, target: Path) -> tuple[int, str]:
        if copied and source.name == "计划.yml":
            raise OSError(28, "No space left on device")
        copied.append(target)
        return copy_file(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(restoring, "copy_file", ends)
        with pytest.raises(OSError, match="No space"):
            backup.restore_backup(tmp_path / "b", apart)
    assert apart.anchors in copied
    assert not apart.state.exists()
    assert not apart.anchors.exists()
    assert not list(tmp_path.glob("**/.part-*"))
    backup.restore_backup(tmp_path / "b", apart)
    assert (apart.plans / "计划.yml").is_file()


def test_a_killed_restore_is_told_and_begun_anew(
    filled: settings.Settings, elsewhere: Target, tmp_path: Path
) -> None:
    """Nothing cleans up after kill -9: the state is not there, its part is, and harms nobody."""
    backup.create_backup(tmp_path / "b", tmp_path / "s")
    part = elsewhere.state.parent / ".part-killed"
    (part / "runs").mkdir(parents=True)
    backup.restore_backup(tmp_path / "b", elsewhere, tmp_path / "s")
    assert examine(elsewhere).fault is None
    refused("backup.not_empty", Conflict, tmp_path / "b", elsewhere)


def test_a_file_that_changes_after_the_check_is_not_restored(
    filled: settings.Settings,
    elsewhere: Target,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backup.create_backup(tmp_path / "b")
    check = backup.verify_backup

    def checked_then_changed(folder: Path) -> backup.Manifest:
        manifest = check(folder)
        (folder / "plans" / "计划.yml").write_text("name: 另一\n", "utf-8")
        return manifest

    monkeypatch.setattr(restoring, "verify_backup", checked_then_changed)
    refused("backup.changed", Conflict, tmp_path / "b", elsewhere)


def test_programs_that_are_missing_or_old_are_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(Conflict) as raised:
        postgresql.check_program("pg_dump", "99.1")
    assert raised.value.code == "backup.program_old"
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotFound) as missing:
        postgresql.check_program("pg_dump", "15.1")
    assert missing.value.code == "backup.no_program"


def test_a_password_is_in_no_argument_and_no_environment() -> None:
    url = make_url("postgresql+psycopg://u:p%3A%5Cw@h/d")
    with postgresql._password_file(url) as environment:
        assert "p:" not in str(environment)
        file = Path(environment["PGPASSFILE"])
        assert file.read_text() == "*:*:*:*:p\\:\\\\w\n"
        assert file.stat().st_mode & 0o777 == 0o600
    assert not file.exists()


def test_commands_back_up_check_and_restore(
    filled: settings.Settings, elsewhere: Target, tmp_path: Path
) -> None:
    made = run("create", tmp_path / "b.tar.gz", "--secrets-to", tmp_path / "s")
    assert made.exit_code == 0, made.output
    assert run("verify", tmp_path / "b.tar.gz").exit_code == 0
    into: list[str | Path] = ["restore", tmp_path / "b.tar.gz", "--into", elsewhere.state]
    if elsewhere.database.get_backend_name() == "postgresql":
        into += ["--database", elsewhere.database.render_as_string()]
    assert run(*into, "--dry-run").exit_code == 0
    assert not elsewhere.state.exists()
    done = run(*into, "--secrets", tmp_path / "s")
    assert done.exit_code == 0, done.output
    assert examine(elsewhere).fault is None
    assert key_file().read_bytes() == (elsewhere.state / "secrets/audit.key").read_bytes()
    assert Base.metadata.tables.keys() <= backup.read_manifest(unpacked(tmp_path)).rows.keys()


def unpacked(folder: Path) -> Path:
    with tarfile.open(folder / "b.tar.gz") as archive:
        archive.extract("manifest.json", folder / "m", filter="data")
    return folder / "m"
