"""A measure with its goal."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure. `better` says which side of the goal is good; `seconds` is the time it took."""

    name: str
    value: float
    unit: str
    goal: float
    better: Literal["low", "high"]
    seconds: float

    @property
    def holds(self) -> bool:
        """Whether the goal is reached."""
        return self.value <= self.goal if self.better == "low" else self.value >= self.goal

    def as_json(self) -> dict[str, Any]:
        """The measure as the bench prints it; `peak_mb` is the process's peak so far."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return {
            "name": self.name,
            "value": round(self.value, 4),
            "unit": self.unit,
            "goal": self.goal,
            "better": self.better,
            "seconds": round(self.seconds, 3),
            "peak_mb": round(peak, 1),
            "holds": self.holds,
        }


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Seconds `work` took, and what it gave."""
    begun = time.perf_counter()
    result = work()
    return time.perf_counter() - begun, result
