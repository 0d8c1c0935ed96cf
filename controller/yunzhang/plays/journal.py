"""Reads a play's journal into the database, from the beginning or while it grows."""

from __future__ import annotations

import json
from collections.abc import Callable

from yunzhang import db
from yunzhang.plays import repository
from yunzhang.plays.results import PlayEvent, PlayResult, event_row
from yunzhang.plays.rundir import RunDirectory

# Events written in one transaction.
BATCH = 200


class Journal:
    """One follower's place in the journal of one attempt."""

    def __init__(self, step_id: str, attempt: int, run: RunDirectory) -> None:
        self._step_id = step_id
        self._attempt = attempt
        self._run = run
        self._last = 0
        self.result = PlayResult(attempt=attempt)

    def pull(self, on_event: Callable[[PlayEvent], None] | None) -> None:
        """Import what is new. Events that another follower imported are left as they are, but
        `on_event` is told of them again: it must bear hearing of an event twice.
        """
        files = self._run.event_files(self._last)
        for start in range(0, len(files), BATCH):
            batch = files[start : start + BATCH]
            events = [json.loads(file.read_text("utf-8")) for _, file in batch]
            rows = [
                event_row(self._step_id, self._attempt, counter, event)
                for (counter, _), event in zip(batch, events, strict=True)
            ]
            with db.transaction() as session:
                repository.add_events(session, rows)
            if on_event:
                for row in rows:
                    on_event(PlayEvent(**{name: row[name] for name in PlayEvent.__slots__}))
            # Last, so that a batch that failed is taken in anew.
            for event in events:
                self.result.add(event)
            self._last = batch[-1][0]
