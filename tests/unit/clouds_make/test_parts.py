"""Small rules: what is carried, how disks are ordered, how a console is judged, waiting."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.clouds_make.specs import disk, server, spec
from yunzhang import clock, texts
from yunzhang.clouds.document import UP, load_build
from yunzhang.clouds.intents import Made
from yunzhang.clouds.makers import sources, waiting
from yunzhang.clouds.makers.images import carried
from yunzhang.clouds.makers.keypairs import same_key
from yunzhang.clouds.makers.report import Report
from yunzhang.clouds.makers.servers import device_mapping, needs_config_drive
from yunzhang.clouds.makers.site import Site
from yunzhang.clouds.makers.sources import is_locked_by, lock_reason
from yunzhang.clouds.steps import STEPS
from yunzhang.clouds.steps.rolling_back import MAKERS
from yunzhang.clouds.steps.validating import judge_console
from yunzhang.errors import Conflict, InputError, NotFound, Outside

PLAYBOOKS = Path(__file__).parents[3] / "playbooks"


class Server:
    """What Nova says of a server."""

    def __init__(self, **values: Any) -> None:
        self.name, self.status, self.task_state = "s", "ACTIVE", None
        self.is_locked, self.locked_reason = False, None
        self.__dict__.update(values)


def site() -> Site:
    """A site that must not call any cloud."""
    nothing: Any = None
    return Site(spec(server("a")), nothing, nothing)


def test_properties_that_mean_the_same_elsewhere() -> None:
    given = {
        "hw_disk_bus": "virtio",
        "os_distro": "debian",
        "os_hash_algo": "sha512",
        "os_hidden": "x",
        "owner_specified.x": "y",
        "base_image_ref": "z",
        "architecture": "x86_64",
    }
    assert carried(given) == {
        "hw_disk_bus": "virtio",
        "os_distro": "debian",
        "architecture": "x86_64",
    }


def test_keys_are_compared_without_comment() -> None:
    assert same_key("ssh-rsa AAAA me@here\n", "ssh-rsa AAAA")
    assert not same_key("ssh-rsa AAAA", "ssh-rsa AAAB")


def test_disks_keep_their_order_and_outlive_the_server() -> None:
    item = server("a", disks=(disk("x", boot_index=0, bootable=True), disk("y")))
    mapping = device_mapping(item, ["v1", "v2"])
    assert [(m["uuid"], m["boot_index"]) for m in mapping] == [("v1", 0), ("v2", -1)]
    assert not any(m["delete_on_termination"] for m in mapping)
    with pytest.raises(ValueError, match="zip"):
        device_mapping(item, ["v1"])


@pytest.mark.parametrize("dhcp", [True, False])
def test_config_drive_only_without_dhcp(dhcp: bool) -> None:
    place = site()
    place.spec = spec(server("a"), dhcp=dhcp)
    assert needs_config_drive(place.spec.servers[0], place) is not dhcp


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("", None),
        ("booting", None),
        ("Debian GNU/Linux 12 web ttyS0\n\nweb login:", True),
        ("DEVCLOUD-GUEST READY x", True),
        ("ALREADYUP", None),
        ("Kernel panic - not syncing\nlogin:", False),
        ("You are in emergency mode. After logging in", False),
    ],
)
def test_console(text: str, verdict: bool | None) -> None:
    assert judge_console(text, UP) is verdict


def test_lock_is_known_by_the_mark_not_by_its_words() -> None:
    with texts.in_language("en"):
        ours = Server(is_locked=True, locked_reason=lock_reason("plan-7"))
    assert is_locked_by(ours, "plan-7")
    assert not is_locked_by(ours, "plan")
    assert not is_locked_by(Server(is_locked=True, locked_reason=None), "plan-7")
    assert not is_locked_by(Server(locked_reason=lock_reason("plan-7")), "plan-7")


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Waiting costs nothing; the seconds asked for."""
    now, asked = [0.0], []

    def pause(seconds: float) -> None:
        asked.append(seconds)
        now[0] += seconds

    monkeypatch.setattr(clock, "pause", pause)
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])
    return asked


def test_waiting_ends_well(free: list[float]) -> None:
    states = iter([1, 2, 3])
    assert waiting.wait_for("x", lambda: next(states), lambda s: s == 3, seconds=10) == 3
    assert len(free) == 2


def test_waiting_ends_in_time(free: list[float]) -> None:
    with pytest.raises(Outside) as error:
        waiting.wait_for("x", lambda: 0, bool, seconds=5)
    assert error.value.code == "clouds_make.waited"
    assert sum(free) == 5


