"""The directory of one attempt of a step: what was asked, who runs it, what came out.

lock          held by the agent for its life (flock): the kernel frees it whatever kills it
request.json  what to run
env/ inventory/   what ansible-runner reads
started       the agent holds its lease and begins
lease         touched at every renewal; modules refuse to work when it is old or gone
cancel        somebody asked to stop
messages      what modules say while they work, a line each
artifacts/play/   ansible-runner's journal
outcome.json  how it ended; without it, and with a free lock, it was interrupted
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yunzhang import settings
from yunzhang.errors import InputError

IDENT = "play"
_STEP_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@=-]{0,159}")
_EVENT = re.compile(r"(\d+)-[0-9a-f-]+\.json")


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """Paths and small files of one attempt."""

    path: Path

    @property
    def lease(self) -> Path:
        """The file whose age tells modules whether the agent is still in charge."""
        return self.path / "lease"

    @property
    def messages(self) -> Path:
        """What modules say while they work: Ansible itself tells nothing before a task ends."""
        return self.path / "messages"

    @property
    def artifacts(self) -> Path:
        """ansible-runner's journal."""
        return self.path / "artifacts" / IDENT

    def create(self) -> None:
        """Make the directory, for its owner only."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.chmod(0o700)

    def has(self, name: str) -> bool:
        """Whether the file `name` is there."""
        return (self.path / name).exists()

    def write(self, name: str, content: str) -> None:
        """Write a file whole or not at all, readable by its owner only."""
        file = self.path / name
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = file.with_name(f".{file.name}.{os.getpid()}")
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:  # noqa: PTH123
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(file)

    def read_json(self, name: str) -> dict[str, Any] | None:
        """A JSON file, or None when it is not there."""
        try:
            content: dict[str, Any] = json.loads((self.path / name).read_text("utf-8"))
        except FileNotFoundError:
            return None
        return content

    def try_lock(self) -> int | None:
        """Take the lock; its descriptor, or None when somebody holds it."""
        return self._flock(fcntl.LOCK_EX)

    def is_live(self) -> bool:
        """Whether an agent holds the lock."""
        if not self.has("lock"):
            return False
        # shared, so that two who look at once do not take each other for an agent
        descriptor = self._flock(fcntl.LOCK_SH)
        if descriptor is None:
            return True
        os.close(descriptor)
        return False

    def _flock(self, kind: int) -> int | None:
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor

    def event_files(self, after: int) -> list[tuple[int, Path]]:
        """Finished event files with counters above `after`, in order."""
        folder = self.artifacts / "job_events"
        if not folder.is_dir():
            return []
        found = ((_EVENT.fullmatch(file.name), file) for file in folder.iterdir())
        numbered = ((int(match[1]), file) for match, file in found if match)
        return sorted((counter, file) for counter, file in numbered if counter > after)

    def runner_outcome(self) -> dict[str, Any] | None:
        """How ansible-runner says the play ended, if it came to say so."""
        try:
            rc = int((self.artifacts / "rc").read_text())
            return {"status": (self.artifacts / "status").read_text().strip(), "rc": rc}
        except (FileNotFoundError, ValueError):
            return None

    def make_sockets(self) -> str:
        """A directory for ssh's shared connections, this play's own: another play's must not break
        when this one's are closed. It lies in /tmp because a socket's path is at most 107 long.
        """
        link = self.path / "sockets"
        if not link.is_symlink():
            link.symlink_to(tempfile.mkdtemp(prefix="yunzhang-"))
        return str(link.readlink())

    def clean(self) -> None:
        """Remove what must not outlive the play: leave to work, its environment, its scratch."""
        self.lease.unlink(missing_ok=True)
        (self.artifacts / "command").unlink(missing_ok=True)
        shutil.rmtree(self.path / "tmp", ignore_errors=True)
        sockets = self.path / "sockets"
        if sockets.is_symlink():
            shutil.rmtree(sockets.readlink(), ignore_errors=True)
            sockets.unlink(missing_ok=True)


def _step_directory(step_id: str) -> Path:
    if not _STEP_ID.fullmatch(step_id):
        raise InputError("plays.step_invalid", step=step_id)
    return settings.current().state / "runs" / step_id


def run_directory(step_id: str, attempt: int) -> RunDirectory:
    """Where attempt `attempt` (1, 2, …) of a step is kept on this host.

    Raises InputError `plays.step_invalid` for a name that is no file name.
    """
    return RunDirectory(_step_directory(step_id) / str(attempt))


def attempts(step_id: str) -> Iterator[tuple[int, RunDirectory]]:
    """Attempts of a step that were made on this host, in order."""
    folder = _step_directory(step_id)
    if folder.is_dir():
        for number in sorted(int(path.name) for path in folder.iterdir() if path.name.isdigit()):
            yield number, RunDirectory(folder / str(number))
