"""A worker: engine, dispatcher, heartbeat and reaper of one process."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from typing import NoReturn

from sqlalchemy.exc import SQLAlchemyError

from yunzhang import settings
from yunzhang.errors import Conflict, YunzhangError
from yunzhang.kit.logs import logger
from yunzhang.workflows import dispatcher, engine, executors, reaper
from yunzhang.workflows.executors import Executor

log = logger("workflows")

# Seconds between looks at the jobs.
POLL = 0.25

_current: Executor | None = None


def current_executor() -> str:
    """The name this process runs workflows under, or nothing."""
    return _current.id if _current else ""


class _Background:
    """A piece of work done again and again in a thread of its own until stopped."""

    def __init__(self, work: Callable[[], object], seconds: float) -> None:
        self._work = work
        self._seconds = seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(timeout=30)

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            _try(self._work)


def _try(work: Callable[[], object]) -> object:
    try:
        return work()
    except SQLAlchemyError as error:
        # the database is away or busy; everything here may be done again later
        log.warning("database", work=getattr(work, "__name__", ""), error=str(error))
    except Exception:
        log.exception("worker", work=getattr(work, "__name__", ""))
    return None


def run_worker(stop: threading.Event, *, until_idle: bool = False, role: str = "worker") -> None:
    """Run jobs until `stop` is set, or with `until_idle` until none is left.

    One per process. Raises Conflict `workflows.worker_lost` when other workers took this one for
    dead: its work is theirs now and the process should be started anew.
    """
    global _current  # noqa: PLW0603 - one engine per process, so one executor
    dispatcher.load_kinds()
    executor = executors.claim(role)
    lost = threading.Event()

    def beat() -> None:
        if not executor.beat():
            lost.set()

    def reap() -> None:
        reaper.reap(executor)

    seconds = settings.current().heartbeat_seconds
    background = [_Background(beat, seconds), _Background(reap, seconds)]
    try:
        _current = executor
        background[0].start()
        engine.start(executor.id)
        # what died on this host need not wait for its heartbeat to grow old
        _try(reap)
        background[1].start()
        log.info("worker started", executor=executor.id)
        _dispatch_until(stop, lost, until_idle)
    finally:
        for thread in reversed(background[1:]):
            thread.stop()
        engine.stop()
        background[0].stop()
        _current = None
        executor.release()
    if lost.is_set():
        raise Conflict("workflows.worker_lost", executor=executor.id)


def serve_worker(role: str = "worker") -> NoReturn:
    """Be a worker until SIGTERM or SIGINT, then end this process; for processes that do no more."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    code = 0
    try:
        run_worker(stop, role=role)
    except YunzhangError as error:
        log.error("worker ended", code=error.code, message=error.message)
        code = error.exit_code
    except Exception:
        log.exception("worker ended")
        code = 1
    # Threads of the engine that wait for a workflow somebody else took over would keep it alive.
    os._exit(code)


def _dispatch_until(stop: threading.Event, lost: threading.Event, until_idle: bool) -> None:
    while not stop.is_set() and not lost.is_set():
        handed_over = _try(dispatcher.dispatch)
        if until_idle and handed_over == 0 and _try(dispatcher.is_idle):
            return
        stop.wait(POLL)
