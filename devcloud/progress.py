"""Progress lines with elapsed seconds."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator


class Progress:
    """Prints ``[ 12.3s] legacy: text`` lines; safe to use from several threads."""

    def __init__(self) -> None:
        """Start the clock."""
        self._start = time.monotonic()
        self._lock = threading.Lock()

    def say(self, text: str, cloud: str = "") -> None:
        """Print one line."""
        prefix = f"{cloud}: " if cloud else ""
        with self._lock:
            print(f"[{time.monotonic() - self._start:6.1f}s] {prefix}{text}", flush=True)

    @contextlib.contextmanager
    def step(self, text: str, cloud: str = "") -> Iterator[None]:
        """Print the step when it has ended, with its own duration."""
        began = time.monotonic()
        yield
        self.say(f"{text} ({time.monotonic() - began:.1f}s)", cloud)


def complain(text: str) -> None:
    """Print to standard error."""
    print(text, file=sys.stderr, flush=True)
