"""An instance whose product and engine have a PostgreSQL database each: both or none."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import URL, Connection, make_url, text

from tests.unit.backup.test_drill import run
from yunzhang import audit, backup, db, settings
from yunzhang.backup import Target, postgresql
from yunzhang.db import Base, database_engine, make_engine
from yunzhang.db.tables import load_tables
from yunzhang.errors import Conflict, InputError, Outside

pytestmark = pytest.mark.postgres
NAMES = ("apart_own", "apart_engine", "apart_own_2", "apart_engine_2")


@pytest.fixture
def urls(postgres_url: str) -> Iterator[tuple[URL, ...]]:
    """Four empty databases: the product's, the engine's, and a pair to restore into."""
    main = make_engine(postgres_url).execution_options(isolation_level="AUTOCOMMIT")
    with main.connect() as connection:
        for name in NAMES:
            connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
            connection.execute(text(f"CREATE DATABASE {name}"))
        yield tuple(make_url(postgres_url).set(database=name) for name in NAMES)
        for name in NAMES:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    main.dispose()


@contextmanager
def connected(url: URL) -> Iterator[Connection]:
    engine = make_engine(url)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def ask(url: URL, query: str) -> set[object]:
    with connected(url) as connection:
        return set(connection.scalars(text(query)))


@pytest.fixture
def apart(
    urls: tuple[URL, ...], instance: settings.Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[settings.Settings]:
    """The instance: sealed entries, a job, and a table as the engine keeps them."""
    monkeypatch.setenv("YUNZHANG_DATABASE_URL", urls[0].render_as_string())
    monkeypatch.setenv("YUNZHANG_ENGINE_URL", urls[1].render_as_string())
    settings.current.cache_clear()
    load_tables()
    engine = database_engine()
    Base.metadata.create_all(engine)
    with connected(urls[1]) as connection:
        connection.execute(text("CREATE SCHEMA dbos"))
        columns = "id text PRIMARY KEY, done boolean NOT NULL DEFAULT false"
        connection.execute(text(f"CREATE TABLE dbos.workflow_status ({columns})"))
    with db.transaction() as session:
        audit.record(session, "wang", "approve", "plan", "plan-1")
    audit.seal()
    yield settings.current()
    engine.dispose()


def target(tmp_path: Path, urls: tuple[URL, ...]) -> Target:
    own, engine = (url.render_as_string() for url in urls[2:])
    return Target.below(tmp_path / "elsewhere", own, engine)


Round = Callable[[Connection, Connection, dict[str, str]], object]


def hand_over(own: Connection, durable: Connection, key: dict[str, str]) -> None:
    """As the dispatcher: asked for, given to the engine, marked."""
    columns, values = "kind, key, payload, created_at", "'x', :k, '{}', now()"
    own.execute(text(f"INSERT INTO job ({columns}) VALUES ({values})"), key)
    durable.execute(text("INSERT INTO dbos.workflow_status VALUES (:k)"), key)
    own.execute(text("UPDATE job SET dispatched_at = now() WHERE key = :k"), key)


def do(own: Connection, durable: Connection, key: dict[str, str]) -> None:
    """As a step: it writes, then the engine notes that it ended."""
    own.execute(text("INSERT INTO division (code, name, level) VALUES (:k, 'x', 'x')"), key)
    durable.execute(text("INSERT INTO dbos.workflow_status VALUES (:k, true)"), key)


class Working(threading.Thread):
    """Does rounds of work; each statement is a transaction of its own."""

    def __init__(self, name: str, work: Round, urls: Sequence[URL]) -> None:
        super().__init__(name=name)
        self.work, self.urls = work, urls
        self.stop, self.well_on = threading.Event(), threading.Event()

    def run(self) -> None:
        """Until told to stop."""
        engines = [
            make_engine(url).execution_options(isolation_level="AUTOCOMMIT") for url in self.urls
        ]
        with engines[0].connect() as own, engines[1].connect() as durable:
            number = 0
            while not self.stop.is_set():
                number += 1
                self.work(own, durable, {"k": f"{self.name}{number}"})
                if number == 20:
                    self.well_on.set()
        for engine in engines:
            engine.dispose()


def test_work_handed_over_is_in_both_restored_databases_and_done_work_in_the_products(
    apart: settings.Settings, urls: tuple[URL, ...], tmp_path: Path
) -> None:
    workers = [Working("j", hand_over, urls[:2]), Working("d", do, urls[:2])]
    for worker in workers:
        worker.start()
    try:
        assert all(worker.well_on.wait(30) for worker in workers)
        made = backup.create_backup(tmp_path / "b", tmp_path / "s")
    finally:
        for worker in workers:
            worker.stop.set()
            worker.join()
    assert {"database", "engine"} <= {file.path for file in made.files}
    there = target(tmp_path, urls)
    assert backup.restore_backup(tmp_path / "b", there, tmp_path / "s") == made
    handed_over = ask(urls[2], "SELECT key FROM job WHERE dispatched_at IS NOT NULL")
    known = ask(urls[3], "SELECT id FROM dbos.workflow_status")
    done = ask(urls[3], "SELECT id FROM dbos.workflow_status WHERE done")
    written = ask(urls[2], "SELECT code FROM division")
    assert len(known) == made.engine_rows["workflow_status"]
    assert handed_over <= known
    assert done <= written
    assert min(len(handed_over), len(done)) >= 19


def test_handing_over_waits_while_the_two_moments_are_taken(
    apart: settings.Settings, urls: tuple[URL, ...]
) -> None:
    with postgresql._held(urls[0]), connected(urls[0]) as other:
        other.execute(text("SET LOCAL lock_timeout = '50ms'"))
        assert other.scalar(text("SELECT count(*) FROM job")) == 0
        # other work goes on
        other.execute(text("INSERT INTO division (code, name, level) VALUES ('1', 'x', 'x')"))
        with pytest.raises(Exception, match="lock timeout"), other.begin_nested():
            other.execute(text("DELETE FROM job"))


def test_two_spellings_of_one_database_are_one(
    apart: settings.Settings, urls: tuple[URL, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spelled = urls[0].update_query_dict({"connect_timeout": "9"}).render_as_string()
    monkeypatch.setenv("YUNZHANG_ENGINE_URL", spelled)
    settings.current.cache_clear()
    made = backup.create_backup(tmp_path / "b")
    assert "engine" not in {file.path for file in made.files}


def test_an_engine_of_another_kind_is_refused(
    apart: settings.Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YUNZHANG_ENGINE_URL", f"sqlite:///{tmp_path}/engine.db")
    settings.current.cache_clear()
    with pytest.raises(Conflict) as raised:
        backup.create_backup(tmp_path / "b")
    assert raised.value.code == "backup.engine_apart"
    assert not (tmp_path / "b").exists()


def test_two_databases_are_not_restored_into_one_nor_one_into_two(
    apart: settings.Settings, urls: tuple[URL, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = target(tmp_path, urls)
    one = Target.below(tmp_path / "elsewhere", urls[2].render_as_string())
    mixed = Target.below(
        tmp_path / "elsewhere", urls[2].render_as_string(), f"sqlite:///{tmp_path}/e.db"
    )
    backup.create_backup(tmp_path / "both")
    monkeypatch.setenv("YUNZHANG_ENGINE_URL", urls[0].render_as_string())
    settings.current.cache_clear()
    backup.create_backup(tmp_path / "single")
    for source, wrong, code, kind in (
        ("both", one, "backup.engine_places", Conflict),
        ("single", two, "backup.engine_places", Conflict),
        ("both", mixed, "backup.other_kind", InputError),
    ):
        with pytest.raises(kind) as raised:
            backup.restore_backup(tmp_path / source, wrong)
        assert raised.value.code == code
    for url in urls[2:]:
        assert ask(url, "SELECT nspname FROM pg_namespace WHERE nspname = 'dbos'") == set()


def test_the_engines_database_must_be_empty_of_anybodys_tables(
    apart: settings.Settings, urls: tuple[URL, ...], tmp_path: Path
) -> None:
    backup.create_backup(tmp_path / "b")
    with connected(urls[3]) as connection:
        connection.execute(text("CREATE SCHEMA payroll"))
        connection.execute(text("CREATE TABLE payroll.wage (id int)"))
    with pytest.raises(Conflict) as raised:
        backup.restore_backup(tmp_path / "b", target(tmp_path, urls))
    assert raised.value.code == "backup.not_empty"
    assert ask(urls[3], "SELECT nspname FROM pg_namespace WHERE nspname = 'dbos'") == set()


def test_a_restore_that_ends_between_the_two_leaves_no_instance_and_is_told_when_tried_again(
    apart: settings.Settings, urls: tuple[URL, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup.create_backup(tmp_path / "b")
    there, load = target(tmp_path, urls), postgresql.load_database

    def ends(url: URL, source: Path, dumped: str, schema: str = "public") -> dict[str, int]:
        if url == urls[2]:
            raise Outside("backup.program", program="pg_restore", reason="terminated")
        return load(url, source, dumped, schema)

    with monkeypatch.context() as patch:
        patch.setattr(postgresql, "load_database", ends)
        with pytest.raises(Outside):
            backup.restore_backup(tmp_path / "b", there)
    assert not there.state.exists()
    assert not list(tmp_path.glob(".part-*"))
    # the product's own tables come last: without them nothing is taken for an instance
    assert ask(urls[2], "SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == set()
    with pytest.raises(Conflict) as raised:
        backup.restore_backup(tmp_path / "b", there)
    assert raised.value.code == "backup.not_empty"
    assert "apart_engine_2" in raised.value.message
    with connected(urls[3]) as connection:
        connection.execute(text("DROP SCHEMA dbos CASCADE"))
    backup.restore_backup(tmp_path / "b", there)


def test_commands_restore_both(
    apart: settings.Settings, urls: tuple[URL, ...], tmp_path: Path
) -> None:
    made = run("create", tmp_path / "b.tar.gz", "--secrets-to", tmp_path / "s")
    assert made.exit_code == 0, made.output
    own, engine = (url.render_as_string() for url in urls[2:])
    into = ("restore", tmp_path / "b.tar.gz", "--into", tmp_path / "x", "--database", own)
    assert isinstance(run(*into).exception, Conflict)
    done = run(*into, "--engine", engine, "--secrets", tmp_path / "s")
    assert done.exit_code == 0, done.output
    assert ask(urls[3], "SELECT count(*) FROM dbos.workflow_status") == {0}
    assert run("restore", tmp_path / "b.tar.gz", "--engine", engine).exit_code == 2
