"""Cells: from what people and Excel write to one way of storing it, and back."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from yunzhang import texts
from yunzhang.estate.addresses.blocks import (
    AddressError,
    format_address,
    format_block,
    parse_address,
    parse_block,
)
from yunzhang.estate.workbooks.cells import CellError, read_plain, read_text, split_list
from yunzhang.estate.workbooks.columns import LISTS, NUMBERS, Column
from yunzhang.units.uscc import check_character, is_uscc

Parse = Callable[[Any], Any]

# Fen in ten thousand yuan (万元), the unit money is written in.
FEN_PER_WAN = 1_000_000
_SPLIT_NAMES = re.compile(r"[、,，;；\n\r]+")
# Ends a cell whose parts stand on a line each, because one of them has a separator in it.
LINES = "\n"
# Characters a cell of a workbook holds at most.
MOST_CHARACTERS = 32_767
_SPLIT_ADDRESSES = re.compile(r"[、,;\s]+")
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LEVEL = re.compile(
    r"(?:等保|等级保护)?第?([0-4零一二三四]|I{1,3}|IV)级?(?:\(?S[0-4]A[0-4](?:G[0-4])?\)?)?",
    re.IGNORECASE,
)
_LEVEL_SAG = re.compile(r"S([0-4])A([0-4])(?:G([0-4]))?", re.IGNORECASE)
_DATE = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[T ]00:00(?::00)?)?|(\d{4})(\d\d)(\d\d)"
)
_UNIT = re.compile(r"\s*万元?$")
# As routers print it: an address, spaces, a mask.
_SPACED_MASK = re.compile(r"\s+(?=255\.)")
_MAC = re.compile(r"[0-9A-F]{12}")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_BANDWIDTH = re.compile(
    r"(?:(\d+)[*×x])?(\d+(?:\.\d+)?)(?:(K|M|G|T|兆)(?:B?PS|BIT/?S?|B/S|E)?)?", re.IGNORECASE
)
_MBPS: dict[str, int | Decimal] = {
    "": 1,
    "M": 1,
    "兆": 1,
    "K": Decimal("0.001"),
    "G": 1000,
    "T": 1_000_000,
}
_SPOKEN_MBPS = {"百兆": 100, "千兆": 1000, "万兆": 10_000, "十万兆": 100_000}
_PHONE = re.compile(r"\+?[0-9*()\- ]{5,24}(?:[转,#x]\d{1,6})?")
_YEAR = re.compile(r"(\d{4})(?:年.*|[-/.]\d{1,2}.*)?")
_YES = frozenset({"是", "y", "yes", "true", "1", "有", "√", "✓"})
_NO = frozenset({"否", "n", "no", "false", "0", "无", "×"})
_WORDED_LEVELS = {"零": 0, "一": 1, "二": 2, "三": 3, "四": 4, "I": 1, "II": 2, "III": 3, "IV": 4}


def _text_reader(column: Column) -> Parse:
    longest = column.length

    def read(raw: Any) -> str:
        text = read_text(raw)
        if len(text) > longest:
            raise CellError("text_long", length=len(text), maximum=longest)
        return text

    return read


def _read_code(raw: Any) -> str:
    text = read_plain(raw)
    if not _CODE.fullmatch(text):
        raise CellError("code_bad", value=text)
    return text


def _read_number(raw: Any) -> Decimal:
    text = read_plain(raw).replace(",", "")
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise CellError("number_bad", value=text) from None
    if not number.is_finite():
        raise CellError("number_bad", value=text)
    return number


def _integer_reader(column: Column) -> Parse:
    lowest, highest = column.minimum, column.maximum

    def read(raw: Any) -> int:
        number = _read_number(raw)
        if number != number.to_integral_value():
            raise CellError("number_whole", value=str(number))
        if not lowest <= number <= highest:
            raise CellError("number_range", value=str(number), minimum=lowest, maximum=highest)
        return int(number)

    return read


def _year_reader(column: Column) -> Parse:
    check = _integer_reader(column)

    def read(raw: Any) -> int:
        if isinstance(raw, date):
            return int(check(raw.year))
        match = _YEAR.fullmatch(read_plain(raw))
        if not match:
            raise CellError("year_bad", value=read_plain(raw))
        return int(check(match[1]))

    return read


def _read_money(raw: Any) -> int:
    # the column's own unit may stand behind the figure; any other would be a guess
    text = _UNIT.sub("", read_plain(raw)) if isinstance(raw, str) else raw
    number = _read_number(text)
    if not 0 <= number <= 10_000_000:
        raise CellError("number_range", value=str(number), minimum=0, maximum=10_000_000)
    return round(number * FEN_PER_WAN)


def _read_mlps(raw: Any) -> int:
    text = read_plain(raw).replace(" ", "")
    if text in {"未定级", "无"}:
        return 0
    if match := _LEVEL_SAG.fullmatch(text):
        return max(int(level) for level in match.groups() if level)
    if not (match := _LEVEL.fullmatch(text)):
        raise CellError("mlps_bad", value=text)
    level = match[1].upper()
    return _WORDED_LEVELS[level] if level in _WORDED_LEVELS else int(level)


def _read_yes(raw: Any) -> bool:
    text = read_plain(raw).lower()
    if text in _YES:
        return True
    if text in _NO:
        return False
    raise CellError("yesno_bad", value=text)


def _read_uscc(raw: Any) -> str:
    text = read_plain(raw).upper().replace(" ", "")
    if is_uscc(text):
        return text
    try:
        expected = check_character(text[:17]) if len(text) == 18 else ""
    except ValueError:
        expected = ""
    if expected:
        raise CellError("uscc_check", value=text, expected=expected)
    raise CellError("uscc_bad", value=text)


def _read_division(raw: Any) -> str:
    text = read_plain(raw)
    if len(text) != 6 or not text.isdigit():
        raise CellError("division_bad", value=text)
    return text


def _cidr(text: str) -> str:
    try:
        return format_block(parse_block(_SPACED_MASK.sub("/", _dotted(text))))
    except AddressError as error:
        raise CellError(error.code, **error.values) from None


def _read_cidr(raw: Any) -> str:
    return _cidr(read_plain(raw))


def _names_reader(column: Column) -> Parse:
    """Names as they are written: parentheses and the like are part of them."""
    longest = column.length

    def read(raw: Any) -> list[str]:
        lines = isinstance(raw, str) and raw.endswith(LINES)
        text = read_text(raw)
        found = text.splitlines() if lines else _SPLIT_NAMES.split(text)
        names = [name for part in found if (name := part.strip())]
        most = max((len(name) for name in names), default=0)
        if most > longest:
            raise CellError("text_long", length=most, maximum=longest)
        if (whole := sum(len(name) + 1 for name in names)) > MOST_CHARACTERS:
            raise CellError("text_long", length=whole, maximum=MOST_CHARACTERS)
        return names

    return read


def _joined(names: Sequence[str]) -> str:
    if any(_SPLIT_NAMES.search(name) for name in names):
        return LINES.join(names) + LINES
    return "、".join(names)


def _read_cidrs(raw: Any) -> list[str]:
    return [_cidr(part) for part in split_list(raw)]


def _dotted(text: str) -> str:
    """Full stops of a Chinese keyboard as the dots they were meant to be."""
    return text.replace("。", ".")


def _address(text: str) -> str:
    try:
        return format_address(*parse_address(_dotted(text)))
    except AddressError as error:
        raise CellError(error.code, **error.values) from None


def _read_address(raw: Any) -> str:
    return _address(read_plain(raw))


def _read_addresses(raw: Any) -> list[str]:
    return [_address(part) for part in _SPLIT_ADDRESSES.split(read_plain(raw)) if part]


def _read_date(raw: Any) -> date:
    if isinstance(raw, datetime):
        return raw.date()
    if isinstance(raw, date):
        return raw
    text = read_plain(raw)
    match = _DATE.fullmatch(text)
    parts = [int(part) for part in match.groups() if part] if match else []
    try:
        return date(*parts)
    except (TypeError, ValueError):
        raise CellError("date_bad", value=text) from None


def _read_bandwidth(raw: Any) -> int:
    text = read_plain(raw).replace(" ", "").replace(",", "")
    if text in _SPOKEN_MBPS:
        return _SPOKEN_MBPS[text]
    match = _BANDWIDTH.fullmatch(text)
    if not match:
        raise CellError("bandwidth_bad", value=text)
    lines, number, unit = match.groups()
    mbps = int(lines or 1) * Decimal(number) * _MBPS[(unit or "").upper()]
    if mbps != mbps.to_integral_value() or not 1 <= mbps <= 100_000_000:
        raise CellError("bandwidth_bad", value=text)
    return int(mbps)


def _read_phone(raw: Any) -> str:
    text = read_plain(raw)
    if not _PHONE.fullmatch(text):
        raise CellError("phone_bad")
    digits = re.sub(r"[^0-9*]", "", re.split(r"[转,#x]", text)[0])
    digits = digits.removeprefix("86") if len(digits) == 13 else digits
    if "*" in digits:
        return digits
    # enough to tell two apart, not enough to call
    head = min(3, max(0, len(digits) - 8))
    return digits[:head] + "*" * (len(digits) - head - 4) + digits[-4:]


def _read_mac(raw: Any) -> str:
    text = read_plain(raw).upper()
    digits = re.sub(r"[-:. ]", "", text)
    if not _MAC.fullmatch(digits):
        raise CellError("mac_bad", value=text)
    return ":".join(digits[place : place + 2] for place in range(0, 12, 2)).lower()


def _read_uuid(raw: Any) -> str:
    text = read_plain(raw).lower()
    if not _UUID.fullmatch(text):
        raise CellError("uuid_bad", value=text)
    return text


def _choice_reader(column: Column) -> Parse:
    known = {label.lower(): code for code, label in column.choices.items()}
    known |= {code: code for code in column.choices}
    # people say 省级 for 省, A for A级, 中国电信 for 电信
    spoken = {f"{word}级": code for word, code in known.items()}
    spoken |= {word.removesuffix("级"): code for word, code in known.items()}
    spoken |= {f"中国{word}": code for word, code in known.items()}
    allowed = texts.listed(column.choices.values())

    def read(raw: Any) -> str:
        text = read_plain(raw)
        found = known.get(text.lower()) or spoken.get(text.lower())
        if found is None:
            raise CellError("choice_bad", value=text, allowed=allowed)
        return found

    return read


_READERS: dict[str, Parse] = {
    "code": _read_code,
    "yesno": _read_yes,
    "money": _read_money,
    "mlps": _read_mlps,
    "uscc": _read_uscc,
    "division": _read_division,
    "cidr": _read_cidr,
    "cidrs": _read_cidrs,
    "address": _read_address,
    "date": _read_date,
    "bandwidth": _read_bandwidth,
    "phone": _read_phone,
    "mac": _read_mac,
    "uuid": _read_uuid,
    "addresses": _read_addresses,
}


_MAKERS: dict[str, Callable[[Column], Parse]] = {
    "text": _text_reader,
    "integer": _integer_reader,
    "year": _year_reader,
    "choice": _choice_reader,
    "names": _names_reader,
}


def reader(column: Column) -> Parse:
    """What turns a filled cell of `column` into its value, or raises CellError."""
    make = _MAKERS.get(column.kind)
    return make(column) if make else _READERS[column.kind]


def empty_value(column: Column) -> Any:
    """The value of an empty cell."""
    if column.kind in LISTS:
        return []
    return "" if column.kind in {"text", "phone"} else column.default


def cell_value(column: Column, value: Any) -> str | int | float | None:
    """A stored value as the file shows it; reading it again gives `value`."""
    unsaid = column.kind in NUMBERS and value == column.default and not column.required
    if value is None or value in ("", []) or unsaid:
        return None
    if column.kind in LISTS:
        return _joined(value)
    if column.kind == "choice":
        return column.choices.get(value, str(value))
    if column.kind == "yesno":
        return "是" if value else "否"
    if column.kind == "money":
        return float(Decimal(value) / FEN_PER_WAN)
    return value if isinstance(value, int) else str(value)
