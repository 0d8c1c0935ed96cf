"""Reads, writes and hashes one disk on a transfer host. Sent there as text; needs no package.

One file, longer than others, because it must stand alone. The controller starts it as
`COMMAND python -I -c SOURCE VERB`, with this file as SOURCE. The request is one JSON line on
stdin, because it may hold secrets. Progress, the result or an error are JSON lines on stderr;
lines that are no JSON are chatter of libraries. Verbs:

    connector   the host's connector properties, as Cinder wants them
    read        disk -> frames on stdout (only what is not zero), result: sha256, bytes
    write       frames on stdin -> disk, proven against the sender's digest, flushed; same result
    digest      sha256 of the first `length` bytes, read past the cache; the rest must be zeros
    disconnect  forget a connection that a killed agent left

`connection` in a request is Cinder's connection_info. The further type `file` names a plain path;
the tests and images in a spool use it. Everything else is attached by os_brick in this process:
whoever runs it is root, so os_brick's privileged parts need no helper of their own.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import hashlib
import json
import mmap
import os
import queue
import signal
import socket
import stat
import struct
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from io import BufferedReader, FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK = 4 << 20  # bytes of one frame, of one read
BUFFERS = 4
HOLE_LIMIT = 1 << 30  # bytes: longer holes are several frames, so that progress is seen
MAGIC = b"YZDISK1\n"
HEADER = struct.Struct(">8sQ")  # magic, length of the disk
FRAME = struct.Struct(">cQQ")  # kind, offset, length
DATA, HOLE, END = b"D", b"H", b"E"
ALIGN = 4096  # O_DIRECT's strictest alignment
LOCK_SECONDS = 30
SHARES = ("nfs", "glusterfs", "quobyte", "vzstorage", "scality")
BLKZEROOUT = 0x127F
PUNCH_HOLE_KEEP_SIZE = 0x02 | 0x01
F_SETPIPE_SZ = 1031
ZEROS = bytes(CHUNK)
DIGITS = 64  # of a SHA-256
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.memcmp.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]
LIBC.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]


class Refused(Exception):
    """Why the work cannot be done: a code the controller knows, and detail for people."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code, detail)
        self.code, self.detail = code, detail


def say(**message: Any) -> None:
    """Tell the controller. Ends this process by BrokenPipeError once nobody listens."""
    os.write(2, json.dumps(message).encode() + b"\n")


class Progress:
    """Says at most once a second how far the work is."""

    def __init__(self) -> None:
        self._next = 0.0

    def at(self, position: int) -> None:
        """`position` bytes are done."""
        if time.monotonic() >= self._next:
            say(progress=position)
            self._next = time.monotonic() + 1.0


