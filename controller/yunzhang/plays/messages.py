"""What the modules of a play say while they work."""

from __future__ import annotations

from pathlib import Path

# Messages kept for people who look; all of them stand in the step's result.
KEPT = 20
# Of one message.
LENGTH = 300


class Messages:
    """One follower's place in the messages of one attempt: how many there were, and the last."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._offset = 0
        self.count = 0
        self.last: list[str] = []

    def pull(self) -> bool:
        """Read what is new, whole lines only; whether there was any."""
        try:
            with self._file.open("rb") as stream:
                stream.seek(self._offset)
                new = stream.read()
        except FileNotFoundError:
            return False
        whole = new[: new.rfind(b"\n") + 1]
        if not whole:
            return False
        self._offset += len(whole)
        lines = whole.decode("utf-8", "replace").splitlines()
        self.count += len(lines)
        self.last = [*self.last, *(line[:LENGTH] for line in lines)][-KEPT:]
        return True
