"""Real servers for the tests of operation: `yunzhang serve`, and nginx with the shipped example."""

from __future__ import annotations

import re
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.integration.execution.conftest import wait_for

EXAMPLE = Path(__file__).resolve().parents[3] / "docs/operations/nginx/yunzhang.conf"
MAIN = "from yunzhang.cli import main; main()"
# The name that the example is written for; nothing resolves it here.
NAME = "cloud.example.gov.cn"
OUTER = """
daemon off;
user root;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes 1;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/yunzhang.conf;
}}
"""


def free_port() -> int:
    """A port nobody listens on at present."""
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def listens(port: int) -> bool:
    """Whether somebody accepts connections at a port of this machine."""
    with closing(socket.socket()) as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running(command: list[str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A server from when it listens to the end of the block, when it is told to stop."""
    server = subprocess.Popen(command)
    try:
        wait_for(lambda: listens(port) or server.poll() is not None)
        assert server.poll() is None, command
        yield server
        server.terminate()
        server.wait(60)
    finally:
        server.kill()
        server.wait()


@contextmanager
def yunzhang(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """`yunzhang serve` with the settings of this process's environment."""
    command = [sys.executable, "-c", MAIN, "serve", "--port", str(port)]
    with running(command, port) as server:
        yield server


@dataclass(frozen=True)
class Proxy:
    """An nginx at the shipped example, of which only names, ports and paths were replaced."""

    folder: Path
    behind: int
    secure: int
    plain: int

    @property
    def certificate(self) -> Path:
        """What the proxy shows, signed by itself."""
        return self.folder / "fullchain.pem"

    def write(self) -> list[str]:
        """Write its files; the command that starts it."""
        self._make_certificate()
        text = EXAMPLE.read_text("utf-8")
        for pattern, put in (
            (r"listen \[::\].*\n", "\n"),
            (r"listen 80\b", f"listen 127.0.0.1:{self.plain}"),
            (r"listen 443\b", f"listen 127.0.0.1:{self.secure}"),
            (r"https://cloud\.example\.gov\.cn\$", f"https://{NAME}:{self.secure}$"),
            (r"/etc/yunzhang/tls", str(self.folder)),
            (r"127\.0\.0\.1:8300", f"127.0.0.1:{self.behind}"),
        ):
            text, count = re.subn(pattern, put, text)
            assert count, pattern
        (self.folder / "yunzhang.conf").write_text(text, "utf-8")
        (self.folder / "nginx.conf").write_text(OUTER.format(folder=self.folder), "utf-8")
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        return [nginx, "-p", str(self.folder), "-c", str(self.folder / "nginx.conf")]

    def _make_certificate(self) -> None:
        subject = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
        files = ["-keyout", str(self.folder / "key.pem"), "-out", str(self.certificate)]
        kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
        command = ["openssl", "req", "-x509", *kind, *subject, *files]
        subprocess.run(command, check=True, capture_output=True)


def browser(
    url: str, *, certificate: Path | None = None, address: str = "127.0.0.1"
) -> httpx.Client:
    """Somebody at `address` who asks `url` and trusts only the given certificate."""
    trusted = ssl.create_default_context(cafile=str(certificate)) if certificate else False
    transport = httpx.HTTPTransport(verify=trusted, local_address=address)
    return httpx.Client(base_url=url, transport=transport, timeout=30)
