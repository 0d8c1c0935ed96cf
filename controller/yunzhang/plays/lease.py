"""An agent's lease: taken before the play, renewed by the agent itself, given back at the end."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event, make_url
from sqlalchemy.exc import SQLAlchemyError

from yunzhang import clock
from yunzhang.db import Session, make_engine
from yunzhang.kit.logs import logger
from yunzhang.plays import repository
from yunzhang.plays.repository import Claim

log = logger("plays")

# Of the lease: how often it is renewed, and how long the agent goes on without having renewed it.
RENEWALS = 6
TRUST = 0.5


def _refuse_missing(_dialect: Any, _record: Any, arguments: list[Any], _options: Any) -> None:
    # SQLite would make an empty database in the place of one that was moved away
    if not Path(arguments[0]).exists():
        raise FileNotFoundError(arguments[0])


def lease_engine(url: str, seconds: float) -> Engine:
    """An engine that fails within a renewal's time when the database does not answer."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = make_engine(parsed)
        event.listen(engine, "do_connect", _refuse_missing)
        return engine
    patience = max(2, round(seconds / RENEWALS))
    limits = {"connect_timeout": str(patience), "tcp_user_timeout": str(patience * 1000)}
    return make_engine(parsed.update_query_dict(limits))


class LeaseKeeper:
    """Renews one lease and the file that shows it, and says when it is lost."""

    def __init__(
        self,
        engine: Engine,
        claim: Claim,
        file: Path,
        *,
        on_lost: Callable[[], None],
        on_cancel: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._claim = claim
        self._file = file
        self._on_lost = on_lost
        self._on_cancel = on_cancel
        self._stop = threading.Event()
        self._renewed = clock.monotonic()

    def acquire(self) -> bool:
        """Take the lease; False when another agent holds it or this attempt was begun before."""
        began, stamp = clock.monotonic(), clock.now().timestamp()
        with Session(self._engine) as session, session.begin():
            taken = repository.acquire(session, self._claim)
        if taken:
            self._show(began, stamp)
        return taken

    def start(self) -> None:
        """Renew and watch in the background until `release`."""
        for work in (self._renew, self._watch):
            threading.Thread(target=work, daemon=True).start()

    def release(self) -> None:
        """Stop renewing and give the lease back; if the database is away it runs out by itself."""
        self._stop.set()
        try:
            with Session(self._engine) as session, session.begin():
                repository.release(session, self._claim.step_id, self._claim.agent_id)
        except (SQLAlchemyError, OSError) as error:
            log.warning("lease not released", step=self._claim.step_id, error=str(error))
        self._engine.dispose()

    def _show(self, began: float, stamp: float) -> None:
        # The moment before the renewal, so that the file is never fresher than the lease.
        self._file.touch(mode=0o600)
        os.utime(self._file, (stamp, stamp))
        self._renewed = began

    def _renew(self) -> None:
        while not self._stop.wait(self._claim.seconds / RENEWALS):
            began, stamp = clock.monotonic(), clock.now().timestamp()
            try:
                with Session(self._engine, expire_on_commit=False) as session, session.begin():
                    lease = repository.renew(session, self._claim)
            except (SQLAlchemyError, OSError) as error:
                log.warning("lease not renewed", step=self._claim.step_id, error=str(error))
                continue
            finally:
                # An open SQLite connection would stay with a file that was moved away.
                self._engine.dispose()
            if self._stop.is_set():
                return
            if lease is None:
                self._on_lost()
                return
            self._show(began, stamp)
            if lease.cancel_requested:
                self._on_cancel()

    def _watch(self) -> None:
        # A thread of its own: the renewal may hang in a database that does not answer.
        trusted = self._claim.seconds * TRUST
        while not self._stop.wait(trusted / 20):
            if clock.monotonic() - self._renewed > trusted:
                self._on_lost()
                return
