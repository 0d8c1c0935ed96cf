"""Starting, recognising and ending long-running processes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from devcloud.errors import DevcloudError


def start_time(pid: int) -> str | None:
    """Return when a process started (clock ticks), or None when it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def read_pid(path: Path) -> int | None:
    """Return the process a pid file names, if it is still that very process."""
    try:
        pid, started = path.read_text().split()
    except (OSError, ValueError):
        return None
    return int(pid) if start_time(int(pid)) == started else None


def write_pid(path: Path, pid: int) -> None:
    """Record a process with its start time, because numbers are used again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{pid} {start_time(pid)}\n")


def spawn(
    command: Sequence[str | Path],
    *,
    pid_file: Path,
    log: Path,
    env: Mapping[str, str],
    pass_fds: Iterable[int] = (),
    cwd: Path | None = None,
) -> int:
    """Start a process of its own session, output appended to ``log``; return its pid."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=dict(env),
            cwd=cwd,
            pass_fds=tuple(pass_fds),
            start_new_session=True,
        )
    write_pid(pid_file, process.pid)
    return process.pid


def run(
    command: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    what: str = "",
    cwd: Path | None = None,
) -> None:
    """Run a command to its end, output appended to ``log``; complain when it fails."""
    words = [str(part) for part in command]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        try:
            done = subprocess.run(
                words,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=env,
                cwd=cwd,
                check=False,
            )
        except OSError as error:
            raise DevcloudError(f"{what or words[0]}: {error}") from error
    if done.returncode:
        raise DevcloudError(
            f"{what or Path(words[0]).name} failed with exit code {done.returncode}", log=log
        )


def _reap(pids: Iterable[int]) -> None:
    # Our own children stay zombies until somebody waits for them.
    for pid in pids:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def _send(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def end(pids: Iterable[int], *, grace: float = 8.0) -> None:
    """Ask processes to end, wait, then kill those that stay."""
    left = {pid for pid in pids if start_time(pid)}
    for number, seconds in ((signal.SIGTERM, grace), (signal.SIGKILL, 5.0)):
        _send(left, number)
        limit = time.monotonic() + seconds
        while left and time.monotonic() < limit:
            _reap(left)
            left = {pid for pid in left if start_time(pid)}
            time.sleep(0.05)
    if left:
        raise DevcloudError(f"processes do not end: {sorted(left)}")
