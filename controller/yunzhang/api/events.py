"""Live events of a wave's steps as server-sent events, resumable by Last-Event-ID.

Events have no number across steps; a reader's place is (step, attempt, counter), and attempts
come in the order they began. Within one connection the place in every attempt is kept, so that an
attempt which is imported late is still told.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated

import anyio
from anyio.to_thread import run_sync
from fastapi import APIRouter, Header, Response
from fastapi.responses import StreamingResponse

from yunzhang import clock, db
from yunzhang.access.dependencies import Asking, Showing, still_asking
from yunzhang.api import repository
from yunzhang.api.repository import Stream
from yunzhang.api.schemas import EventRead
from yunzhang.db import Session
from yunzhang.errors import InputError, NotFound
from yunzhang.moves.endpoints import WaveId
from yunzhang.moves.states import ACTIVE, ROLL_BACK, STEP_NAMES
from yunzhang.plays.models import PlayEvent
from yunzhang.units import scope
from yunzhang.units.scope import SYSTEM, Principal, demand

router = APIRouter(prefix="/waves", tags=["waves"])

# Seconds between looks at the database, and of silence after which a comment keeps the line open.
POLL = 0.5
SILENCE = 15.0
# Events told in one go.
BATCH = 200
MEDIA = "text/event-stream"
PLACE = re.compile(r"(?P<step>wave-\d+-[a-z0-9_-]+):(?P<attempt>\d{1,9}):(?P<counter>\d{1,9})")
STEP = re.compile(r"wave-\d+-(?:run-\d+-)?(?P<name>[a-z_]+)")

Place = tuple[str, int, int]
LastEvent = Annotated[
    str | None,
    Header(alias="Last-Event-ID", max_length=300, description="where the reader was: resume after"),
]


def read_place(told: str | None) -> Place | None:
    """A reader's place from its Last-Event-ID. Raises InputError `api.event_unknown`."""
    if not told:
        return None
    match = PLACE.fullmatch(told)
    if match is None:
        raise InputError("api.event_unknown", event=told[:80])
    return match["step"], int(match["attempt"]), int(match["counter"])


def step_ids(wave_id: int, runs: int) -> list[str]:
    """Identities under which a wave's steps may have been played."""
    names = (*STEP_NAMES, ROLL_BACK)
    plain = [f"wave-{wave_id}-{name}" for name in names]
    return plain + [f"wave-{wave_id}-run-{n}-{name}" for n in range(1, runs + 1) for name in names]


@dataclass
class Follower:
    """One reader of one wave; `told` is how far each attempt has been told."""

    wave_id: int
    place: Place | None = None
    ask: Callable[[], Principal] = lambda: SYSTEM
    told: dict[tuple[str, int], int] = field(default_factory=dict)
    state: str = ""

    def _skip_seen(self, streams: Sequence[Stream]) -> None:
        """Take everything before the reader's place for told; an unknown place begins anew."""
        if self.place is None:
            return
        step, attempt, counter = self.place
        keys = [(stream.step_id, stream.attempt) for stream in streams]
        if (step, attempt) in keys:
            for stream in streams[: keys.index((step, attempt))]:
                self.told[stream.step_id, stream.attempt] = stream.last
            self.told[step, attempt] = counter
        self.place = None

    def look(self, session: Session) -> Sequence[PlayEvent]:
        """The next events, at most `BATCH` of one attempt. Raises NotFound `api.wave_unknown`."""
        progress = repository.wave_progress(session, self.wave_id)
        if progress is None:
            raise NotFound("api.wave_unknown", wave=self.wave_id)
        # read before the events: a wave that rests tells no more of them
        self.state, runs = progress
        streams = repository.event_streams(session, step_ids(self.wave_id, runs))
        self._skip_seen(streams)
        for stream in streams:
            key = stream.step_id, stream.attempt
            after = self.told.get(key, 0)
            if stream.last > after:
                events = repository.events_after(session, stream, after, BATCH)
                self.told[key] = events[-1].counter
                return events
        return []

    def read(self) -> Sequence[PlayEvent]:
        """`look` in a session of its own, by who asks and may read now.

        Raises Unauthenticated and Forbidden when that is over, NotFound when it is out of reach.
        """
        principal = self.ask()
        demand(principal, "read")
        with db.reading() as session:
            return self.look(scope.bind(session, principal))

    @property
    def rests(self) -> bool:
        """Whether nothing more will happen until somebody asks."""
        return self.state not in ACTIVE


def event_text(event: PlayEvent) -> str:
    """An event as it goes over the line."""
    match = STEP.fullmatch(event.step_id)
    read = EventRead(
        step_id=event.step_id,
        step=match["name"] if match else event.step_id,
        attempt=event.attempt,
        counter=event.counter,
        at=event.at,
        kind=event.kind,
        host=event.host,
        task=event.task,
        stdout=event.stdout,
    )
    place = f"{event.step_id}:{event.attempt}:{event.counter}"
    return f"id: {place}\nevent: play\ndata: {read.model_dump_json()}\n\n"


async def tell(follower: Follower, first: Sequence[PlayEvent]) -> AsyncIterator[str]:
    """The events of a wave as they come, and `event: rest` with its state at the end; or
    `event: over` with why, once who listens may no longer."""
    events, silent_since = first, clock.monotonic()
    while True:
        for event in events:
            yield event_text(event)
        if not events and follower.rests:
            yield f'event: rest\ndata: {{"state": "{follower.state}"}}\n\n'
            return
        if events:
            silent_since = clock.monotonic()
        else:
            if clock.monotonic() - silent_since >= SILENCE:
                silent_since = clock.monotonic()
                yield ": still here\n\n"
            await anyio.sleep(POLL)
        try:
            events = await run_sync(follower.read)
        except InputError as error:
            yield f'event: over\ndata: {{"code": "{error.code}"}}\n\n'
            return


@router.get(
    "/{wave_id}/events",
    summary="Live events of a wave",
    response_class=Response,
    responses={
        200: {"content": {MEDIA: {"schema": {"type": "string"}}}, "description": "The events"},
        204: {"description": "Nothing more to tell: the wave rests and the reader has it all"},
    },
)
async def follow_wave(
    wave_id: WaveId, found: Showing, principal: Asking, last_event_id: LastEvent = None
) -> Response:
    """Everything the plays of a wave's steps report, as `text/event-stream`.

    `event: play` carries an event as JSON; `event: rest` with the wave's state is the last one, or
    `event: over` with a code: the reader logged out, or may see the wave no longer.
    A reader that comes back with Last-Event-ID hears what it missed; when there is nothing and the
    wave rests, the answer is 204, at which browsers stop asking.
    """
    demand(principal, "read")
    follower = Follower(wave_id, read_place(last_event_id), lambda: still_asking(found))
    first = await run_sync(follower.read)
    if last_event_id and not first and follower.rests:
        return Response(status_code=204)
    return StreamingResponse(
        tell(follower, first), media_type=MEDIA, headers={"X-Accel-Buffering": "no"}
    )