class Buffer:
    """Page-aligned memory for one chunk."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, CHUNK)
        self.view = memoryview(self._memory)
        self._address = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))

    def is_zero(self, length: int) -> bool:
        """Whether the first `length` bytes are zeros: the first is, and each equals the next."""
        address = self._address
        return self.view[0] == 0 and not LIBC.memcmp(address, address + 1, length - 1)


class Hasher:
    """SHA-256 in a thread of its own; a buffer is free again once it was hashed."""

    def __init__(self) -> None:
        self._sha = hashlib.sha256()
        self._work: queue.Queue[tuple[Buffer | None, int] | None] = queue.Queue(2 * BUFFERS)
        self.free: queue.SimpleQueue[Buffer] = queue.SimpleQueue()
        for _ in range(BUFFERS):
            self.free.put(Buffer())
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def add(self, buffer: Buffer | None, length: int) -> None:
        """Hash `length` bytes: those of `buffer`, or zeros."""
        self._work.put((buffer, length))

    def finish(self) -> str:
        """The digest of all that was added, as hex digits."""
        self._work.put(None)
        self._thread.join()
        return self._sha.hexdigest()

    def _run(self) -> None:
        while (item := self._work.get()) is not None:
            buffer, length = item
            if buffer:
                self._sha.update(buffer.view[:length])
                self.free.put(buffer)
            while not buffer and length:
                part = min(length, CHUNK)
                self._sha.update(ZEROS if part == CHUNK else ZEROS[:part])
                length -= part


# --- reading -------------------------------------------------------------------------------------


def extents(fd: int, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
    """(from, to, may hold data), aligned, covering start..end; one piece if it has no hole map."""
    while start < end:
        try:
            data = min(os.lseek(fd, start, os.SEEK_DATA), end)
            stop = min(-(-os.lseek(fd, data, os.SEEK_HOLE) // ALIGN) * ALIGN, end)
        except OSError as error:
            # ENXIO: a hole to the end. Else a device, or a file system that knows no holes
            yield start, end, error.errno != errno.ENXIO
            return
        data = max(data // ALIGN * ALIGN, start)
        if data > start:
            yield start, data, False
        yield data, stop, True
        start = stop


def fill(fd: int, buffer: Buffer, offset: int, length: int) -> None:
    """Read exactly `length` bytes at `offset`. Raises Refused `short`."""
    done = 0
    while done < length:
        # whole blocks, as O_DIRECT wants them; what comes too much is not looked at
        wanted = min(-(-(length - done) // ALIGN) * ALIGN, CHUNK - done)
        try:
            got = os.preadv(fd, [buffer.view[done : done + wanted]], offset + done)
        except OSError as error:
            flags = fcntl.fcntl(fd, fcntl.F_GETFL)
            if error.errno != errno.EINVAL or not flags & os.O_DIRECT:
                raise
            fcntl.fcntl(fd, fcntl.F_SETFL, flags & ~os.O_DIRECT)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            continue
        if not got:
            raise Refused("short", f"end of disk at {offset + done}")
        done += got


def walk(
    fd: int, start: int, end: int, free: queue.SimpleQueue[Buffer]
) -> Iterator[tuple[int, int, Buffer | None]]:
    """(offset, length, buffer; None for zeros), in order. Who gets a buffer gives it back."""
    for begin, stop, may_hold_data in extents(fd, start, end):
        step = CHUNK if may_hold_data else HOLE_LIMIT
        for offset in range(begin, stop, step):
            length = min(step, stop - offset)
            if not may_hold_data:
                yield offset, length, None
                continue
            buffer = free.get()
            fill(fd, buffer, offset, length)
            if buffer.is_zero(length):
                free.put(buffer)
                yield offset, length, None
            else:
                yield offset, length, buffer


def send(*parts: bytes | memoryview) -> None:
    """Write all of it to stdout."""
    for part in parts:
        rest = memoryview(part)
        while rest:
            rest = rest[os.write(1, rest) :]


def read(request: dict[str, Any], _stdin: BufferedReader[FileIO]) -> dict[str, Any]:
    """Send the disk as frames."""
    hasher, progress, carried = Hasher(), Progress(), 0
    with attached(request, os.O_RDONLY) as fd:
        size = os.lseek(fd, 0, os.SEEK_END)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_SEQUENTIAL)
        send(HEADER.pack(MAGIC, size))
        hole = 0  # length of the hole that ends at the present offset
        for offset, length, buffer in walk(fd, 0, size, hasher.free):
            if hole and (buffer or hole + length > HOLE_LIMIT):
                send(FRAME.pack(HOLE, offset - hole, hole))
                hole = 0
            if buffer:
                send(FRAME.pack(DATA, offset, length), buffer.view[:length])
                carried += length
            else:
                hole += length
            hasher.add(buffer, length)
            progress.at(offset + length)
        if hole:
            send(FRAME.pack(HOLE, size - hole, hole))
        digest = hasher.finish()
        send(FRAME.pack(END, size, len(digest)), digest.encode())
    return {"sha256": digest, "bytes": size, "carried": carried}


def digest(request: dict[str, Any], _stdin: BufferedReader[FileIO]) -> dict[str, Any]:
    """Hash the disk; what lies beyond `length` must be zeros. Raises Refused `small`, `tail`."""
    hasher, progress = Hasher(), Progress()
    with attached(request, os.O_RDONLY, direct=True) as fd:
        size = os.lseek(fd, 0, os.SEEK_END)
        asked = request.get("length")
        length = size if asked is None else int(asked)
        if length > size:
            raise Refused("small", f"{size} < {length}")
        for offset, count, buffer in walk(fd, 0, length, hasher.free):
            hasher.add(buffer, count)
            progress.at(offset + count)
        for offset, count, buffer in walk(fd, length, size, hasher.free):
            if buffer:
                raise Refused("tail", f"{offset}..{offset + count}")
            progress.at(offset + count)
        return {"sha256": hasher.finish(), "bytes": length}


# --- writing -------------------------------------------------------------------------------------


def take(stdin: BufferedReader[FileIO], view: memoryview) -> None:
    """Fill `view` from the stream. Raises Refused `truncated`."""
    if stdin.readinto(view) != len(view):
        raise Refused("truncated")


def take_struct(stdin: BufferedReader[FileIO], form: struct.Struct) -> tuple[Any, ...]:
    """The next fields of the stream. Raises Refused `truncated`."""
    raw = bytearray(form.size)
    take(stdin, memoryview(raw))
    return form.unpack(raw)


def put(fd: int, view: memoryview | bytes, offset: int) -> None:
    """Write all of `view` at `offset`."""
    view = memoryview(view)
    while view:
        count = os.pwrite(fd, view, offset)
        view, offset = view[count:], offset + count


def clear(fd: int, offset: int, length: int) -> None:
    """Make `length` bytes read as zeros: without writing where the storage can do that itself.

    A fresh volume may hold what its blocks held before, so this is never left out.
    """
    is_device = stat.S_ISBLK(os.fstat(fd).st_mode)
    if not length:
        return
    if is_device:
        with suppress(OSError):
            fcntl.ioctl(fd, BLKZEROOUT, struct.pack("QQ", offset, length))
            return
    elif not LIBC.fallocate(fd, PUNCH_HOLE_KEEP_SIZE, offset, length):
        return
    buffer = Buffer()
    for begin in range(offset, offset + length, CHUNK):
        count = min(CHUNK, offset + length - begin)
        fill(fd, buffer, begin, count)
        if not buffer.is_zero(count):  # thin storage stays thin
            put(fd, memoryview(ZEROS)[:count], begin)


def receive(fd: int, stdin: BufferedReader[FileIO], hasher: Hasher) -> tuple[int, str]:
    """Write the frames; the length of the disk they make, and the sender's digest of it.

    Raises Refused `stream` (no frames of ours), `truncated`, `small`.
    """
    progress, position = Progress(), 0
    magic, length = take_struct(stdin, HEADER)
    if magic != MAGIC:
        raise Refused("stream", "magic")
    size = os.lseek(fd, 0, os.SEEK_END)
    if size < length:
        raise Refused("small", f"{size} < {length}")
    while True:
        kind, offset, count = take_struct(stdin, FRAME)
        if kind == END and offset == position == length and count == DIGITS:
            sent = bytearray(count)
            take(stdin, memoryview(sent))
            clear(fd, length, size - length)
            return length, sent.decode("ascii", "replace")
        limit = {DATA: CHUNK, HOLE: HOLE_LIMIT}.get(kind, 0)
        if offset != position or not 0 < count <= limit or offset + count > length:
            raise Refused("stream", f"{kind!r} {offset} {count}")
        buffer = None
        if kind == DATA:
            buffer = hasher.free.get()
            take(stdin, buffer.view[:count])
            put(fd, buffer.view[:count], offset)
        else:
            clear(fd, offset, count)
        hasher.add(buffer, count)
        position += count
        progress.at(position)


def write(request: dict[str, Any], stdin: BufferedReader[FileIO]) -> dict[str, Any]:
    """Write a disk. Raises Refused `digest` when it is not what the sender read."""
    hasher = Hasher()
    if str(request["connection"].get("format") or "raw") != "raw":
        raise Refused("format", str(request["connection"]["format"]))
    with attached(request, os.O_RDWR) as fd:
        length, sent = receive(fd, stdin, hasher)
        digest = hasher.finish()
        if digest != sent:
            raise Refused("digest", f"{digest} != {sent}")
        os.fsync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    return {"sha256": digest, "bytes": length}


# --- attaching -----------------------------------------------------------------------------------


@contextmanager
def alone(name: str | None) -> Iterator[None]:
    """Hold the host-wide lock `name`: it goes with the process and leaves no file.

    Raises Refused `busy` when another process keeps it for longer than LOCK_SECONDS.
    """
    if name is None:
        yield
        return
    address = "\0yunzhang-disk-" + hashlib.sha256(name.encode()).hexdigest()[:32]
    until = time.monotonic() + LOCK_SECONDS
    with socket.socket(socket.AF_UNIX) as lock:
        while True:
            try:
                lock.bind(address)
                break
            except OSError as error:
                if error.errno != errno.EADDRINUSE or time.monotonic() > until:
                    raise Refused("busy", name) from error
                time.sleep(0.2)
        yield


class Storage:
    """One connection of this host, through os_brick or to a plain file."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.connection: dict[str, Any] = request["connection"]
        self.kind = str(self.connection["driver_volume_type"]).lower()
        self.multipath = bool(request.get("multipath"))
        self.spool = Path(request.get("spool") or "/nowhere")
        self._mounts = self.spool / "mnt"
        self._device: dict[str, Any] = {}
        self._brick: Any = None
        if self.kind != "file":
            self._brick = self._make_brick()

    def _make_brick(self) -> Any:
        import_brick()
        from os_brick.initiator import connector

        extra: dict[str, Any] = {}
        if self.kind in SHARES:
            extra["conn"] = {"mount_point_base": self._mount_base()}
        if self.kind == "rbd":
            extra["do_local_attach"] = True  # a device, not librbd's file object
        return connector.InitiatorConnector.factory(
            self.kind.upper(), "", use_multipath=self.multipath, **extra
        )

    def _mount_base(self) -> str:
        """Where the share is mounted already by Cinder or Nova, else a place of ours."""
        share = str(self.connection["export"]).encode()
        base = str(self.connection.get("mount_point_base") or "").rstrip("/")
        there = f"{base}/{hashlib.md5(share, usedforsecurity=False).hexdigest()}"
        # not Path.is_mount(): that does not see a bind mount
        mounts = Path("/proc/self/mounts").read_text("utf-8", "replace").splitlines()
        return base if there in [line.split()[1] for line in mounts] else str(self._mounts)

    def connect(self) -> str:
        """The path of the disk."""
        if not self._brick:
            return str(self.connection["path"])
        self._device = self._brick.connect_volume(dict(self.connection))
        return os.fsdecode(self._device["path"])

    def disconnect(self) -> None:
        """Take it away again; a share of ours that nobody else uses is unmounted."""
        if not self._brick:
            return
        self._brick.disconnect_volume(
            dict(self.connection), self._device, force=True, ignore_errors=True
        )
        if self.kind in SHARES:
            with suppress(Refused), alone("mounts"):
                self._unmount()

    def _unmount(self) -> None:
        for place in self._mounts.glob("*"):
            # busy while another agent has a disk of it open
            subprocess.run(["umount", place], check=False, capture_output=True)
            with suppress(OSError):
                place.rmdir()
        with suppress(OSError):
            self._mounts.rmdir()


