"""Advisory locks: who takes one waits only for those it means."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

import yunzhang
from yunzhang.access.repository import lock_accounts
from yunzhang.db.locks import Lock
from yunzhang.discovery import finding_repository
from yunzhang.estate.repository import lock_register
from yunzhang.workflows.repository import lock_workers

PACKAGE = Path(yunzhang.__file__).parent


def test_two_locks_had_one_number() -> None:
    """A worker could not come while an import ran, nor a role change during a reconciliation."""
    assert list(Lock.__members__.values()) == list(Lock)  # an alias is a second name of one number
    for lock in Lock:
        assert 0 < lock < 2**31  # the two-key form takes 4 bytes


@pytest.mark.postgres
def test_locks_of_strangers_were_waited_for(request: pytest.FixtureRequest) -> None:
    """Everybody takes their own lock at once; a shared number would wait for ever."""
    url: str = request.getfixturevalue("postgres_url")
    engine: Engine = yunzhang.db.make_engine(url)
    takers = (lock_register, lock_workers, lock_accounts, finding_repository.lock)
    sessions = [Session(engine) for _ in takers]
    try:
        for session, take in zip(sessions, takers, strict=True):
            session.execute(text("SET LOCAL lock_timeout = '2s'"))
            take(session)
    finally:
        for session in sessions:
            session.close()
        engine.dispose()


def _literals(tree: ast.AST) -> set[int]:
    """Numbers a module writes out, in whatever way."""
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and type(node.value) is int
    }


def test_no_module_numbers_a_lock_of_its_own() -> None:
    using = []
    for file in PACKAGE.rglob("*.py"):
        source = file.read_text("utf-8")
        if file == PACKAGE / "db" / "locks.py":
            continue
        tree = ast.parse(source)
        assert not any(5_930_000 <= number < 5_931_000 for number in _literals(tree)), file
        calls = [
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and "advisory" in node.value
            and "pg_" in node.value
        ]
        for statement in calls:
            assert not any(letter.isdigit() for letter in statement), (file, statement)
            using.append(file)
            assert "Lock." in source, file
    assert len(set(using)) >= 6  # or this looks for the wrong words
