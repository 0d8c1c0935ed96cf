"""Starting, following and cancelling the play of a step; each may be done again by anybody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy.exc import OperationalError

from yunzhang import clock, db, settings
from yunzhang.errors import Conflict, InputError, NotFound
from yunzhang.kit.logs import logger
from yunzhang.kit.shipped import shipped
from yunzhang.plays import processes, repository
from yunzhang.plays.environment import localhost_inventory, play_environment
from yunzhang.plays.journal import Journal
from yunzhang.plays.messages import Messages
from yunzhang.plays.results import PlayEvent, PlayResult
from yunzhang.plays.rundir import RunDirectory, attempts, run_directory

log = logger("plays")

AGENT = "yunzhang.plays.agent"
# Seconds between looks at a journal.
POLL = 0.2
# Seconds an agent has to end a cancelled play before it is killed with it.
GRACE = 10.0

# Seconds a follower waits for a database that does not answer.
PATIENCE = 600.0

T = TypeVar("T")

_detaching = threading.Event()


class Detached(BaseException):
    """This process stops; the play goes on and is followed by whoever comes next.

    Not an Exception, because it is no outcome: the durable engine must record nothing.
    """


def detach_followers() -> None:
    """Make every `follow_play` of this process raise `Detached`."""
    _detaching.set()


def attach_followers() -> None:
    """Allow following again."""
    _detaching.clear()


def insist(work: Callable[[], T]) -> T:
    """Do `work`, again and again while the database does not answer, for `PATIENCE` seconds.

    The play goes on meanwhile, or its agent ends it: no reason to call the step failed.
    """
    deadline = clock.monotonic() + PATIENCE
    while True:
        try:
            return work()
        except OperationalError as error:
            if clock.monotonic() > deadline:
                raise
            log.warning("database does not answer", error=str(error))
        if _detaching.is_set():
            raise Detached
        clock.pause(1.0)


def find_playbook(name: str) -> Path:
    """A playbook by its name in the playbooks' folder, or by its absolute path.

    Raises InputError `plays.playbook_outside` or NotFound `plays.playbook_missing`.
    """
    folder = (settings.current().playbooks or shipped("playbooks")).resolve()
    path = (folder / name).resolve()
    if not Path(name).is_absolute() and not path.is_relative_to(folder):
        raise InputError("plays.playbook_outside", name=name)
    if not path.is_file():
        raise NotFound("plays.playbook_missing", name=name, folder=str(folder))
    return path


def start_play(
    step_id: str,
    playbook: str,
    variables: Mapping[str, Any],
    *,
    attempt: int = 1,
    inventory: str | None = None,
    timeout: float | None = None,
    environment: Mapping[str, str] | None = None,
    owner: str = "",
) -> None:
    """Start attempt `attempt` of a step's play, unless it was started before.

    `variables` are the play's extra variables (no secrets: name files), `inventory` a path (this
    machine if None), `timeout` in seconds, `owner` the executor that follows. Kills whatever an
    earlier attempt left on this host. Raises Conflict `plays.lease_held` while another agent may
    still be working on the step.
    """
    run = run_directory(step_id, attempt)
    book = find_playbook(playbook)
    run.create()
    lock = None if _was_started(run) else run.try_lock()
    if lock is None:
        with db.transaction() as session:
            repository.adopt(session, step_id, owner)
        return
    try:
        if is_held(step_id, besides=run):
            raise Conflict("plays.lease_held", step=step_id)
        if _was_started(run) or _was_begun_elsewhere(step_id, attempt):
            return
        processes.kill_step_processes(step_id)
        request = {
            "step_id": step_id,
            "attempt": attempt,
            "playbook": str(book),
            "inventory": _prepare_inventory(run, inventory),
            "timeout": timeout,
            "owner": owner,
            "lease_seconds": settings.current().lease_seconds,
        }
        run.write("env/extravars", json.dumps(dict(variables)))
        run.write("request.json", json.dumps(request))
        _spawn(run, lock, play_environment(step_id, run, environment or {}))
    finally:
        os.close(lock)


def _was_started(run: RunDirectory) -> bool:
    return run.has("started") or run.has("outcome.json")


def _was_begun_elsewhere(step_id: str, attempt: int) -> bool:
    # Then its journal lies on another host, or was lost; it must not be begun again unprobed.
    with db.reading() as session:
        lease = repository.find_lease(session, step_id)
        return lease is not None and lease.attempt >= attempt


def _prepare_inventory(run: RunDirectory, inventory: str | None) -> list[str]:
    if inventory is not None:
        return [str(Path(inventory).absolute())]
    run.write("inventory/localhost.json", localhost_inventory())
    return [str(run.path / "inventory/localhost.json")]


def _spawn(run: RunDirectory, lock: int, environment: dict[str, str]) -> None:
    log_file = os.open(run.path / "agent.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        child = subprocess.Popen(
            # -P: files of the run's directory must not be taken for modules
            [sys.executable, "-P", "-m", AGENT, str(run.path), "--lock-fd", str(lock)],
            stdin=subprocess.PIPE,
            stdout=log_file,
            stderr=log_file,
            start_new_session=True,
            pass_fds=(lock,),
            env=environment,
            cwd=run.path,
        )
    finally:
        os.close(log_file)
    if child.stdin:
        child.stdin.write(json.dumps({"database": settings.current().database}).encode())
        child.stdin.close()
    # Somebody has to take note of its end, or it stays behind as a zombie.
    threading.Thread(target=child.wait, daemon=True).start()


def is_held(step_id: str, besides: RunDirectory | None = None) -> bool:
    """Whether an agent may still be working on the step, here or on another host."""
    if any(run.is_live() for _, run in attempts(step_id) if run != besides):
        return True
    _release_dead(step_id)
    with db.reading() as session:
        lease = repository.find_lease(session, step_id)
        return lease is not None and not repository.is_free(lease, db.database_now(session))


def _release_dead(step_id: str) -> None:
    # An agent is known to be dead when this host's kernel freed its lock; nobody has to wait for
    # its lease to run out. The boot alone does not tell: containers share it. The request does,
    # being written only where the agent is started.
    with db.transaction() as session:
        lease = repository.find_lease(session, step_id, lock=True)
        if lease is None or lease.boot_id != processes.boot_id():
            return
        run = RunDirectory(Path(lease.run_dir))
        if run.has("request.json") and not run.is_live():
            repository.release(session, step_id, lease.agent_id)


def follow_play(
    step_id: str,
    on_event: Callable[[PlayEvent], None] | None = None,
    *,
    attempt: int = 1,
    should_stop: Callable[[], bool] | None = None,
    on_messages: Callable[[Messages], None] | None = None,
) -> PlayResult:
    """Import the play's events until it ends; how it ended and what its modules returned.

    `on_messages` is told when modules said something new; who re-attaches hears it all again. When
    `should_stop` says so the play is cancelled. Returns `interrupted` when the agent is gone
    without having said how the play ended; nothing of it runs any more then. Raises `Detached`
    when this process is told to stop following.
    """
    run = run_directory(step_id, attempt)
    journal, messages = Journal(step_id, attempt, run), Messages(run.messages)
    cancelled_at: float | None = None
    while True:
        # Looked at before the journal is read: what a dead agent wrote is all there is.
        live = run.is_live()
        insist(lambda: journal.pull(on_event))
        if on_messages is not None and messages.pull():
            insist(partial(on_messages, messages))
        if not live:
            return insist(lambda: _settle(step_id, run, journal.result))
        if _detaching.is_set():
            raise Detached
        if cancelled_at is None and should_stop is not None and insist(should_stop):
            insist(lambda: cancel_play(step_id, attempt=attempt))
            cancelled_at = clock.monotonic()
        if cancelled_at is not None and clock.monotonic() - cancelled_at > GRACE:
            processes.kill_step_processes(step_id)
        clock.pause(POLL)


def _settle(step_id: str, run: RunDirectory, result: PlayResult) -> PlayResult:
    outcome = run.read_json("outcome.json")
    if outcome is None or outcome["status"] == "interrupted":
        log.warning("play interrupted", step=step_id, attempt=result.attempt)
        processes.kill_step_processes(step_id)
        run.clean()
        _release_dead(step_id)
        outcome = outcome or run.runner_outcome() or {"status": "interrupted", "rc": None}
        if run.has("cancel") and outcome["status"] == "interrupted":
            outcome["status"] = "canceled"
    result.status, result.rc = outcome["status"], outcome["rc"]
    return result


def cancel_play(step_id: str, *, attempt: int = 1) -> None:
    """Have the step's play and everything it started killed, on whatever host it runs.

    Returns at once; `follow_play` tells when it is done.
    """
    run = run_directory(step_id, attempt)
    if run.path.is_dir():
        run.write("cancel", clock.now().isoformat())
    with db.transaction() as session:
        repository.request_cancel(session, step_id, attempt)
        lease = repository.find_lease(session, step_id)
    # On another host the agent sees the request at its next renewal; here it can be told at once.
    here = lease is not None and lease.boot_id == processes.boot_id()
    if lease is not None and here and lease.attempt == attempt and run.is_live():
        processes.terminate(lease.pid, step_id)