def import_brick() -> None:
    """Load os_brick so that its privileged parts run in this process."""
    import warnings

    warnings.simplefilter("ignore")
    import os_brick.privileged
    from oslo_config import cfg  # type: ignore[import-not-found]

    os_brick.privileged.default.set_client_mode(False)
    os_brick.privileged.brick_privsep_hide_output.set_client_mode(False)
    cfg.CONF([], project="yunzhang", default_config_files=[], default_config_dirs=[])
    cfg.CONF.set_override("lock_path", "/run/lock", "os_brick")


def open_disk(path: str, form: str, flags: int, direct: bool, spool: Path) -> int:
    """Open the disk, past the page cache if asked and possible; qcow2 as a raw copy of it."""
    if form != "raw":
        return open_converted(path, form, spool)
    if direct:
        with suppress(OSError):
            return os.open(path, flags | os.O_DIRECT | os.O_CLOEXEC)
    return os.open(path, flags | os.O_CLOEXEC)


def open_converted(path: str, form: str, spool: Path) -> int:
    """A raw copy, without a name, of a qcow2 file (what NFS makes of a volume with snapshots)."""
    raw = spool / f"{Path(path).name}.raw"
    spool.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run(
            ["qemu-img", "convert", "-f", form, "-O", "raw", path, raw],
            check=True,
            capture_output=True,
            preexec_fn=lambda: LIBC.prctl(1, signal.SIGKILL),  # dies with us
        )
        return os.open(raw, os.O_RDONLY | os.O_CLOEXEC)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Refused("format", f"{form}: {error}") from error
    finally:
        raw.unlink(missing_ok=True)


