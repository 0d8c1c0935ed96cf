"""The durable engine (DBOS) of this process: started under an executor's name, stopped cleanly."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from dbos import DBOS, DBOSConfig, SetWorkflowID
from sqlalchemy import URL, Engine, create_engine, event

from yunzhang import plays
from yunzhang.db.engine import SQLITE_BUSY_MS, durable_url
from yunzhang.plays import Detached

P = ParamSpec("P")
R = TypeVar("R")

# Workflows in flight are only resumed by processes of the same epoch. Raise it when the order of a
# workflow's steps changes, never for other changes: it would orphan running migrations.
WORKFLOW_EPOCH = "1"
QUEUE = "work"
# Workflows one process runs at a time; most of them wait for a play.
CONCURRENCY = 16
# Seconds between looks at the queue.
POLL = 0.25
# Seconds running steps get to come to an end when the process stops.
FAREWELL = 10

_stopping = threading.Event()


def _sqlite_engine(url: URL) -> Engine:
    # Not db.make_engine, which begins every transaction as a writer: DBOS begins its own.
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: Any) -> None:
        connection.isolation_level = "IMMEDIATE"
        connection.execute(f"PRAGMA busy_timeout={SQLITE_BUSY_MS}")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA foreign_keys=ON")

    return engine


_own: list[Engine] = []


def start(executor_id: str) -> None:
    """Start the engine; it takes up at once what an earlier process of this name left undone."""
    _stopping.clear()
    plays.attach_followers()
    config = DBOSConfig(
        name="yunzhang",
        application_version=WORKFLOW_EPOCH,
        executor_id=executor_id,
        log_level="ERROR",
        dbos_system_schema="dbos",
    )
    url = durable_url()
    if url.get_backend_name() == "sqlite":
        _own.append(_sqlite_engine(url))
        config["system_database_engine"] = _own[-1]
    else:
        config["system_database_url"] = url.render_as_string(hide_password=False)
    DBOS(config=config)
    DBOS.launch()
    DBOS.register_queue(QUEUE, worker_concurrency=CONCURRENCY, polling_interval_sec=POLL)


def stop() -> None:
    """Stop the engine. Plays go on; workflows wait, as after a crash, to be taken up again."""
    _stopping.set()
    plays.detach_followers()
    DBOS.destroy(workflow_completion_timeout_sec=FAREWELL)
    while _own:
        _own.pop().dispose()


def check_stopping() -> None:
    """Raise Detached when this process stops."""
    if _stopping.is_set():
        raise Detached


def step(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a function a durable step `name` of the workflow that calls it.

    Its outcome is recorded once; it may itself run more than once and so must probe before it
    acts. None begins while the process stops.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def guarded(*arguments: P.args, **options: P.kwargs) -> R:
            check_stopping()
            return function(*arguments, **options)

        # recorded under the module's name too: two modules may both have a step `play`
        module = function.__module__.rpartition(".")[2]
        return DBOS.step(name=f"{module}.{name}")(guarded)

    return decorate


def enqueue(workflow: Callable[[dict[str, Any]], Any], key: str, payload: dict[str, Any]) -> None:
    """Hand a workflow over under `key`; a second time with the same key changes nothing."""
    with SetWorkflowID(key):
        DBOS.enqueue_workflow(QUEUE, workflow, payload)


def unfinished_of(executor_id: str | None = None) -> list[tuple[str, str]]:
    """Workflows that somebody began and nobody finished: (key, executor), of one or of all."""
    found = DBOS.list_workflows(
        status="PENDING",
        executor_id=executor_id,
        app_version=WORKFLOW_EPOCH,
        load_input=False,
        load_output=False,
    )
    return [(status.workflow_id, status.executor_id or "") for status in found]


def resume(key: str) -> None:
    """Let any live process take the workflow up where it was left."""
    DBOS.resume_workflow(key, queue_name=QUEUE)


def is_idle() -> bool:
    """Whether no workflow waits or runs anywhere."""
    waiting = ["ENQUEUED", "PENDING", "DELAYED"]
    return not DBOS.list_workflows(status=waiting, limit=1, load_input=False, load_output=False)


def outcome(key: str) -> tuple[str, Any] | None:
    """A workflow's status (SUCCESS, ERROR, PENDING, …) with what it returned or the error."""
    found = DBOS.list_workflows(workflow_ids=[key])
    return (found[0].status, found[0].output or found[0].error) if found else None
