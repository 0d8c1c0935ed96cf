"""How far something long is: told to who waits for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

# Told what is being done: a step's name, rows done, rows in all. Raising in it stops the work.
Progress = Callable[[str, int, int], None]
# Rows between two tellings.
ROWS = 5_000

_R = TypeVar("_R")


def no_progress(_step: str, _done: int, _total: int) -> None:
    """Tell nobody."""


class Counted:
    """Passes rows on, of one source after the other, and tells how many of `total` went by."""

    def __init__(self, progress: Progress, step: str, total: int) -> None:
        self._progress = progress
        self._step = step
        self._total = total
        self._done = 0

    def __call__(self, rows: Iterable[_R]) -> Iterator[_R]:
        """The same rows."""
        for row in rows:
            if self._done % ROWS == 0:
                self._progress(self._step, self._done, self._total)
            self._done += 1
            yield row
