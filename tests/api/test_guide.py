"""What the guide tells callers to ask for is there."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.api.test_matrix import operations, template_of
from yunzhang.api.app import make_app

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "api.md"
CALLS = re.findall(
    r'^curl (.*?"\$HOST/api/v1([^"]+)")', re.sub(r"\\\n\s*", "", GUIDE.read_text("utf-8")), re.M
)


def test_there_are_calls() -> None:
    assert len(CALLS) > 20


@pytest.mark.parametrize(("line", "address"), CALLS)
def test_call_of_the_guide(line: str, address: str) -> None:
    stated = re.search(r"-X ([A-Z]+)", line)
    method = stated[1] if stated else "GET"
    template = template_of(method, address)
    assert (method, template) in set(operations()), address
    told = make_app().openapi()["paths"][f"/api/v1{template}"][method.lower()]
    known = {each["name"] for each in told.get("parameters", []) if each["in"] == "query"}
    assert {name for name, _ in parse_qsl(urlsplit(address).query)} <= known
