"""What is read is what is written, whatever the disk holds and the target held before."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.clouds_copy.disks import MIB, feed, frames, host, request, sha256, sparse
from yunzhang.clouds import diskagent, transfer_pump
from yunzhang.clouds.transfer_hosts import call
from yunzhang.errors import Outside

EXTENTS = st.lists(
    st.tuples(
        st.integers(0, 10 * MIB),
        st.tuples(st.binary(min_size=1, max_size=64), st.integers(1, 40_000)).map(
            lambda pair: pair[0] * pair[1]
        ),
    ),
    max_size=5,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    size=st.integers(1, 20_000).map(lambda sectors: sectors * 512) | st.integers(1, 9 * MIB),
    extents=EXTENTS,
    more=st.sampled_from([0, 512, 5 * MIB]),
)
def test_any_disk_arrives_whole(size: int, extents: list[tuple[int, bytes]], more: int) -> None:
    """A target full of junk becomes the source, and zeros after it."""
    with tempfile.TemporaryDirectory() as folder:
        source = sparse(Path(folder) / "source", size, extents)
        target = Path(folder) / "target"
        target.write_bytes(b"\xa5" * (size + more))
        here = host(Path(folder))
        result = transfer_pump.copy(
            (here, request(source)), (here, request(target)), lambda done: None
        )
        assert (result["sha256"], result["bytes"]) == (sha256(source), size)
        assert target.read_bytes() == source.read_bytes() + bytes(more)
        again = call(here, "digest", request(target, length=size))
        assert again == {"sha256": sha256(source), "bytes": size}


@settings(max_examples=60, deadline=None)
@given(size=st.integers(0, 3 * MIB), extents=EXTENTS, start=st.integers(0, MIB))
def test_extents_cover_all_that_is_not_zero(
    size: int, extents: list[tuple[int, bytes]], start: int
) -> None:
    """The pieces follow each other without gap, and what they call a hole is zero."""
    with tempfile.TemporaryDirectory() as folder:
        path = sparse(Path(folder) / "disk", size, extents)
        content, at = path.read_bytes(), min(start, size)
        with path.open("rb") as file:
            for begin, end, may_hold_data in diskagent.extents(file.fileno(), at, size):
                assert begin == at < end
                assert may_hold_data or not any(content[begin:end])
                at = end
        assert at == size


def test_holes_are_not_sent_and_not_allocated(tmp_path: Path) -> None:
    """A mostly empty disk costs what it holds, also where zeros were written out."""
    source = sparse(tmp_path / "source", 64 * MIB, [(8 * MIB, bytes(8 * MIB)), (MIB, b"x")])
    stream = frames(source)
    assert len(stream) < 5 * MIB
    target = sparse(tmp_path / "target", 64 * MIB, [(32 * MIB, b"old" * MIB)])
    assert feed(target, stream)["sha256"] == sha256(source)
    assert target.stat().st_blocks * 512 < 6 * MIB
    assert target.read_bytes() == source.read_bytes()


def test_zeroing_without_help_of_the_storage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no hole can be punched, zeros are written, and only over what is not zero."""
    monkeypatch.setattr(diskagent.LIBC, "fallocate", lambda *_: -1)
    path = sparse(tmp_path / "disk", 12 * MIB, [(MIB + 5, b"junk" * MIB)])
    fd = os.open(path, os.O_RDWR)
    diskagent.clear(fd, MIB, 9 * MIB)
    os.close(fd)
    assert not any(path.read_bytes())
    assert path.stat().st_blocks * 512 <= 8 * MIB


@pytest.mark.parametrize("keep", [0, 5, 20, 40, -1, -40, -90])
def test_truncated_stream_is_detected(tmp_path: Path, keep: int) -> None:
    """Wherever the stream breaks off, the writer does not call it a success."""
    stream = frames(sparse(tmp_path / "source", 6 * MIB, [(0, b"abc" * 1000), (5 * MIB, b"z")]))
    target = sparse(tmp_path / "target", 6 * MIB, [])
    with pytest.raises(Outside) as caught:
        feed(target, stream[:keep])
    assert caught.value.code == "clouds_copy.agent_truncated"


def test_changed_stream_is_detected(tmp_path: Path) -> None:
    """A flipped bit in the content gives another digest than the sender's."""
    stream = bytearray(frames(sparse(tmp_path / "source", MIB, [(0, b"abc" * 1000)])))
    stream[1000] ^= 1
    with pytest.raises(Outside) as caught:
        feed(sparse(tmp_path / "target", MIB, []), bytes(stream))
    assert caught.value.code == "clouds_copy.agent_digest"


@pytest.mark.parametrize("place", [0, 8, 16, 17, 25, 32])
def test_damaged_frame_is_refused(tmp_path: Path, place: int) -> None:
    """Magic, length, kind, offset and count are checked before anything is believed."""
    stream = bytearray(frames(sparse(tmp_path / "source", MIB, [(0, b"abc" * 1000)])))
    stream[place] ^= 0x40
    with pytest.raises(Outside) as caught:
        feed(sparse(tmp_path / "target", MIB, []), bytes(stream))
    assert caught.value.code in ("clouds_copy.agent_stream", "clouds_copy.agent_small")


def test_small_target_is_refused_untouched(tmp_path: Path) -> None:
    """A target too small for the source is not begun."""
    stream = frames(sparse(tmp_path / "source", 2 * MIB, [(0, b"new")]))
    target = sparse(tmp_path / "target", MIB, [(0, b"old")])
    with pytest.raises(Outside) as caught:
        feed(target, stream)
    assert caught.value.code == "clouds_copy.agent_small"
    assert target.read_bytes().startswith(b"old")


@pytest.mark.parametrize("offset", [MIB, MIB + 1, 6 * MIB - 1])
def test_rest_of_the_target_must_be_zero(tmp_path: Path, offset: int) -> None:
    """One byte beyond the source's length is found by the read-back."""
    path = sparse(tmp_path / "disk", 6 * MIB, [(0, b"content"), (offset, b"\x01")])
    with pytest.raises(Outside) as caught:
        call(host(tmp_path), "digest", request(path, length=MIB))
    assert caught.value.code == "clouds_copy.agent_tail"


def test_qcow2_source_is_read_as_the_disk_it_is(tmp_path: Path) -> None:
    """What NFS makes of a volume with snapshots; nothing stays in the spool."""
    if not shutil.which("qemu-img"):
        pytest.skip("qemu-img is not installed")
    import subprocess

    plain = sparse(tmp_path / "plain", 3 * MIB, [(MIB, b"content")])
    packed = tmp_path / "packed"
    convert = ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", str(plain), str(packed)]
    subprocess.run(convert, check=True)
    asked = request(packed)
    asked["connection"]["format"] = "qcow2"
    spool = tmp_path / "spool"
    assert call(host(spool), "digest", asked)["sha256"] == sha256(plain)
    assert list(spool.iterdir()) == []
