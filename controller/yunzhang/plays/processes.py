"""Finding and killing the processes of a play, as the kernel shows them in /proc.

ansible-core's workers open sessions of their own, so neither a process group nor a parent's death
reaches them. Two things do: an agent is the reaper of all its descendants, and every process of a
step carries the step's name in its environment.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
from collections.abc import Callable
from functools import cache
from pathlib import Path

from yunzhang import clock
from yunzhang.errors import Outside

# Environment of a play: the step it runs for.
STEP = "YUNZHANG_STEP"
# How long a killed process may take to vanish, in seconds; one that waits in the kernel for a dead
# disk or share takes forever.
PATIENCE = 10.0
PROC = Path("/proc")
# prctl(2)
SET_CHILD_SUBREAPER = 36


@cache
def boot_id() -> str:
    """What tells this machine's present boot from any other."""
    return (PROC / "sys/kernel/random/boot_id").read_text().strip()


@cache
def hostname() -> str:
    """The name of this machine."""
    return socket.gethostname()


def become_subreaper() -> None:
    """Make orphaned descendants children of this process instead of init's."""
    if ctypes.CDLL(None, use_errno=True).prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def _living() -> dict[int, int]:
    """Every process that is not dead already, with its parent."""
    parents: dict[int, int] = {}
    for entry in PROC.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            # the name in parentheses may itself hold spaces and parentheses
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
        except (OSError, ValueError):
            continue
        if state not in "ZX":
            parents[int(entry.name)] = int(parent)
    return parents


def _descendants(roots: set[int], parents: dict[int, int]) -> set[int]:
    found, grown = set(roots), True
    while grown:
        children = {pid for pid, parent in parents.items() if parent in found}
        grown = not children <= found
        found |= children
    return found


def _carries(pid: int, entry: bytes) -> bool:
    try:
        return entry in (PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return False


def find_step_processes(step_id: str) -> set[int]:
    """Processes on this host that carry the step's name, and all below them, but not this one."""
    entry, parents = f"{STEP}={step_id}".encode(), _living()
    roots = {pid for pid in parents if pid != os.getpid() and _carries(pid, entry)}
    return _descendants(roots, parents) - {os.getpid()}


def find_descendants() -> set[int]:
    """All living processes below this one."""
    return _descendants({os.getpid()}, _living()) - {os.getpid()}


def _kill(pids: set[int]) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def terminate(pid: int, step_id: str) -> None:
    """Ask the step's process `pid` to end; a number that was given to another one is left alone."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if _carries(pid, f"{STEP}={step_id}".encode()):
            signal.pidfd_send_signal(handle, signal.SIGTERM)
    except ProcessLookupError:
        pass
    finally:
        os.close(handle)


def kill_descendants() -> int:
    """Kill everything below this process; how many were killed.

    Raises Outside `plays.strays_alive` when something does not die.
    """
    return _kill_all("", find_descendants)


def kill_step_processes(step_id: str) -> int:
    """Kill every process on this host that runs for the step, its agent too; how many.

    Raises Outside `plays.strays_alive` when something does not die.
    """
    return _kill_all(step_id, lambda: find_step_processes(step_id))


def _kill_all(step_id: str, find: Callable[[], set[int]]) -> int:
    killed: set[int] = set()
    deadline = clock.monotonic() + PATIENCE
    # Whoever was forked between looking and killing is found by the next look.
    while left := find():
        _kill(left)
        killed |= left
        if clock.monotonic() > deadline:
            raise Outside("plays.strays_alive", step=step_id, pids=sorted(left))
        clock.pause(0.01)
    return len(killed)
