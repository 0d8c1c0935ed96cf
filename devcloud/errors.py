"""The one exception that reaches the user as a plain message."""

from __future__ import annotations

from pathlib import Path


class DevcloudError(Exception):
    """Something the user should read; ``code`` becomes the exit code."""

    def __init__(self, message: str, *, code: int = 1, log: Path | None = None) -> None:
        """Keep the message and, when there is one, the log that tells more."""
        super().__init__(message)
        self.code = code
        self.log = log

    def text(self, lines: int = 15) -> str:
        """Return the message followed by the end of the log."""
        if self.log is None:
            return str(self)
        return f"{self}\nlog: {self.log}\n{tail(self.log, lines)}".rstrip()


def tail(path: Path, lines: int) -> str:
    """Return the last lines of a text file, indented; empty when it is missing."""
    try:
        content = path.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(f"    {line[:300]}" for line in content[-lines:])
