"""A cloud of one thread that answers what a test tells it to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from yunzhang import settings

TYPES = {
    "identity": "/v3",
    "compute": "/compute/v2.1",
    "network": "/network",
    "image": "/image",
    "block-storage": "/volume/v3",
    "placement": "/placement",
}
VERSIONS = {"/compute/v2.1": "2.100", "/volume/v3": "3.70", "/placement": "1.39"}


class FakeCloud(ThreadingHTTPServer):
    """Keystone with one account, and whatever `answers` say for (method, path)."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.calls: list[tuple[str, str]] = []
        self.scopes: list[dict[str, Any]] = []
        self.bodies: dict[tuple[str, str], list[tuple[int, Any]]] = {}
        self.versions = dict(VERSIONS)
        # answers by path and query what no test told, where a test sets it
        self.listing: Callable[[str], tuple[int, Any] | None] = lambda _path: None

    def answer(self, method: str, path: str, *answers: tuple[int, Any]) -> None:
        """Answer in this order; the last one is repeated."""
        self.bodies[method, path] = list(answers)

    def counted(self, method: str, path: str) -> int:
        """How often this was asked, whatever the query."""
        return sum(1 for m, p in self.calls if (m, p.partition("?")[0]) == (method, path))


class _Handler(BaseHTTPRequestHandler):
    server: FakeCloud
    protocol_version = "HTTP/1.1"

    def _send(self, status: int, body: Any, **headers: str) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _handle(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(size)) if size else {}
        path = self.path.partition("?")[0]
        self.server.calls.append((self.command, self.path))
        if path == "/v3/auth/tokens":
            self._log_in(body["auth"])
        elif found := self._told(path):
            self._send(*found)
        elif self.command == "GET":
            self._discover(path.rstrip("/"))
        else:
            self._send(404, {})

    do_GET = do_POST = do_PUT = do_DELETE = _handle  # noqa: N815 — the server's own words

    def _told(self, path: str) -> tuple[int, Any] | None:
        for asked in (self.path, path):
            if answers := self.server.bodies.get((self.command, asked)):
                return answers.pop(0) if len(answers) > 1 else answers[0]
        return self.server.listing(self.path) if self.command == "GET" else None

    def _log_in(self, auth: Any) -> None:
        if auth["identity"]["password"]["user"]["password"] != "right":
            self._send(401, {"error": {"message": "wrong", "code": 401}})
            return
        self.server.scopes.append(auth["scope"])
        catalog = [
            {
                "type": kind,
                "name": kind,
                "endpoints": [
                    {
                        "id": kind,
                        "interface": "public",
                        "region": "one",
                        "region_id": "one",
                        "url": self.server.url + path,
                    }
                ],
            }
            for kind, path in TYPES.items()
        ]
        token = {
            "methods": ["password"],
            "expires_at": "2099-01-01T00:00:00.000000Z",
            "issued_at": "2026-01-01T00:00:00.000000Z",
            "user": {"id": "u", "name": "admin", "domain": {"id": "default", "name": "Default"}},
            "project": {"id": "p", "name": "admin", "domain": {"id": "default", "name": "Default"}},
            "roles": [],
            "catalog": catalog,
        }
        self._send(201, {"token": token}, X_Subject_Token="token")

    def _discover(self, path: str) -> None:
        version = {
            "id": "v3.0" if "volume" in path or path == "/v3" else "v2.1",
            "status": "CURRENT",
            "links": [{"rel": "self", "href": f"{self.server.url}{path}/"}],
        }
        if path == "/placement":
            version["id"] = "v1.0"
        if newest := self.server.versions.get(path):
            version |= {"version": newest, "max_version": newest, "min_version": "1.0"}
            version["min_version"] = newest.partition(".")[0] + ".0"
        if path not in TYPES.values():
            self._send(404, {})
        elif path in ("/network", "/image"):
            name = "v2.0"
            link = [{"rel": "self", "href": f"{self.server.url}{path}/v2.0/"}]
            self._send(200, {"versions": [{"id": name, "status": "CURRENT", "links": link}]})
        elif path == "/placement":
            self._send(200, {"versions": [version]})
        else:
            self._send(200, {"version": version})

    def log_message(self, *_args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def fake_cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCloud]:
    """A cloud `one` in clouds.yaml, with the right password, and `stranger` with a wrong one."""
    cloud = FakeCloud()
    thread = threading.Thread(target=cloud.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    entries = {
        name: {
            "auth": {
                "auth_url": f"{cloud.url}/v3",
                "username": "admin",
                "password": password,
                "project_name": "admin",
                "user_domain_name": "Default",
                "project_domain_name": "Default",
            },
            "region_name": "one",
            "identity_api_version": 3,
        }
        for name, password in (("one", "right"), ("stranger", "wrong"))
    }
    entries["nobody"] = {"auth": {"auth_url": f"{cloud.url}/v3"}, "region_name": "one"}
    entries["away"] = {**entries["one"], "auth": {**entries["one"]["auth"]}}  # type: ignore[dict-item]
    entries["away"]["auth"]["auth_url"] = "http://127.0.0.1:1/v3"  # type: ignore[index]
    file = tmp_path / "clouds.yaml"
    file.write_text(json.dumps({"clouds": entries}))
    file.chmod(0o600)
    monkeypatch.setenv("YUNZHANG_CLOUDS", str(file))
    monkeypatch.setattr("keystoneauth1.session.time.sleep", lambda _seconds: None)
    settings.current.cache_clear()
    yield cloud
    settings.current.cache_clear()
    cloud.shutdown()
    cloud.server_close()
    thread.join()
