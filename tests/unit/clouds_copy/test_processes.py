"""Agents end when their work does, when they are told to, and when nobody listens any more."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.clouds_copy.disks import MIB, host, request, sha256, sparse
from yunzhang import clock
from yunzhang.clouds import diskagent, transfer_pump
from yunzhang.clouds.transfer_hosts import Agent, TransferHost, call, command_line
from yunzhang.errors import Outside

HUGE = 1 << 40  # bytes: minutes of work, so that only an end by force ends it


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The process numbers of all agents a copy starts."""
    pids: list[int] = []

    class Recorded(Agent):
        def __init__(self, *words: Any) -> None:
            super().__init__(*words)
            pids.append(self._process.pid)

    monkeypatch.setattr(transfer_pump, "Agent", Recorded)
    yield pids
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def copy_huge(folder: Path, watch: Any) -> None:
    """Start a copy that would take minutes."""
    source, target = sparse(folder / "a", HUGE, [(0, b"x")]), sparse(folder / "b", HUGE, [])
    here = host(folder)
    transfer_pump.copy((here, request(source)), (here, request(target)), watch)


def test_cancel_ends_both(tmp_path: Path, started: list[int]) -> None:
    """Whatever is raised while it runs, no process is left."""

    def watch(done: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy_huge(tmp_path, watch)
    assert len(started) == 2


def test_lost_lease_ends_both(
    tmp_path: Path, started: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lease is looked at while bytes flow."""
    lease = tmp_path / "lease"
    lease.touch()
    monkeypatch.setenv("YUNZHANG_LEASE_FILE", str(lease))

    def watch(done: int) -> None:
        if done:
            lease.unlink(missing_ok=True)

    with pytest.raises(Outside) as caught:
        copy_huge(tmp_path, watch)
    assert caught.value.code == "clouds.lease_lost"
    assert len(started) == 2


@pytest.mark.parametrize("victim", [0, 1])
def test_death_of_one_end_is_told_and_ends_the_other(
    tmp_path: Path, started: list[int], victim: int
) -> None:
    """kill -9 of either agent."""

    killed: list[int] = []

    def watch(done: int) -> None:
        if done and not killed:
            killed.append(started[victim])
            os.kill(started[victim], signal.SIGKILL)

    with pytest.raises(Outside) as caught:
        copy_huge(tmp_path, watch)
    assert caught.value.code == "clouds_copy.agent_died"


def test_agent_ends_by_itself_when_the_controller_is_gone(tmp_path: Path) -> None:
    """A hashing agent notices that nobody reads its progress; a writer, that the stream ends."""
    path = sparse(tmp_path / "disk", HUGE, [])
    agent = Agent(host(tmp_path), "digest", request(path))
    process = agent._process
    stderr, agent._process.stderr = process.stderr, None
    agent.stdin.close()
    assert stderr
    os.dup2(os.open(os.devnull, os.O_RDONLY), stderr.fileno())  # the only reading end closes
    assert process.wait(20) == 4
    agent._listener.join()
    process.stdout.close()  # type: ignore[union-attr]
    stderr.close()


def test_request_is_in_no_argument_and_no_environment(tmp_path: Path) -> None:
    """Connections may hold secrets, and everybody may read a process's words."""
    path = sparse(tmp_path / "disk", HUGE, [])
    asked = request(path, secret="s3cr3t-token")
    agent = Agent(host(tmp_path), "digest", asked)
    try:
        pid = agent._process.pid
        seen = Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
        assert b"s3cr3t-token" not in seen
        assert str(path).encode() not in seen
    finally:
        agent.stop()


def test_two_agents_never_write_one_volume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock is held by the process and goes with it."""
    monkeypatch.setattr(diskagent, "LOCK_SECONDS", -1)
    with (
        diskagent.alone("volume"),
        pytest.raises(diskagent.Refused) as caught,
        diskagent.alone("volume"),
    ):
        pass
    assert caught.value.code == "busy"
    path = sparse(tmp_path / "disk", MIB, [])
    with diskagent.alone("volume"):
        agent = Agent(host(tmp_path), "digest", request(path, lock="volume"))
        clock.pause(0.5)  # long enough for an agent that does not wait to be done
        assert not agent.ended
    try:
        assert agent.finish()["sha256"] == sha256(path)
    finally:
        agent.stop()


def test_ssh_gets_words_its_shell_reads_back(tmp_path: Path) -> None:
    """A stand-in that, as sshd does, hands one string to a shell."""
    ssh = tmp_path / "ssh"
    ssh.write_text('#!/bin/sh\nshift\nexec sh -c "$*"\n')
    ssh.chmod(0o755)
    path = sparse(tmp_path / "disk", MIB, [(7, b"content")])
    plain = host(tmp_path)
    far = TransferHost(command=(str(ssh), "host"), python=plain.python, spool=plain.spool)
    assert call(far, "digest", request(path))["sha256"] == sha256(path)
    assert len(command_line(far, "digest")) == 3


@pytest.mark.parametrize("python", ["/nowhere/python", "/bin/false"])
def test_host_that_cannot_run_the_agent_is_told(tmp_path: Path, python: str) -> None:
    """No interpreter, or one that ends at once."""
    wrong = TransferHost(cloud="gov", python=python, spool=tmp_path)
    with pytest.raises(Outside) as caught:
        call(wrong, "digest", {})
    assert caught.value.code in ("clouds_copy.agent_failed", "clouds_copy.agent_died")
    assert "gov" in caught.value.message


def test_missing_disk_is_told(tmp_path: Path) -> None:
    """The agent's own words reach the person."""
    with pytest.raises(Outside) as caught:
        call(host(tmp_path), "digest", request(tmp_path / "nothing"))
    assert caught.value.code == "clouds_copy.agent_connect"
    assert "nothing" in caught.value.message
