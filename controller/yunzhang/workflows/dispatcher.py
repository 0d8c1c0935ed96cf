"""Hands jobs over to the engine, each to the workflow of its kind."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dbos import DBOS

from yunzhang import db, jobs
from yunzhang.jobs import Job
from yunzhang.kit.logs import logger
from yunzhang.workflows import engine

log = logger("workflows")

Workflow = Callable[[dict[str, Any]], Any]

# The workflow of each kind of job. Its body only calls steps.
KINDS: dict[str, Workflow] = {}

_unknown: set[str] = set()


def register(kind: str) -> Callable[[Workflow], Workflow]:
    """Make a function of a job's payload the workflow of jobs of `kind`."""

    def decorate(function: Workflow) -> Workflow:
        if kind in KINDS:
            raise ValueError(f"two workflows for jobs of kind {kind}")
        KINDS[kind] = DBOS.workflow(name=kind)(function)
        return KINDS[kind]

    return decorate


def load_kinds() -> None:
    """Import every module of this folder, so that its workflows are registered."""
    for file in sorted(Path(__file__).parent.glob("[!_]*.py")):
        importlib.import_module(f"yunzhang.workflows.{file.stem}")


def dispatch() -> int:
    """Hand over the jobs that wait; how many. A crash in between only repeats a hand-over."""
    with db.reading() as session:
        waiting = jobs.due(session)
    handed_over = [job for job in waiting if job.kind in KINDS and _hand_over(job)]
    for kind in {job.kind for job in waiting} - set(KINDS) - _unknown:
        # another version may know it; it waits
        _unknown.add(kind)
        log.warning("no workflow for jobs of this kind", kind=kind)
    if handed_over:
        with db.transaction() as session:
            for job in handed_over:
                jobs.mark_dispatched(session, session.merge(job, load=False))
    return len(handed_over)


def _hand_over(job: Job) -> bool:
    try:
        engine.enqueue(KINDS[job.kind], job.key, job.payload)
    except Exception:
        # one bad job must not keep the others waiting
        log.exception("job not handed over", kind=job.kind, key=job.key)
        return False
    return True


def is_idle() -> bool:
    """Whether no job waits to be handed over and no workflow runs."""
    with db.reading() as session:
        if any(job.kind in KINDS for job in jobs.due(session)):
            return False
    return engine.is_idle()
