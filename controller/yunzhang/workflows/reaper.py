"""Lets others take up what a dead worker left: the engine itself only does so for its own name."""

from __future__ import annotations

from collections import defaultdict

from yunzhang import db
from yunzhang.db import Session
from yunzhang.kit.logs import logger
from yunzhang.plays import repository as plays_repository
from yunzhang.plays.processes import boot_id
from yunzhang.workflows import engine, executors, repository
from yunzhang.workflows.executors import Executor

log = logger("workflows")


def reap(own: Executor) -> int:
    """Resume the unfinished workflows of dead workers, on behalf of this process; how many.

    Under a lock, because resuming does not ask whether the owner is dead: no worker may come back
    between looking and resuming, nor two reapers resume the same workflow one after the other.
    """
    if not _orphans(engine.unfinished_of(), set()):
        return 0
    with db.transaction() as session:
        repository.lock_workers(session)
        alive = _find_alive(session, own)
        if own.id not in alive:
            return 0
        orphans = _orphans(engine.unfinished_of(), alive)
        ready = {owner: keys for owner, keys in orphans.items() if not _is_awaited(session, owner)}
        for owner, keys in ready.items():
            log.info("taking up a dead worker's work", executor=owner, workflows=len(keys))
            for key in keys:
                engine.resume(key)
    return sum(len(keys) for keys in ready.values())


def _find_alive(session: Session, own: Executor) -> set[str]:
    alive = set()
    for worker in repository.list_workers(session):
        if worker.executor_id == own.id:
            # however late its own heartbeat is: whoever asks lives, unless another has its name
            alive |= {own.id} if worker.token == own.token else set()
        elif executors.is_dead(session, worker):
            # its next heartbeat, should there be one, tells it so
            repository.remove_worker(session, worker.executor_id, worker.token)
        else:
            alive.add(worker.executor_id)
    return alive


def _orphans(unfinished: list[tuple[str, str]], alive: set[str]) -> dict[str, list[str]]:
    orphans: dict[str, list[str]] = defaultdict(list)
    for key, owner in unfinished:
        if owner not in alive:
            orphans[owner].append(key)
    return orphans


def _is_awaited(session: Session, owner: str) -> bool:
    # An agent of the dead worker may still be working on another host, which only that host can
    # follow; here it would be waited for in vain. On this host it is attached to.
    held = plays_repository.held_leases(session, owner)
    return any(lease.boot_id != boot_id() for lease in held)
