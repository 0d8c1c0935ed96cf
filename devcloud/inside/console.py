"""Runs a shell command in a guest through its serial console.

``python -m devcloud.inside.console SERVER SECONDS COMMAND``. The command travels as
base64 in short lines, because a serial line has neither quoting nor a large buffer; marks
around its output carry a nonce and the exit code.
"""

from __future__ import annotations

import base64
import os
import re
import secrets
import sys
import threading
import time
from typing import Any

import libvirt

URI = "qemu:///system"
CHUNK = 160


_loop_started = threading.Lock()


def _start_loop() -> None:
    # Without an event loop nobody reads what arrives for a non-blocking stream.
    if _loop_started.acquire(blocking=False):
        libvirt.registerErrorHandler(_quiet, None)
        libvirt.virEventRegisterDefaultImpl()
        threading.Thread(target=_run_loop, daemon=True).start()


def _run_loop() -> None:
    while True:
        libvirt.virEventRunDefaultImpl()


def _quiet(_context: object, _error: object) -> None:
    """Keep libvirt from printing what we raise."""


def run(server_id: str, command: str, seconds: float) -> tuple[int, str]:
    """Run ``command`` in the guest of a server; return its exit code and output."""
    _start_loop()
    connection = libvirt.open(URI)
    try:
        domain = connection.lookupByUUIDString(server_id)
        stream = connection.newStream(libvirt.VIR_STREAM_NONBLOCK)
        domain.openConsole(None, stream, libvirt.VIR_DOMAIN_CONSOLE_FORCE)
        try:
            return _converse(stream, command, time.monotonic() + seconds)
        finally:
            stream.abort()
    finally:
        connection.close()


def _converse(stream: Any, command: str, limit: float) -> tuple[int, str]:
    nonce = secrets.token_hex(6)
    text = base64.b64encode(command.encode()).decode()
    file = f"/tmp/{nonce}"
    lines = [f": > {file}"]
    lines += [f"echo {text[at : at + CHUNK]} >> {file}" for at in range(0, len(text), CHUNK)]
    # The line is echoed: the marks are spelled apart there.
    lines.append(
        f"echo '<''{nonce}>'; base64 -d {file} | sh 2>&1; code=$?; rm {file}; "
        f"echo; echo '</''{nonce}='$code'>'"
    )
    _wait_for_shell(stream, limit)
    begin, finish = f"<{nonce}>", re.compile(rf"</{nonce}=(\d+)>")
    received = ""
    for line in lines:
        _send(stream, f"{line}\n".encode(), limit)
        # One line at a time, paced by its echo: the guest's buffer is small.
        received = _until(stream, re.compile(re.escape(line[-40:])), limit)
    if not finish.search(received):
        received += _until(stream, finish, limit)
    found = finish.search(received)
    assert found is not None
    body = received[: found.start()].split(begin, 1)[-1]
    return int(found.group(1)), body.replace("\r\n", "\n").lstrip("\n").removesuffix(
        "\n"
    ).removesuffix("\n")


def _until(stream: Any, wanted: re.Pattern[str], limit: float) -> str:
    received = ""
    while not wanted.search(received):
        if time.monotonic() > limit:
            raise SystemExit(f"the guest did not answer in time; last words: {received[-200:]!r}")
        received += _receive(stream, 0.2)
    return received


def _wait_for_shell(stream: Any, limit: float) -> None:
    # Before the shell runs, what is typed would be lost: ask until it answers.
    while time.monotonic() < limit:
        probe = secrets.token_hex(4)
        _send(stream, f"\necho {probe}'!'\n".encode(), limit)
        try:
            _until(stream, re.compile(f"{probe}!"), min(limit, time.monotonic() + 4))
        except SystemExit:
            continue
        _receive(stream, 0.2)
        return
    raise SystemExit("the guest's shell does not answer")


def _send(stream: Any, data: bytes, limit: float) -> None:
    while data:
        sent = stream.send(data[:256])
        if sent == -2:  # would block
            time.sleep(0.01)
            if time.monotonic() > limit:
                raise SystemExit("the guest does not read its console")
            continue
        data = data[sent:]


def _receive(stream: Any, seconds: float) -> str:
    until = time.monotonic() + seconds
    parts: list[bytes] = []
    while True:
        got = stream.recv(65536)
        if isinstance(got, bytes) and got:
            parts.append(got)
        elif got == b"":
            raise SystemExit("the guest's console was closed")
        elif parts or time.monotonic() > until:
            return b"".join(parts).decode(errors="replace")
        else:
            time.sleep(0.01)


def find(server: str) -> str:
    """Return the id of a server named or numbered so."""
    import openstack

    cloud = openstack.connect(cloud=os.environ["OS_CLOUD"])
    found = [
        item for item in cloud.compute.servers(all_projects=True) if server in (item.id, item.name)
    ]
    if len(found) != 1:
        raise SystemExit(f"{len(found)} servers are called {server!r}")
    return str(found[0].id)


def main() -> int:
    """See the module."""
    server, seconds, command = sys.argv[1], float(sys.argv[2]), sys.argv[3]
    try:
        code, output = run(find(server), command, seconds)
    except libvirt.libvirtError as error:
        raise SystemExit(f"the guest's console cannot be opened: {error}") from error
    if output:
        print(output)
    return code


if __name__ == "__main__":
    sys.exit(main())
