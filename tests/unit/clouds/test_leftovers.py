"""What is recognised as a plan's own, and as what of it."""

from __future__ import annotations

import pytest

from yunzhang.clouds.leftovers import key_anywhere
from yunzhang.clouds.reading import Json

MARKS: list[tuple[Json, str | None]] = [
    ({"tags": ["yunzhang_plan=p", "yunzhang_key=net:a"]}, "net:a"),
    ({"metadata": {"yunzhang_plan": "p", "yunzhang_key": "vol/a"}}, "vol/a"),
    ({"yunzhang_plan": "p", "yunzhang_key": "image"}, "image"),
    ({"description": "yunzhang_plan=p yunzhang_key=m1"}, "m1"),
    ({"tags": ["yunzhang_plan=p"], "metadata": {}}, ""),
    ({"tags": ["yunzhang_plan=other"], "metadata": {"yunzhang_plan": "other"}}, None),
    ({"tags": [], "description": "a person's"}, None),
]


@pytest.mark.parametrize(("thing", "key"), MARKS)
def test_mark_is_recognised(thing: Json, key: str | None) -> None:
    assert key_anywhere(thing, "p") == key


def test_key_of_a_server_was_hidden_by_its_tag_which_tells_the_plan_only() -> None:
    server: Json = {
        "tags": ["yunzhang_plan=p"],
        "metadata": {"yunzhang_plan": "p", "yunzhang_key": "mib/web"},
    }
    assert key_anywhere(server, "p") == "mib/web"
