"""The report says what the records say, and is printed however far a run came."""

from __future__ import annotations

from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest

from tests.factories import BEGUN, accept_wave, digest_of, make_instance, make_register, make_wave
from yunzhang import clock, db
from yunzhang.clouds.usage import Amount, ProjectUsage
from yunzhang.errors import Forbidden, NotFound
from yunzhang.moves import repository as moves
from yunzhang.moves.states import STEP_NAMES
from yunzhang.reports.run import gather_run, printable, render_run
from yunzhang.reports.schemas import Observation, RunReport
from yunzhang.texts import LANGUAGES
from yunzhang.units.scope import SYSTEM, Principal

pytestmark = pytest.mark.usefixtures("running")

LATER = BEGUN + timedelta(hours=1)


def gather(observation: Observation | None = None) -> RunReport:
    """The report of wave 1 an hour later."""
    with db.reading() as session, clock.fixed(LATER):
        return gather_run(session, SYSTEM, "demo", 1, observation)


def make_seen(**values: Any) -> Observation:
    """What both clouds showed: project hrss in use, mib not found."""
    none = Amount()
    use = ProjectUsage(
        id="1", name="hrss", instances=Amount(limit=10, used=3), vcpus=none, ram_mib=none,
        volumes=none, volume_gib=none, snapshots=none, networks=none, ports=none,
        floating_ips=none,
    )  # fmt: skip
    return Observation(at=LATER, usages=[use], **values)


class Strict(HTMLParser):
    """Fails on tags that do not close, scripts, and anything fetched from elsewhere."""

    VOID = frozenset({"meta", "br", "col"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "link", "img", "iframe")
        assert not any(name in ("src", "href") or name.startswith("on") for name, _ in attrs)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def check_page(report: RunReport) -> str:
    """Render in both languages; the Chinese page's text."""
    texts = {}
    for language in LANGUAGES:
        page = render_run(report, language)
        assert "url(" not in page
        assert "@import" not in page
        parser = Strict()
        parser.feed(page)
        assert parser.open == []
        texts[language] = " ".join(parser.text)
    assert "None" not in texts["zh"]
    return texts["zh"]


def test_whole_run() -> None:
    make_instance()
    report = gather(make_seen())
    assert [step.name for step in report.steps] == list(STEP_NAMES)
    assert [step.seconds for step in report.steps][:3] == [4.0, 6.0, 9.0]
    (database,) = [move for move in report.moves if move.server == "hrss-db"]
    assert database.old_addresses == ["192.168.10.13"]
    assert database.new_addresses == ["10.200.0.13"]
    assert [disk.source_sha256 for disk in database.disks] == [
        digest_of("hrss-db/disk0"),
        digest_of("hrss-db/disk1"),
    ]
    assert database.digests_equal
    assert database.placed
    assert database.guest_seen
    assert database.console_line == "hrss-db login: READY <ok>"
    assert database.seconds == (database.validated_at - database.stopped_at).total_seconds()  # type: ignore[operator]
    assert [approval.account for approval in report.approvals] == ["li"]
    assert report.approvals[0].hash == report.hash
    assert len(report.references) == 2
    assert report.temporaries == []
    assert len(report.sources) == 6
    hrss, mib = report.holdings
    assert (hrss.committed["VCPU"], hrss.held) == (3, {})
    assert [use.instances.used for use in hrss.observed] == [3]
    assert mib.observed == []
    page = check_page(report)
    for told in (report.hash, digest_of("hrss-db/disk1"), "READY <ok>", "1,073,741,824", "无遗留"):
        assert told in page


def test_two_gatherings_are_the_same_page() -> None:
    make_instance()
    assert render_run(gather(), "zh") == render_run(gather(), "zh")


@pytest.mark.parametrize(
    "until", ["precheck", "copy_disks", "verify_disks", "boot_targets", "tidy"]
)
def test_run_that_failed_half_way(until: str) -> None:
    with db.transaction() as session:
        make_register(session)
    make_wave(until=until, fault="<b>no quota</b>\x07")
    report = gather()
    assert report.wave_state == "failed"
    assert "\x07" not in report.fault
    page = check_page(report)
    assert "<b>no quota</b>" in page  # escaped in the source, so text again
    assert report.observed_at is None
    reached = STEP_NAMES.index(until)
    proven = reached > STEP_NAMES.index("verify_disks")
    assert {move.digests_equal for move in report.moves} == {True if proven else None}
    copied = STEP_NAMES.index("copy_disks") < reached
    assert bool(report.temporaries) == (reached >= STEP_NAMES.index("copy_disks"))
    assert any(disk.source_sha256 for move in report.moves for disk in move.disks) == copied


def test_differing_digest_is_judged_by_the_digests() -> None:
    wave = make_wave()
    with db.transaction() as session:
        move = next(m for m in moves.moves_of(session, wave) if m.server == "mib-web")
        disks = [{**disk, "target_sha256": "0" * 64, "equal": True} for disk in move.facts["disks"]]
        move.facts = {**move.facts, "disks": disks, "digests_equal": True}
    report = gather()
    assert {m.server: m.digests_equal for m in report.moves}["mib-web"] is False
    assert sum(m.digests_equal is True for m in report.moves) == 5
    assert "✗" in check_page(report)


def test_disk_nobody_read_is_not_proven() -> None:
    wave = make_wave()
    with db.transaction() as session:
        move = next(m for m in moves.moves_of(session, wave) if m.server == "mib-db")
        move.facts = {**move.facts, "disks": move.facts["disks"][:1]}
    (found,) = [m for m in gather().moves if m.server == "mib-db"]
    assert found.digests_equal is None
    assert [disk.equal for disk in found.disks] == [True, None]
    assert found.disks[1].size_gib == 1


@pytest.mark.parametrize(
    "facts", [{}, {"disks": []}, {"disks": [{"key": "x"}]}, {"seconds": 1.5}, {"console_line": ""}]
)
def test_facts_may_be_anything_a_run_left(facts: dict[str, Any]) -> None:
    wave = make_wave(until="validate_targets", fault="x")
    with db.transaction() as session:
        for move in moves.moves_of(session, wave):
            move.facts = facts
    check_page(gather())


def test_address_seen_elsewhere_is_not_placed() -> None:
    wave = make_wave()
    with db.transaction() as session:
        move = moves.moves_of(session, wave)[0]
        move.facts = {**move.facts, "addresses_seen": ["10.9.9.9"]}
    assert [m.placed for m in gather().moves] == [False, *[True] * 5]


def test_what_was_left_and_could_not_be_read_is_told() -> None:
    make_wave()
    accept_wave()
    seen = make_seen(leftovers=["legacy snapshot <s> 42"], faults=["云 gov 无法连接"])
    page = check_page(gather(seen))
    assert "legacy snapshot <s> 42" in page
    assert "云 gov 无法连接" in page
    assert "无遗留" not in page


def test_who_may_not_read_gets_nothing() -> None:
    make_wave()
    nobody = Principal("nobody", frozenset(), 7)
    with db.reading() as session, pytest.raises(Forbidden):
        gather_run(session, nobody, "demo", 1)


@pytest.mark.parametrize(("plan", "number"), [("other", 1), ("demo", 2)])
def test_no_such_run(plan: str, number: int) -> None:
    make_wave()
    with db.reading() as session, pytest.raises(NotFound):
        gather_run(session, SYSTEM, plan, number)


def test_printable() -> None:
    assert printable("\x1b[1;32mok\x1b[0m\x00 é 中\ttab\nline") == "ok é 中\ttab\nline"
