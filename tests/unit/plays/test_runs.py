"""Directories, environments and processes of plays."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from yunzhang import clock, settings
from yunzhang.errors import InputError, NotFound
from yunzhang.plays import processes, service
from yunzhang.plays.environment import play_environment
from yunzhang.plays.rundir import run_directory
from yunzhang.plays.service import find_playbook


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a b", ".hidden", "x" * 161, "a\n"])
def test_a_step_is_named_like_a_file(instance: settings.Settings, name: str) -> None:
    with pytest.raises(InputError):
        run_directory(name, 1)


def test_the_lock_tells_who_lives(instance: settings.Settings) -> None:
    run = run_directory("step", 1)
    assert not run.is_live()
    run.create()
    held = run.try_lock()
    assert held is not None
    assert run.is_live()
    assert run.try_lock() is None
    os.close(held)
    assert not run.is_live()
    assert run.path.stat().st_mode & 0o077 == 0


def test_files_are_whole_and_private(instance: settings.Settings) -> None:
    run = run_directory("step", 1)
    run.create()
    assert run.read_json("request.json") is None
    run.write("request.json", '{"a": 1}')
    assert run.read_json("request.json") == {"a": 1}
    assert (run.path / "request.json").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in run.path.iterdir()] == ["request.json"]


def test_events_are_found_in_order_and_only_when_finished(instance: settings.Settings) -> None:
    run = run_directory("step", 1)
    assert run.event_files(0) == []
    folder = run.artifacts / "job_events"
    folder.mkdir(parents=True)
    for name in ("10-ab.json", "9-cd.json", "11-ef.json.tmp", "ab-partial.json", "2-aa.json"):
        (folder / name).touch()
    assert [counter for counter, _ in run.event_files(2)] == [9, 10]


def test_no_secret_is_passed_on(
    instance: settings.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("YUNZHANG_DATABASE_URL", "OS_PASSWORD", "ANSIBLE_BECOME_PASS", "ANSIBLE_NET_KEY"):
        monkeypatch.setenv(name, "postgresql://u:geheim@h/d")
    monkeypatch.setenv("YUNZHANG_ENGINE_URL", "postgresql://u:geheim@h/d")
    monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD_FILE", "/etc/vault")
    settings.current.cache_clear()
    run = run_directory("step", 1)
    run.create()
    environment = play_environment("step", run, {"MORE": "1"})
    sockets = Path(environment["ANSIBLE_SSH_CONTROL_PATH_DIR"])
    assert "geheim" not in str(environment)
    assert environment["ANSIBLE_VAULT_PASSWORD_FILE"] == "/etc/vault"
    assert environment["YUNZHANG_STEP"] == "step"
    assert environment["MORE"] == "1"
    assert environment["YUNZHANG_STATE"] == str(instance.state)
    assert environment["PATH"].startswith(str(Path(sys.executable).parent))
    # a socket's path is short, and the directory goes with the run
    assert len(str(sockets)) < 60
    run.clean()
    assert not sockets.exists()


def test_playbooks_are_looked_for_in_their_folder(
    instance: settings.Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "books"
    folder.mkdir()
    (folder / "a.yml").touch()
    (tmp_path / "b.yml").touch()
    monkeypatch.setenv("YUNZHANG_PLAYBOOKS", str(folder))
    settings.current.cache_clear()
    assert find_playbook("a.yml") == folder / "a.yml"
    assert find_playbook(str(tmp_path / "b.yml")) == tmp_path / "b.yml"
    with pytest.raises(InputError):
        find_playbook("../b.yml")
    with pytest.raises(NotFound):
        find_playbook("b.yml")


def test_only_the_steps_processes_are_killed_with_all_below_them() -> None:
    sleep = shutil.which("sleep") or "sleep"
    inner = f"env -u {processes.STEP} setsid {sleep} 60 & wait"
    mine = subprocess.Popen(["sh", "-c", inner], env={**os.environ, processes.STEP: "s-1"})
    other = subprocess.Popen([sleep, "60"], env={**os.environ, processes.STEP: "s-11"})
    try:
        while len(processes.find_step_processes("s-1")) < 2:
            pass
        # the sleeper gave up the name, but its parent has it
        below = processes.find_step_processes("s-1") - {mine.pid}
        assert processes.kill_step_processes("s-1") == 2
        assert mine.wait(timeout=5) == -9
        assert not any((Path("/proc") / str(pid) / "exe").exists() for pid in below)
        assert other.poll() is None
        processes.terminate(other.pid, "s-1")
        assert processes.find_step_processes("s-11") == {other.pid}
        processes.terminate(other.pid, "s-11")
        assert other.wait(timeout=5) == -15
    finally:
        mine.kill()
        other.kill()
        mine.wait()
        other.wait()


def test_a_follower_waits_for_a_database_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    away = OperationalError("", {}, OSError())
    answers: list[object] = [away, away, 7]

    def work() -> object:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(clock, "pause", lambda _: None)
    assert service.insist(work) == 7

    answers.append(away)
    service.detach_followers()
    try:
        with pytest.raises(service.Detached):
            service.insist(work)
    finally:
        service.attach_followers()

    answers.append(ValueError("no matter of waiting"))
    with pytest.raises(ValueError, match="waiting"):
        service.insist(work)
