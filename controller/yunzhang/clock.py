"""The one source of time. Nothing else calls `datetime.now()` or `time.time()`.

Times are aware and in UTC. Tests stop the clock with `fixed`.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# The time people read, in all of China and all year.
BEIJING = timezone(timedelta(hours=8))

_fixed: ContextVar[datetime | None] = ContextVar("fixed_time", default=None)


def now() -> datetime:
    """The current time, aware, UTC."""
    return _fixed.get() or datetime.now(UTC)


def beijing(moment: datetime) -> datetime:
    """`moment` as people read it; everything kept and sent is in UTC."""
    return moment.astimezone(BEIJING)


def monotonic() -> float:
    """Seconds on a clock that never goes back; only differences mean something."""
    return time.monotonic()


def pause(seconds: float) -> None:
    """Wait. Polling loops call this so that tests can make waiting free."""
    time.sleep(seconds)


@contextmanager
def fixed(moment: datetime) -> Iterator[None]:
    """Let time stand still at `moment` inside the block."""
    token = _fixed.set(moment)
    try:
        yield
    finally:
        _fixed.reset(token)
