"""Cells as text: what people and Excel write, made plain; and what is wrong with a cell."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime
from typing import Any

# Only Chinese punctuation that stands for plain ASCII; Chinese words keep theirs.
_WIDE = {code: code - 0xFEE0 for code in (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B),
                                          *range(0xFF41, 0xFF5B))}  # fmt: skip
_WIDE |= {0x3000: " ", 0xA0: " ", 0x200B: None, 0xFEFF: None}
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff]")
_SPLIT = re.compile(r"[、,;\n\r]+")
# What a spreadsheet shows where a formula failed.
ERRORS = frozenset({"#REF!", "#N/A", "#NAME?", "#VALUE!", "#DIV/0!", "#NUM!", "#NULL!"})
# Excel keeps 15 digits of a number; what was longer is lost, not to be guessed.
EXACT_LIMIT = 10**15


class CellError(ValueError):
    """A cell that cannot be used. `code` and `values` name a text of the catalogue."""

    def __init__(self, code: str, **values: Any) -> None:
        super().__init__(code)
        self.code = code
        self.values = values


def read_text(raw: Any) -> str:
    """A cell as text: trimmed, full-width letters and digits made plain.

    Numbers that Excel made of digits lose their `.0`; times become ISO dates.
    """
    if not isinstance(raw, str):
        return _read_other(raw)
    if raw.startswith("#") and raw in ERRORS:
        raise CellError("cell_error", value=raw)
    if not raw.isascii():
        raw = raw.translate(_WIDE)
    return (_CONTROLS.sub("", raw) if not raw.isprintable() else raw).strip()


def _read_other(raw: Any) -> str:
    if isinstance(raw, bool):
        return "是" if raw else "否"
    if isinstance(raw, float):
        if abs(raw) >= EXACT_LIMIT:
            raise CellError("number_lost", value=f"{raw:.0f}")
        return str(int(raw)) if raw.is_integer() else repr(raw)
    if isinstance(raw, datetime) and not (raw.hour or raw.minute):
        raw = raw.date()
    return raw.isoformat() if isinstance(raw, date) else str(raw).strip()


def read_plain(raw: Any) -> str:
    """A cell as text in which full-width punctuation means the same as plain."""
    text = read_text(raw)
    return text if text.isascii() else unicodedata.normalize("NFKC", text).strip()


def split_list(raw: Any) -> list[str]:
    """The parts of a cell that lists several things."""
    return [part.strip() for part in _SPLIT.split(read_plain(raw)) if part.strip()]
