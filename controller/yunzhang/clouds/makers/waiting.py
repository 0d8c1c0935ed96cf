"""Waiting for a cloud to get somewhere, with limits that follow from the size of the work."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeVar

from yunzhang import clock
from yunzhang.errors import Outside

POLL_SECONDS = 1.0
# A slow but working cloud: below this rate something is wrong.
BYTES_PER_SECOND = 20 * 1024**2
FEWEST_SECONDS = 600.0
MARGIN = 3.0

Seen = TypeVar("Seen")


def seconds_for(size_bytes: int) -> float:
    """How long work on `size_bytes` may take before it counts as stuck."""
    return max(FEWEST_SECONDS, MARGIN * size_bytes / BYTES_PER_SECOND)


def wait_for(
    what: str,
    read: Callable[[], Seen],
    is_there: Callable[[Seen], bool],
    *,
    seconds: float,
    is_bad: Callable[[Seen], bool] = lambda _: False,
    describe: Callable[[Seen], object] = str,
) -> Seen:
    """Read until it is there; Outside `clouds_make.waited` or `clouds_make.went_wrong` if not."""
    limit = clock.monotonic() + seconds
    while True:
        seen = read()
        if is_there(seen):
            return seen
        if is_bad(seen):
            raise Outside("clouds_make.went_wrong", what=what, state=str(describe(seen)))
        if clock.monotonic() >= limit:
            raise Outside(
                "clouds_make.waited", what=what, state=str(describe(seen)), seconds=round(seconds)
            )
        clock.pause(POLL_SECONDS)


def wait_status(
    what: str,
    read: Callable[[], str],
    wanted: Collection[str],
    bad: Collection[str],
    seconds: float,
) -> str:
    """Wait until the status read is one of `wanted` (case does not matter)."""
    return wait_for(
        what,
        lambda: read().upper(),
        lambda status: status in wanted,
        is_bad=lambda status: status in bad,
        seconds=seconds,
    )