@contextmanager
def attached(request: dict[str, Any], flags: int, *, direct: bool = False) -> Iterator[int]:
    """The disk of `request`, attached and open. Raises Refused `busy`, `connect`."""
    with alone(request.get("lock")):
        storage = Storage(request)
        fd = -1
        try:
            with alone("mounts" if storage.kind in SHARES else None):
                try:
                    path = storage.connect()
                    form = str(storage.connection.get("format") or "raw")
                    fd = open_disk(path, form, flags, direct, storage.spool)
                except Refused:
                    raise
                except Exception as error:
                    raise Refused("connect", f"{type(error).__name__}: {error}") from error
            yield fd
        finally:
            if fd >= 0:
                os.close(fd)
            storage.disconnect()


def disconnect(request: dict[str, Any], _stdin: BufferedReader[FileIO]) -> dict[str, Any]:
    """Forget a connection whose agent was killed, once that agent is gone."""
    with alone(request.get("lock")):
        Storage(request).disconnect()
    return {}


def connector(request: dict[str, Any], _stdin: BufferedReader[FileIO]) -> dict[str, Any]:
    """What Cinder must know of this host to let it in."""
    import_brick()
    from os_brick.initiator import connector as brick

    multipath = bool(request.get("multipath"))
    address = request.get("address") or own_address()
    return dict(brick.get_connector_properties("", address, multipath, multipath))


def own_address() -> str:
    """The address this host would speak from; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"


VERBS = {f.__name__: f for f in (connector, read, write, digest, disconnect)}


def end(_signal: int, _frame: object) -> None:
    """Leave by way of all `finally` blocks."""
    raise SystemExit(143)


def main() -> int:
    """Do one verb; 0 when it is done."""
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGHUP, end)
    for pipe in (0, 1):
        with suppress(OSError):
            fcntl.fcntl(pipe, F_SETPIPE_SZ, 1 << 20)
    try:
        with BufferedReader(FileIO(0, closefd=False), 1 << 16) as stdin:
            request = json.loads(stdin.readline())
            say(result=VERBS[sys.argv[1]](request, stdin))
    except BrokenPipeError:
        return 4  # whoever started this is gone, or the other end is: it says why
    except Refused as error:
        say(error=error.code, detail=error.detail[:2000])
        return 3
    except Exception as error:
        say(error="failed", detail=f"{type(error).__name__}: {error}"[:2000])
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
