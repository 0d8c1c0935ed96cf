"""Files appear whole or not at all."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from yunzhang.kit.whole import whole_file


def test_nothing_is_there_before_the_end(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    with whole_file(path) as part:
        part.write_text("x")
        assert not path.exists()
    assert path.read_text() == "x"
    assert list(tmp_path.iterdir()) == [path]


def test_after_an_error_all_is_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    path.write_text("old")

    def fail() -> None:
        with whole_file(path) as part:
            part.write_text("new")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_who_might_read_the_old_file_may_read_the_new(tmp_path: Path) -> None:
    path, link = tmp_path / "out.txt", tmp_path / "link"
    path.write_text("old")
    path.chmod(0o600)
    link.symlink_to(path)
    with whole_file(link) as part:
        part.write_text("new")
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("new", 0o600)
    assert link.is_symlink()


def test_a_pipe_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    with whole_file(pipe) as part:
        part.write_text("x")
    reader.join()
    assert (read, pipe.is_fifo()) == (["x"], True)


def test_where_nothing_can_be_written_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "none" / "out.txt"):
        pytest.fail("nothing should have been begun")
