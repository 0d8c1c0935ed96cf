"""Plays the requests of `gabbits/*.yaml` one after another and compares the answers.

Each request has `name` and `path`, and of `request` (GET), `headers`, `body`, `status` (200),
`json` (place → value), `lengths` (place → number), `has` and `lacks` (texts of the body) and
`response_headers`. `$plan` and `$wave` stand for the instance's hash and identifier.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.api.conftest import Client
from yunzhang import db
from yunzhang.plans.service import get_version

FILES = sorted((Path(__file__).parent / "gabbits").glob("*.yaml"))


def find(body: Any, path: str) -> Any:
    """What stands at `path` (`items.0.name`; `$` is the whole)."""
    for part in [] if path == "$" else path.split("."):
        body = body[int(part)] if isinstance(body, list) else body[part]
    return body


def check(asked: dict[str, Any], answer: httpx.Response, known: dict[str, str]) -> None:
    """Compare an answer with what its request expects."""
    said = f"{asked['name']}: {answer.status_code} {answer.text[:500]}"
    assert answer.status_code == asked.get("status", 200), said
    for path, value in asked.get("json", {}).items():
        wanted = known.get(value, value) if isinstance(value, str) else value
        assert find(answer.json(), path) == wanted, f"{path} of {said}"
    for path, length in asked.get("lengths", {}).items():
        assert len(find(answer.json(), path)) == length, f"{path} of {said}"
    for text in asked.get("has", []):
        assert text in answer.text, f"{text!r} not in {said}"
    for text in asked.get("lacks", []):
        assert text not in answer.text, f"{text!r} in {said}"
    for name, value in asked.get("response_headers", {}).items():
        assert answer.headers.get(name) == value, f"{name} of {said}"


def test_there_are_gabbits() -> None:
    assert len(FILES) >= 6


def test_gabbits(client: Client, wave: int) -> None:
    # all files on one instance: each leaves it as it was
    with db.reading() as session:
        known = {"$plan": get_version(session, "demo").hash, "$wave": str(wave)}
    for file in FILES:
        for asked in yaml.safe_load(file.read_text("utf-8")):
            method, path = asked.get("request", "GET"), asked["path"]
            for name, value in known.items():
                path = path.replace(name, value)
            asked["name"] = f"{file.stem}: {asked['name']}"
            answer = client.ask(method, path, asked.get("headers"), asked.get("body"))
            check(asked, answer, known)
