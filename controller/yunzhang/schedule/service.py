"""The clock: asks for jobs in their slots. It keeps nothing; the jobs' keys do.

Every server ticks. A slot's number is in the key, so that of all who ask for the same slot, or
ask again after a restart, one job comes out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, timedelta

from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy.exc import SQLAlchemyError

from yunzhang import clock, db, jobs
from yunzhang.kit.logs import logger

log = logger("schedule")


@dataclass(frozen=True, slots=True)
class Regular:
    """A kind of job that is wanted once in every interval of `seconds`."""

    kind: str
    seconds: int

    def slot(self) -> int:
        """The number of the present interval since 1970."""
        return int(clock.now().timestamp()) // self.seconds


REGULARS: tuple[Regular, ...] = (Regular("verify-audit", 3600),)


def tick(regular: Regular) -> None:
    """Ask for the job of the present slot; harmless when it was asked for already."""
    slot = regular.slot()
    try:
        with db.transaction() as session:
            jobs.start(session, regular.kind, f"{regular.kind}:{slot}", {"slot": slot})
    except SQLAlchemyError as error:
        log.warning("slot missed", kind=regular.kind, slot=slot, error=str(error))


def start_clock(regulars: tuple[Regular, ...] = REGULARS) -> BackgroundScheduler:
    """Tick in the background, at once and then in every interval; `shutdown()` ends it."""
    scheduler = BackgroundScheduler(timezone=UTC)
    for regular in regulars:
        # Looked at ten times per interval: a server that was asleep at its start is soon there.
        scheduler.add_job(
            tick,
            "interval",
            args=[regular],
            id=regular.kind,
            seconds=max(1, regular.seconds // 10),
            next_run_time=clock.now() + timedelta(seconds=0),
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )
    scheduler.start()
    return scheduler
