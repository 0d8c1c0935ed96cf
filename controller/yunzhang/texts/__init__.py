"""Chinese and English words of the product, kept in catalogues beside this module.

A key is `room.name` and is found in `<language>/<room>.yml`. Chinese is the first language:
a key missing in English falls back to Chinese, a key missing in both is a programming error
that `tests/unit/texts` finds before a user does.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")

# Between the items of a list within a sentence.
SEPARATORS: dict[Language, str] = {"zh": "、", "en": ", "}

_language: ContextVar[Language] = ContextVar("language", default="zh")


@cache
def catalogue(language: Language) -> dict[str, str]:
    """All texts of one language: `room.key` → text."""
    texts: dict[str, str] = {}
    for file in sorted((Path(__file__).parent / language).glob("*.yml")):
        for key, value in (yaml.safe_load(file.read_text("utf-8")) or {}).items():
            texts[f"{file.stem}.{key}"] = str(value).strip()
    return texts


def text(key: str, /, **values: Any) -> str:
    """The text of `key` in the current language, with `{name}` fields filled in.

    Raises KeyError for a key that no catalogue has.
    """
    found = catalogue(_language.get()).get(key)
    if found is None:
        found = catalogue("zh")[key]
    return found.format_map(values) if values else found


def listed(items: Iterable[object]) -> str:
    """The items one after the other, as the current language writes a list."""
    return SEPARATORS[_language.get()].join(str(item) for item in items)


def has_text(key: str) -> bool:
    """Whether any catalogue knows `key`."""
    return key in catalogue("zh")


def set_language(language: Language) -> None:
    """Choose the language of this context (process start, one request)."""
    _language.set(language)


def current_language() -> Language:
    """The language texts are given in now."""
    return _language.get()


@contextmanager
def in_language(language: Language) -> Iterator[None]:
    """Give texts in `language` inside the block."""
    token = _language.set(language)
    try:
        yield
    finally:
        _language.reset(token)
