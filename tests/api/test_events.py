"""A reader of a wave's events hears each once, in order, also after it was away."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
from anyio import to_thread
from fastapi import Request
from fastapi.responses import StreamingResponse

from tests.api.conftest import Client, make_token
from tests.api.test_sessions import COOKIE, PASSWORD, Browser
from tests.factories import BEGUN, add_events, make_wave
from yunzhang import clock, db, settings
from yunzhang.access.dependencies import _from_session, shown, still_asking
from yunzhang.access.models import Account
from yunzhang.access.passwords import hash_password
from yunzhang.access.sessions import IDLE
from yunzhang.api.app import make_app
from yunzhang.api.events import BATCH, Follower, event_text, follow_wave, read_place, step_ids
from yunzhang.errors import InputError, Unauthenticated
from yunzhang.moves.models import Wave
from yunzhang.moves.states import STEP_NAMES
from yunzhang.units.scope import Granted

BROKEN = "no quota"


def told(answer: httpx.Response) -> list[str]:
    """Identities of the events in an answer."""
    return re.findall(r"^id: (.+)$", answer.text, flags=re.MULTILINE)


def test_all_events_in_order_and_then_the_rest(client: Client, wave: int) -> None:
    answer = client.get(f"/waves/{wave}/events")
    wanted = [f"wave-{wave}-{name}:1:{n}" for name in STEP_NAMES for n in (1, 2, 3)]
    assert told(answer) == wanted
    assert answer.text.endswith('event: rest\ndata: {"state": "closed"}\n\n')
    # a line break inside must not end the data
    data = [line for line in answer.text.splitlines() if line.startswith('data: {"step_id"')]
    assert json.loads(data[0].removeprefix("data: "))["stdout"] == "ok: [localhost] 1\nchanged"


def test_reader_goes_on_after_the_last_it_heard(client: Client, wave: int) -> None:
    whole = told(client.get(f"/waves/{wave}/events"))
    for place in (0, 2, 3, 20, len(whole) - 2):
        again = client.get(f"/waves/{wave}/events", Last_Event_ID=whole[place])
        assert told(again) == whole[place + 1 :]


def test_reader_that_has_it_all_is_told_to_stop(client: Client, wave: int) -> None:
    whole = told(client.get(f"/waves/{wave}/events"))
    assert client.get(f"/waves/{wave}/events", Last_Event_ID=whole[-1]).status_code == 204


def test_place_in_another_wave_begins_anew(client: Client, wave: int) -> None:
    answer = client.get(f"/waves/{wave}/events", Last_Event_ID="wave-77-precheck:1:2")
    assert len(told(answer)) == 3 * len(STEP_NAMES)


@pytest.mark.parametrize(
    "place", ["x", "wave-1-precheck", "wave-1-a:1:1\nx", "wave-1-a:1:" + "9" * 20]
)
def test_places_that_are_none(place: str) -> None:
    with pytest.raises(InputError):
        read_place(place)


@pytest.mark.usefixtures("running")
def test_follower_hears_what_comes_later_and_late_imports() -> None:
    wave = make_wave(until="precheck", fault=BROKEN)
    follower = Follower(wave)
    with db.transaction() as session:
        session.get_one(Wave, wave).state = "preflight"
        assert [e.counter for e in follower.look(session)] == [1, 2, 3]
        assert follower.look(session) == []
        assert not follower.rests
        # an attempt that began earlier than what was told already, on a host whose clock is slow
        add_events(session, f"wave-{wave}-prepare_projects", 1, BEGUN.replace(hour=1), 2)
        add_events(session, f"wave-{wave}-precheck", 4, BEGUN, 1)
        session.flush()
        late = [*follower.look(session), *follower.look(session)]
        assert sorted((e.step_id, e.counter) for e in late) == [
            (f"wave-{wave}-precheck", 4),
            (f"wave-{wave}-prepare_projects", 1),
            (f"wave-{wave}-prepare_projects", 2),
        ]
        session.get_one(Wave, wave).state = "failed"
        session.flush()
        assert follower.look(session) == []
        assert follower.rests


@pytest.mark.usefixtures("running")
def test_many_events_come_in_batches() -> None:
    wave = make_wave(until="precheck", fault=BROKEN)
    with db.transaction() as session:
        add_events(session, f"wave-{wave}-run-1-tidy", 1, BEGUN, BATCH + 5)
        follower = Follower(wave)
        sizes = [len(follower.look(session)) for _ in range(4)]
    assert sorted(sizes) == [0, 3, 5, BATCH]


@pytest.mark.usefixtures("running")
def test_steps_played_under_a_run_are_named_alike() -> None:
    wave = make_wave(until="precheck", fault=BROKEN)
    assert f"wave-{wave}-run-2-roll_back" in step_ids(wave, 2)
    with db.transaction() as session:
        add_events(session, f"wave-{wave}-run-1-tidy", 1, BEGUN.replace(hour=1), 1)
        (event,) = Follower(wave).look(session)
        assert '"step":"tidy"' in event_text(event)


def _log_out(_: Client, browser: Browser) -> None:
    assert browser.ask("DELETE", "/session").status_code == 204


def _disable(root: Client, _: Browser) -> None:
    assert root.ask("POST", "/api/v1/accounts/zhao/disable").status_code == 204


def _take_roles(root: Client, _: Browser) -> None:
    asked: dict[str, list[str]] = {"roles": []}
    assert root.ask("PUT", "/api/v1/accounts/zhao/roles", body=asked).status_code == 200


def _reset(root: Client, _: Browser) -> None:
    told = {"password": "a first password here"}
    assert root.ask("POST", "/api/v1/accounts/zhao/password", body=told).status_code == 204


def _revoke_grant(root: Client, _: Browser) -> None:
    for grant in root.get("/grants").json()["items"]:
        assert root.ask("DELETE", f"/api/v1/grants/{grant['id']}").status_code == 204


ENDS: dict[str, tuple[Callable[[Client, Browser], None], str]] = {
    "logged out": (_log_out, "access.session_over"),
    "account disabled": (_disable, "access.session_over"),
    "password reset": (_reset, "access.session_over"),
    "roles taken": (_take_roles, "units.forbidden"),
    "grant revoked": (_revoke_grant, "units.forbidden"),
}


@pytest.mark.parametrize("case", ENDS)
def test_stream_went_on_after_its_reader_had_to_leave(
    running: settings.Settings, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    monkeypatch.setattr("yunzhang.api.events.POLL", 0)
    monkeypatch.setattr("yunzhang.api.events.SILENCE", 0)
    wave = make_wave(until="precheck", fault=BROKEN)
    granted = [Granted("manager", "wave", str(wave))] if case == "grant revoked" else []
    make_token("zhao", [] if granted else ["operator"], granted)
    with db.transaction() as session:
        session.get_one(Wave, wave).state = "preflight"
        account = session.query(Account).filter_by(name="zhao").one()
        account.password_hash = hash_password(PASSWORD)
    end, code = ENDS[case]
    root, browser = Client(make_app(), make_token("root", ["administrator"])), Browser()
    assert browser.log_in().status_code == 200

    async def listen() -> list[str]:
        cookie = b"cookie", f"{COOKIE}={browser.cookie}".encode()
        request = Request({"type": "http", "method": "GET", "path": "/", "headers": [cookie]})
        found = await to_thread.run_sync(shown, request)
        answer = await follow_wave(wave, found, found.principal)
        assert isinstance(answer, StreamingResponse)
        told, ended = [], False
        async for text in answer.body_iterator:
            told.append(str(text))
            if "still here" in str(text) and not ended:
                await to_thread.run_sync(end, root, browser)
                ended = True
                told.clear()
        return told

    # nothing more is told, not even that the line is kept
    assert asyncio.run(listen()) == [f'event: over\ndata: {{"code": "{code}"}}\n\n']


def test_listening_does_not_keep_a_session_alive(running: settings.Settings) -> None:
    make_token("zhao", ["operator"])
    with db.transaction() as session:
        account = session.query(Account).filter_by(name="zhao").one()
        account.password_hash = hash_password(PASSWORD)
    browser, begun = Browser(), clock.now()
    with clock.fixed(begun):
        browser.log_in()
        found = _from_session(browser.cookie)[0]
    with clock.fixed(begun + IDLE - timedelta(seconds=1)):
        assert still_asking(found).name == "zhao"
    with clock.fixed(begun + IDLE), pytest.raises(Unauthenticated):
        still_asking(found)
