"""Names of executors. Two live processes never share one: each would take the other's work for
its own, left over from before a crash. A process started again gets its old name back, and with it
at once what it left undone.
"""

from __future__ import annotations

import fcntl
import os
import uuid
from dataclasses import dataclass
from pathlib import Path

from yunzhang import db, settings
from yunzhang.db import Session, database_now
from yunzhang.errors import Conflict
from yunzhang.plays.processes import boot_id, hostname
from yunzhang.workflows import repository
from yunzhang.workflows.models import Worker

# Heartbeats a worker may miss before it is taken for dead.
MISSED = 6
# Workers of one role on one host.
MOST = 64


@dataclass(frozen=True, slots=True)
class Executor:
    """This process's place among the workers."""

    id: str
    token: str
    lock: int

    def beat(self) -> bool:
        """Report; False when another process took this one for dead, or took its name."""
        with db.transaction() as session:
            return repository.beat(session, self.id, self.token)

    def release(self) -> None:
        """Leave. What is not finished is resumed by others, or by the next process of this name."""
        try:
            with db.transaction() as session:
                repository.lock_workers(session)
                repository.remove_worker(session, self.id, self.token)
        finally:
            os.close(self.lock)


def _flock(file: Path, kind: int) -> int | None:
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def claim(role: str = "worker") -> Executor:
    """Take the first free name `host:role:index` for this process.

    Raises Conflict `workflows.no_name` when there is none.
    """
    folder = settings.current().state / "executors"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for index in range(MOST):
        file = folder / f"{role}-{index}.lock"
        lock = _flock(file, fcntl.LOCK_EX)
        if lock is None:
            continue
        token = _register(f"{hostname()}:{role}:{index}", file)
        if token is None:
            os.close(lock)
            continue
        return Executor(f"{hostname()}:{role}:{index}", token, lock)
    raise Conflict("workflows.no_name", role=role, host=hostname())


def _register(executor_id: str, file: Path) -> str | None:
    with db.transaction() as session:
        repository.lock_workers(session)
        before = repository.find_worker(session, executor_id)
        # Holding the lock, whoever held that same lock before is dead. Anybody else of this name,
        # on another machine or with another state directory, is dead when it is silent.
        ours = before and (before.boot_id, before.lock_file) == (boot_id(), str(file))
        if before and not ours and not is_silent(session, before):
            return None
        token = str(uuid.uuid4())
        worker = Worker(
            executor_id=executor_id,
            token=token,
            host=hostname(),
            boot_id=boot_id(),
            lock_file=str(file),
            pid=os.getpid(),
            beat_seconds=settings.current().heartbeat_seconds,
        )
        repository.save_worker(session, worker)
        return token


def is_silent(session: Session, worker: Worker) -> bool:
    """Whether the worker missed too many heartbeats, by the database's clock."""
    patience = MISSED * max(worker.beat_seconds, settings.current().heartbeat_seconds)
    return (database_now(session) - worker.beat_at).total_seconds() > patience


def is_dead(session: Session, worker: Worker) -> bool:
    """Whether the worker is gone: silent too long, or, on this boot, without its lock."""
    if is_silent(session, worker):
        return True
    file = Path(worker.lock_file)
    if worker.boot_id != boot_id() or not file.exists():
        return False
    descriptor = _flock(file, fcntl.LOCK_SH)
    if descriptor is None:
        return False
    os.close(descriptor)
    return True


def list_alive() -> list[str]:
    """Names of the workers, here or elsewhere, that take jobs."""
    with db.reading() as session:
        workers = repository.list_workers(session)
        return [worker.executor_id for worker in workers if not is_dead(session, worker)]


def any_alive() -> bool:
    """Whether some worker, here or elsewhere, takes jobs."""
    return bool(list_alive())
