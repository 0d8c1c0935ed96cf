"""Transfer hosts: places from which a cloud's storage can be attached, and the agent run there."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import threading
from collections import deque
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from yunzhang import clock, settings
from yunzhang.clouds.connection import check_lease
from yunzhang.errors import InputError, NotFound, Outside
from yunzhang.secrets import transfer_file
from yunzhang.texts import text

if TYPE_CHECKING:
    from collections.abc import Callable

GRACE_SECONDS = 10  # between asking a process to end and ending it
GUARD_SECONDS = 2  # between two looks at the lease
EXPLAINED = frozenset(
    ("busy", "connect", "died", "digest", "format", "short", "small", "stream", "tail", "truncated")
)


class TransferHost(BaseModel):
    """How one is entered (`ssh HOST`, or nothing), its interpreter with os_brick, its spool."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cloud: str = ""
    command: tuple[str, ...] = ()
    python: str
    spool: Path
    address: str | None = None  # the one storage knows it by; found out when not given
    multipath: bool = False


def transfer_host(cloud: str) -> TransferHost:
    """The transfer host of `cloud`.

    Raises NotFound `clouds_copy.no_host` or InputError `clouds_copy.bad_hosts`.
    """
    path = transfer_file()
    try:
        hosts = json.loads(path.read_text("utf-8"))
        if cloud not in hosts:
            raise NotFound("clouds_copy.no_host", cloud=cloud, path=str(path))
        return TransferHost(**{**hosts[cloud], "cloud": cloud})
    except (ValueError, TypeError, ValidationError) as error:
        raise InputError("clouds_copy.bad_hosts", path=str(path), reason=str(error)) from error


def controller_host() -> TransferHost:
    """The controller itself: reads images out of its own spool."""
    return TransferHost(python=sys.executable, spool=settings.current().state / "spool")


class Agent:
    """One running agent. Its result comes by `finish`; `stop` ends it at once, twice is fine."""

    def __init__(self, host: TransferHost, verb: str, request: dict[str, Any]) -> None:
        self.host = host
        self.progress = 0  # bytes done, as the agent last said
        self._said: dict[str, Any] = {}
        self._chatter: deque[str] = deque(maxlen=20)
        pipe = subprocess.PIPE
        try:
            self._process = subprocess.Popen(
                command_line(host, verb), stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0
            )
        except OSError as error:
            raise self._failure("start", str(error)) from error
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        line = {"spool": str(host.spool), "multipath": host.multipath, **request}
        with suppress(BrokenPipeError):  # it ended at once; finish() says why
            self.stdin.write(json.dumps(line).encode() + b"\n")

    @property
    def stdin(self) -> IO[bytes]:
        """Where the agent reads."""
        assert self._process.stdin  # noqa: S101 - it is a pipe
        return self._process.stdin

    @property
    def stdout(self) -> IO[bytes]:
        """Where the agent writes."""
        assert self._process.stdout  # noqa: S101 - it is a pipe
        return self._process.stdout

    @property
    def ended(self) -> bool:
        """Whether the process is gone."""
        return self._process.poll() is not None

    @property
    def explained(self) -> bool:
        """Whether the agent said itself what is wrong."""
        return "error" in self._said

    def _listen(self) -> None:
        assert self._process.stderr  # noqa: S101 - it is a pipe
        for line in self._process.stderr:
            try:
                said = json.loads(line)
                if "progress" in said:
                    self.progress = int(said["progress"])
                else:
                    self._said.update(said)
            except (ValueError, TypeError):
                self._chatter.append(line.decode("utf-8", "replace").rstrip())

    def finish(self, watch: Callable[[], None] | None = None) -> dict[str, Any]:
        """Wait for the result, checking the lease and calling `watch` meanwhile.

        Raises Outside `clouds_copy.agent_*`.
        """
        while not self.ended:
            check_lease()
            if watch:
                watch()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(GUARD_SECONDS)
        self._listener.join()
        result = self._said.get("result")
        if isinstance(result, dict) and self._process.returncode == 0:
            return result
        if not self.explained:
            detail = "; ".join(self._chatter) or f"exit {self._process.returncode}"
            raise self._failure("died", detail)
        raise self._failure(str(self._said["error"]), str(self._said.get("detail") or ""))

    def _failure(self, code: str, detail: str) -> Outside:
        known = code if code in EXPLAINED else "failed"
        place = self.host.cloud or "controller"
        return Outside(f"clouds_copy.agent_{known}", cloud=place, detail=detail)

    def stop(self) -> None:
        """End the process: it may tidy up first, but not for long."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with suppress(OSError):
                    pipe.close()
        if not self.ended:
            self._process.terminate()
            try:
                self._process.wait(GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._listener.join()
        if self._process.stderr:
            self._process.stderr.close()


def command_line(host: TransferHost, verb: str) -> list[str]:
    """The words that start the agent; for ssh quoted once more, as a shell reads them there."""
    words = [host.python, "-I", "-c", agent_source(), verb]
    if host.command and Path(host.command[0]).name == "ssh":
        return [*host.command, shlex.join(words)]
    return [*host.command, *words]


@cache
def agent_source() -> str:
    """The text of the agent."""
    return (Path(__file__).parent / "diskagent.py").read_text("utf-8")


def call(
    host: TransferHost,
    verb: str,
    request: dict[str, Any],
    watch: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """Run one verb that streams nothing; its result. `watch` is told the bytes done."""
    agent = Agent(host, verb, request)
    try:
        with suppress(OSError):
            agent.stdin.close()
        return agent.finish((lambda: watch(agent.progress)) if watch else None)
    finally:
        agent.stop()


class Meter:
    """Reports the progress of one disk in words, every few seconds."""

    def __init__(self, report: Callable[[str], None], key: str, disk: str, total: int) -> None:
        self._report, self._key, self._disk, self._total = report, key, disk, total
        self._start = clock.monotonic()
        self._next = self._start + 5

    def __call__(self, done: int) -> None:
        """`done` bytes are done."""
        now = clock.monotonic()
        if now >= self._next:
            self._next = now + 5
            self._report(progress_text(self._key, self._disk, done, self._total, now - self._start))


def progress_text(key: str, disk: str, done: int, total: int, seconds: float) -> str:
    """Which disk, how far, of how much, how fast."""
    gib, rate = 1024**3, done / 1024**2 / max(seconds, 0.001)
    return text(
        key, disk=disk, done=f"{done / gib:.2f}", total=f"{total / gib:.2f}", rate=f"{rate:.0f}"
    )
