"""Moves a disk's frames from the reading agent to the writing one, without looking at them."""

from __future__ import annotations

import errno
import os
import select
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from yunzhang import clock
from yunzhang.clouds.connection import check_lease
from yunzhang.clouds.transfer_hosts import GUARD_SECONDS, Agent, TransferHost
from yunzhang.errors import Outside

if TYPE_CHECKING:
    from collections.abc import Callable

PIECE = 1 << 20  # bytes per splice: a pipe's size
PATIENCE = 500  # milliseconds


def copy(
    reader: tuple[TransferHost, dict[str, Any]],
    writer: tuple[TransferHost, dict[str, Any]],
    watch: Callable[[int], None],
) -> dict[str, Any]:
    """Copy the disk one request names onto the disk the other names: sha256 and bytes of it.

    `watch` is told the bytes done. Both agents have ended when this returns or raises; raises
    Outside `clouds_copy.agent_*`, or whatever the lease check raises.
    """
    source = Agent(reader[0], "read", reader[1])
    try:
        target = Agent(writer[0], "write", writer[1])
        try:
            _pump(source, target, watch)
            return _conclude(source, target, watch)
        finally:
            target.stop()
    finally:
        source.stop()


def _pump(source: Agent, target: Agent, watch: Callable[[int], None]) -> None:
    come, go = source.stdout.fileno(), target.stdin.fileno()
    next_look = 0.0
    while True:
        if clock.monotonic() >= next_look:
            check_lease()
            next_look = clock.monotonic() + GUARD_SECONDS
        watch(source.progress)
        if not _ready(come, select.POLLIN) or not _ready(go, select.POLLOUT):
            continue
        try:
            if not os.splice(come, go, PIECE, flags=os.SPLICE_F_NONBLOCK):
                break
        except BlockingIOError:
            continue
        except OSError as error:
            if error.errno != errno.EPIPE:
                raise
            break  # the writer gave up; it says why
    for pipe in (source.stdout, target.stdin):
        with suppress(OSError):
            pipe.close()


def _ready(pipe: int, event: int) -> bool:
    poll = select.poll()
    poll.register(pipe, event)
    return bool(poll.poll(PATIENCE))


def _conclude(source: Agent, target: Agent, watch: Callable[[int], None]) -> dict[str, Any]:
    """The result of both, or the error of the one that knows the cause."""
    failures: list[Outside] = []
    results: list[dict[str, Any]] = []
    for agent in (source, target):
        try:
            results.append(agent.finish(lambda: watch(source.progress)))
        except Outside as failure:
            if not failure.code.startswith("clouds_copy."):
                raise
            failures.append(failure)
    if failures:
        # who lost its peer only knows that; the other one knows more
        lost = ("clouds_copy.agent_died", "clouds_copy.agent_truncated")
        raise min(failures, key=lambda failure: failure.code in lost)
    read, written = results
    if (read["sha256"], read["bytes"]) != (written["sha256"], written["bytes"]):
        detail = f"{written['sha256']} != {read['sha256']}"
        raise Outside("clouds_copy.agent_digest", cloud=target.host.cloud, detail=detail)
    return written
