"""What modules say is passed on line by line, and read whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from yunzhang.clouds.steps import messages as steps
from yunzhang.plays import environment
from yunzhang.plays.messages import KEPT, Messages


def test_both_rooms_mean_the_same_file() -> None:
    assert environment.MESSAGES_FILE == steps.MESSAGES_FILE


def test_messages_are_passed_on_a_line_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "messages"
    monkeypatch.setenv(steps.MESSAGES_FILE, str(file))
    said = Messages(file)
    assert not said.pull()
    steps.pass_on("磁盘 a：已复制 1 / 2 GiB")
    steps.pass_on("two\nlines")
    assert said.pull()
    assert (said.count, said.last) == (2, ["磁盘 a：已复制 1 / 2 GiB", "two lines"])
    assert not said.pull()


def test_by_hand_there_is_nobody_to_pass_them_on_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(steps.MESSAGES_FILE, raising=False)
    steps.pass_on("no file is made")


def test_a_line_that_is_still_being_written_waits(tmp_path: Path) -> None:
    file = tmp_path / "messages"
    whole = "复制完成\n".encode()
    file.write_bytes(b"first\n" + whole[:4])
    said = Messages(file)
    assert said.pull()
    assert said.last == ["first"]
    file.write_bytes(b"first\n" + whole)
    assert said.pull()
    assert (said.count, said.last) == (2, ["first", "复制完成"])


def test_only_the_last_are_kept_but_all_are_counted(tmp_path: Path) -> None:
    file = tmp_path / "messages"
    file.write_text("".join(f"{n}\n" for n in range(KEPT + 5)))
    said = Messages(file)
    said.pull()
    assert (said.count, len(said.last), said.last[-1]) == (KEPT + 5, KEPT, str(KEPT + 4))
