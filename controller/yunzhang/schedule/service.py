"""The clock: asks for jobs in their slots, and seals the audit record every second.

It keeps nothing; the jobs' keys do. Every server ticks. A slot's number is in the key, so that of
all who ask for the same slot, or ask again after a restart, one job comes out. Sealing is no job:
it is due every second, harmless to do twice, and must not wait behind migrations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from functools import partial

from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy.exc import SQLAlchemyError

from yunzhang import audit, clock, db, jobs, settings
from yunzhang.errors import YunzhangError
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


# An entry is sealed at most about twice this after its transaction ended, in seconds.
SEAL_SECONDS = 1


def regulars() -> tuple[Regular, ...]:
    """What is wanted regularly by the settings of this instance; an interval of 0 is never."""
    current = settings.current()
    wanted = (
        Regular("verify-audit", 3600),
        Regular("discover", current.discover_minutes * 60),
        Regular("reopen-expired", current.reopen_hours * 3600),
    )
    return tuple(regular for regular in wanted if regular.seconds)


def tick(regular: Regular) -> None:
    """Ask for the job of the present slot; harmless when it was asked for already."""
    slot = regular.slot()
    try:
        with db.transaction() as session:
            jobs.start(session, regular.kind, f"{regular.kind}:{slot}", {"slot": slot})
    except SQLAlchemyError as error:
        log.warning("slot missed", kind=regular.kind, slot=slot, error=str(error))


class Sealing:
    """Seals the audit record; says once, not every second, what keeps it from doing so."""

    def __init__(self) -> None:
        self._told = ""

    def __call__(self) -> None:
        """Seal what waits. What goes wrong is told; the next second tries again."""
        try:
            audit.seal()
        except (SQLAlchemyError, YunzhangError, OSError) as error:
            if str(error) != self._told:
                log.error("audit record not sealed", error=str(error))
            self._told = str(error)
        else:
            if self._told:
                log.info("audit record sealed again")
            self._told = ""


def start_clock(wanted: tuple[Regular, ...] | None = None) -> BackgroundScheduler:
    """Tick and seal in the background, at once and then in every interval; `shutdown()` ends it.

    `wanted`: None is what the settings say. A worker beside the server has none and only seals.
    """
    scheduler = BackgroundScheduler(timezone=UTC)
    _every(scheduler, Sealing(), SEAL_SECONDS, "seal-audit")
    for regular in regulars() if wanted is None else wanted:
        # Looked at ten times per interval: a server that was asleep at its start is soon there.
        _every(scheduler, partial(tick, regular), max(1, regular.seconds // 10), regular.kind)
    scheduler.start()
    return scheduler


def _every(
    scheduler: BackgroundScheduler, work: Callable[[], None], seconds: int, name: str
) -> None:
    scheduler.add_job(
        work,
        "interval",
        id=name,
        seconds=seconds,
        next_run_time=clock.now(),
        coalesce=True,
        max_instances=1,
        misfire_grace_time=None,
    )
