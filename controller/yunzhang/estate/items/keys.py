"""Business keys in paths: as many parts as the noun's key has, so that `…/history` is no part."""

from __future__ import annotations

from starlette.convertors import Convertor, register_url_convertor

from yunzhang.estate.workbooks.columns import Sheet
from yunzhang.estate.workbooks.sheets import SHEETS


class KeyConvertor(Convertor[str]):
    """A key as it stands in the path."""

    def convert(self, value: str) -> str:
        """As it stands in the path."""
        return value

    def to_string(self, value: str) -> str:
        """As it stands in the path."""
        return value


def key_path(sheet: Sheet) -> str:
    """The variable of a path for what stands below one thing of a noun."""
    return f"/{sheet.key}/{{key:key{len(sheet.identity)}}}"


for _parts in {len(sheet.identity) for sheet in SHEETS}:
    # the last part may have slashes of its own (a prefix has); a code has none
    _regex = "[^/]+/" * (_parts - 1) + (".+" if _parts > 1 else "[^/]+")
    _kind = type(f"Key{_parts}Convertor", (KeyConvertor,), {"regex": _regex})
    register_url_convertor(f"key{_parts}", _kind())
