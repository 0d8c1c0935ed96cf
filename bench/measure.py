"""A measure with its goal."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

T = TypeVar("T")


def peak_mb() -> float:
    """The most memory this process has held so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure. `better` says which side of the goal is good; `seconds` is the time it took.

    `peak_mb`: peak of the process that did the work, None: of this one. `sample`: what was
    measured, when it is less than the goal speaks of. `peer`: the same of somebody else's way;
    `bound`: what nobody can better; both in `unit`.
    """

    name: str
    value: float
    unit: str
    goal: float
    better: Literal["low", "high"]
    seconds: float
    peak_mb: float | None = None
    sample: str = ""
    peer: float | None = None
    bound: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the goal is reached."""
        return self.value <= self.goal if self.better == "low" else self.value >= self.goal

    def as_json(self) -> dict[str, Any]:
        """The measure as the bench prints it."""
        told = {
            "name": self.name,
            "value": round(self.value, 4),
            "unit": self.unit,
            "goal": self.goal,
            "better": self.better,
            "seconds": round(self.seconds, 3),
            "peak_mb": round(peak_mb() if self.peak_mb is None else self.peak_mb, 1),
            "holds": self.holds,
        }
        beside = {"sample": self.sample or None, "peer": self.peer, "bound": self.bound}
        return told | {name: value for name, value in beside.items() if value is not None}


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Seconds `work` took, and what it gave."""
    begun = time.perf_counter()
    result = work()
    return time.perf_counter() - begun, result


def p95_ms(works: Sequence[Callable[[], object]]) -> tuple[float, float]:
    """The 95th percentile of the times of `works`, one by one, in ms; and their sum in s."""
    times = sorted(timed(work)[0] for work in works)
    return times[max(0, -(-95 * len(times) // 100) - 1)] * 1000, sum(times)
