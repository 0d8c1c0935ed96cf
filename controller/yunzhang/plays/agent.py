"""Runs one play on behalf of the controller, and outlives it.

    python -m yunzhang.plays.agent RUN_DIR [--lock-fd N]

The controller starts it in a session of its own, hands it the lock it already holds, and writes
the database's URL into its standard input; by hand, it takes the lock and the URL of the settings.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import uuid
from pathlib import Path
from typing import Any

from yunzhang import clock, settings
from yunzhang.errors import YunzhangError
from yunzhang.kit.logs import configure_logs, logger
from yunzhang.plays import processes
from yunzhang.plays.lease import LeaseKeeper, lease_engine
from yunzhang.plays.repository import Claim
from yunzhang.plays.rundir import IDENT, RunDirectory

log = logger("plays")

EXIT_LIVE = 3  # another agent holds the lock
EXIT_REFUSED = 4  # the lease is held, or this attempt was begun before
EXIT_LOST = 5  # the lease could not be renewed
# Seconds between looks at the play while it is silent.
LOOK = 0.5


class Agent:
    """One play's life: claim, run, sweep up, say how it ended."""

    def __init__(self, run: RunDirectory, database: str) -> None:
        request = run.read_json("request.json")
        if request is None:
            raise FileNotFoundError(run.path / "request.json")
        self._run = run
        self._request = request
        self._cancelled = threading.Event()
        self._ending = threading.Lock()
        seconds = float(request["lease_seconds"])
        claim = Claim(
            step_id=request["step_id"],
            attempt=request["attempt"],
            agent_id=str(uuid.uuid4()),
            owner=request["owner"],
            host=processes.hostname(),
            boot_id=processes.boot_id(),
            run_dir=str(run.path),
            pid=os.getpid(),
            seconds=seconds,
        )
        self._keeper = LeaseKeeper(
            lease_engine(database, seconds),
            claim,
            run.lease,
            on_lost=self._give_up,
            on_cancel=self.cancel,
        )

    def cancel(self, *_: object) -> None:
        """Kill the play and everything it started; nothing more is executed."""
        self._cancelled.set()
        processes.kill_descendants()

    def work(self) -> int:
        """Run the play under the lease; the exit code of the process."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.cancel)
        if not self._keeper.acquire():
            return EXIT_REFUSED
        self._run.write("started", clock.now().isoformat())
        self._keeper.start()
        status, rc = self._play()
        processes.kill_descendants()
        # Whoever lost the lease must not report an end: the play may have been cut off anywhere.
        with self._ending:
            self._run.clean()
            self._run.write("outcome.json", json.dumps({"status": status, "rc": rc}))
        self._keeper.release()
        return 0

    def _play(self) -> tuple[str, int | None]:
        if self._cancelled.is_set() or self._run.has("cancel"):
            return "canceled", None
        try:
            status, rc = self._run_playbook()
        except Exception:
            log.exception("play broken off", step=self._request["step_id"])
            status, rc = "failed", 1
        if self._cancelled.is_set():
            return "canceled", rc
        # No exit code: somebody killed ansible-playbook. What it did is not known.
        return ("interrupted" if rc is None else status), rc

    def _run_playbook(self) -> tuple[str, int | None]:
        import ansible_runner

        runner = ansible_runner.run(
            private_data_dir=str(self._run.path),
            ident=IDENT,
            playbook=self._request["playbook"],
            inventory=self._request["inventory"],
            cmdline=None,
            settings={"pexpect_timeout": LOOK},
            timeout=self._request["timeout"],
            quiet=True,
            cancel_callback=self._cancelled.is_set,
            status_handler=self._forget_environment,
        )
        return runner.status, runner.rc

    def _forget_environment(self, data: dict[str, Any], **_: object) -> None:
        # ansible-runner writes the whole environment to a file before it starts the play
        if data["status"] != "starting":
            (self._run.artifacts / "command").unlink(missing_ok=True)

    def _give_up(self) -> None:
        self._ending.acquire()  # for ever: this process ends here
        log.error("lease lost, play killed", step=self._request["step_id"])
        self._run.lease.unlink(missing_ok=True)
        try:
            processes.kill_descendants()
            self._run.clean()
        finally:
            os._exit(EXIT_LOST)


def _take_lock(run: RunDirectory, inherited: int | None) -> bool:
    if inherited is None:
        return run.try_lock() is not None
    # the play's own processes must not hold it, or it would outlive the agent
    os.set_inheritable(inherited, False)
    return True


def main(arguments: list[str]) -> int:
    """Run the play of the directory named; the exit code."""
    parser = argparse.ArgumentParser(prog="yunzhang.plays.agent")
    parser.add_argument("run_dir", type=Path)
    parser.add_argument("--lock-fd", type=int)
    given = parser.parse_args(arguments)
    configure_logs()
    run = RunDirectory(given.run_dir.absolute())
    if not _take_lock(run, given.lock_fd):
        return EXIT_LIVE
    processes.become_subreaper()
    if given.lock_fd is None:
        database = settings.current().database
    else:
        database = json.loads(sys.stdin.read())["database"]
    try:
        return Agent(run, database).work()
    except YunzhangError as error:
        log.error("agent failed", code=error.code, values=error.values)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
