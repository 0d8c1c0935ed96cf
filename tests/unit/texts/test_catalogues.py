"""Both languages say everything, with the same fields, and every code in the source has a text."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

import yunzhang
from yunzhang import texts

CODE = re.compile(
    r"(?:InputError|NotFound|Forbidden|Unauthenticated|Throttled|Conflict|Shortage|Outside"
    r"|YunzhangError|Fault|\btext)\(\s*"
    r'"([a-z_]+\.[a-z0-9_]+)"'
)


def _fields(value: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(value) if name}


def test_languages_have_the_same_keys() -> None:
    assert texts.catalogue("zh").keys() == texts.catalogue("en").keys()


@pytest.mark.parametrize("key", sorted(texts.catalogue("zh")))
def test_languages_fill_in_the_same_fields(key: str) -> None:
    assert _fields(texts.catalogue("zh")[key]) == _fields(texts.catalogue("en")[key])


def test_every_code_in_the_source_has_a_text() -> None:
    package = Path(yunzhang.__file__).parent
    used = {
        code for file in package.rglob("*.py") for code in CODE.findall(file.read_text("utf-8"))
    }
    assert used
    assert sorted(used - texts.catalogue("zh").keys()) == []


def test_a_list_is_written_as_the_language_writes_lists() -> None:
    assert texts.listed(["甲", 2]) == "甲、2"
    with texts.in_language("en"):
        assert texts.listed(["a", 2]) == "a, 2"