def test_a_bad_state_is_not_waited_out(free: list[float]) -> None:
    with pytest.raises(Outside) as error:
        waiting.wait_status("x", lambda: "error", {"ACTIVE"}, {"ERROR"}, 10)
    assert error.value.code == "clouds_make.went_wrong"
    assert not free


def test_time_follows_from_size() -> None:
    assert waiting.seconds_for(0) == waiting.FEWEST_SECONDS
    tebibyte = waiting.seconds_for(1024**4)
    assert tebibyte == waiting.MARGIN * 1024**4 / waiting.BYTES_PER_SECOND


@pytest.mark.usefixtures("free")
def test_a_server_nova_gave_up_on_is_not_waited_for() -> None:
    seen = iter([Server(status="SHUTOFF", task_state="powering-on"), Server(status="SHUTOFF")])

    class Compute:
        def get_server(self, _identifier: str) -> Server:
            return next(seen)

    with pytest.raises(Outside) as error:
        sources.wait_power(Compute(), Server(id="1"), "ACTIVE")
    assert error.value.code == "clouds_make.went_wrong"


def test_all_are_finished_before_the_first_error_is_raised() -> None:
    place, done, lock = site(), [], threading.Lock()

    def work(number: int) -> int:
        if number in (1, 2):
            raise Conflict("clouds_make.not_copied", name=str(number))
        with lock:
            done.append(number)
        return number

    with pytest.raises(Conflict) as error:
        place.each(range(6), work)
    assert error.value.values == {"name": "1"}
    assert sorted(done) == [0, 3, 4, 5]
    assert len(place.report.messages) == 1


def test_results_keep_the_order_of_items() -> None:
    assert site().each(range(20), lambda n: n * n) == [n * n for n in range(20)]


def test_documents(tmp_path: Path) -> None:
    path = tmp_path / "plan.yml"
    build = spec(server("a"), server("b"))
    document = {
        "schema": "yunzhang/plan/1",
        "approvals": ["ignored"],
        "build": build.model_dump(mode="json"),
        "waves": [{"number": 1, "servers": ["p/a"]}, {"number": 2, "servers": ["p/b"]}],
        "validation": {"console_patterns": ["UP"], "other": 1},
    }
    path.write_text(yaml.safe_dump(document, allow_unicode=True))
    assert load_build(path)[0] == build
    wave, validation = load_build(path, 2)
    assert [s.key for s in wave.servers] == ["p/b"]
    assert validation.console_patterns == ("UP",)
    with pytest.raises(NotFound) as no_wave:
        load_build(path, 3)
    assert no_wave.value.code == "clouds_make.no_wave"
    with pytest.raises(NotFound):
        load_build(tmp_path / "none.yml")
    path.write_text("build: {mark: 1}")
    with pytest.raises(InputError) as bad:
        load_build(path)
    assert bad.value.code == "clouds_make.bad_plan"


def test_every_step_has_its_playbook_and_every_playbook_its_step() -> None:
    # facts are gathered on hosts and for discovery: no step of a plan
    named = {path.stem for path in PLAYBOOKS.glob("*.yml")} - {"gather_facts"}
    assert named == {*STEPS, "roll_back"}
    for name in named:
        (play,) = yaml.safe_load((PLAYBOOKS / f"{name}.yml").read_text("utf-8"))
        assert play["hosts"] == "localhost"
        (role,) = play["roles"]
        tasks = PLAYBOOKS / "roles" / role / "tasks" / "main.yml"
        (task,) = yaml.safe_load(tasks.read_text("utf-8"))
        assert task["vars"]["step"] == name


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_every_kind_has_a_name(language: texts.Language) -> None:
    known = texts.catalogue(language)
    for kind in {*MAKERS, "copy", "cloud", "server"}:
        assert "{name}" in known[f"clouds_make.kind_{kind}"]


def test_both_catalogues_say_the_same_things() -> None:
    ours = [
        {key for key in texts.catalogue(language) if key.startswith("clouds_make.")}
        for language in texts.LANGUAGES
    ]
    assert ours[0] == ours[1]


def test_reports_keep_what_was_made() -> None:
    kept: list[Made] = []
    report = Report()
    report.on_made = kept.append
    report.add(Made(cloud="gov", kind="network", key="k", id="n1", created=True), "net")
    assert [made.id for made in kept] == ["n1"]
    assert "net" in report.messages[0]
