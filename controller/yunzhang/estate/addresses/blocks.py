"""Addresses and prefixes as integers: reading what people write, writing it one way.

The hot path (IPv4 in plain notation) splits text; the rest goes through `ipaddress`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import NamedTuple

WIDTH = {4: 32, 6: 128}
_RANGE = re.compile(r"\s*(?:-|~|—|–|至|到)\s*")

# Space meant for private use; everything else belongs to somebody on the internet.
_PRIVATE = (
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "127.0.0.0/8",
    "fc00::/7",
    "fe80::/10",
    "::1/128",
)


class AddressError(ValueError):
    """What was written is no address or prefix. `code` and `values` name a catalogue text."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code)
        self.code = code
        self.values = values


class Block(NamedTuple):
    """A CIDR: family 4 or 6, first and last address."""

    family: int
    lo: int
    hi: int


def _parse_v4(text: str) -> int:
    parts = text.split(".")
    if len(parts) != 4:
        raise AddressError("address_bad", value=text)
    value = 0
    for part in parts:
        # a leading zero is octal to some programs and decimal to others: nobody's guess is right
        if not (part.isascii() and part.isdigit()) or len(part) > 3 or (part[0] == "0" < part[1:]):
            raise AddressError("address_bad", value=text)
        number = int(part)
        if number > 255:
            raise AddressError("address_bad", value=text)
        value = value << 8 | number
    return value


def parse_address(text: str) -> tuple[int, int]:
    """(family, value) of one address. Raises AddressError."""
    if ":" not in text:
        return 4, _parse_v4(text)
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        raise AddressError("address_bad", value=text) from None
    if address.scope_id:
        raise AddressError("address_bad", value=text)
    return 6, int(address)


def format_address(family: int, value: int) -> str:
    """The one way an address is written here."""
    if family == 6:
        return str(ipaddress.IPv6Address(value))
    return f"{value >> 24}.{value >> 16 & 255}.{value >> 8 & 255}.{value & 255}"


def format_block(block: Block) -> str:
    """The one way a prefix is written here."""
    length = WIDTH[block.family] - (block.hi - block.lo).bit_length()
    return f"{format_address(block.family, block.lo)}/{length}"


def _mask_length(text: str, family: int) -> int:
    width = WIDTH[family]
    if text.isascii() and text.isdigit() and len(text) <= 3:
        length = int(text)
    elif family == 4 and "." in text:
        inverse = _parse_v4(text) ^ 0xFFFFFFFF
        if inverse & (inverse + 1):
            raise AddressError("mask_bad", value=text)
        length = width - inverse.bit_length()
    else:
        raise AddressError("mask_bad", value=text)
    if length > width:
        raise AddressError("mask_bad", value=text)
    return length


def _parse_range(first: str, last: str) -> Block:
    family, lo = parse_address(first)
    last_family, hi = parse_address(last)
    size = hi - lo + 1
    if family != last_family or size < 1 or size & (size - 1) or lo & (size - 1):
        raise AddressError("range_no_cidr", value=f"{first}-{last}")
    return Block(family, lo, hi)


def parse_block(text: str) -> Block:
    """A prefix from `a/length`, `a/mask` or a range that is exactly one CIDR.

    Raises AddressError: `address_bad`, `mask_bad`, `mask_missing`, `range_no_cidr`, `host_bits`.
    """
    base, slash, mask = text.partition("/")
    if not slash:
        ends = _RANGE.split(text)
        if len(ends) == 2:
            return _parse_range(*ends)
        parse_address(text)
        raise AddressError("mask_missing", value=text)
    family, value = parse_address(base.strip())
    host = (1 << (WIDTH[family] - _mask_length(mask.strip(), family))) - 1
    if value & host:
        network = Block(family, value & ~host, value | host)
        raise AddressError("host_bits", value=text, network=format_block(network))
    return Block(family, value, value | host)


def to_hex(value: int) -> str:
    """An address as stored: 32 hex digits."""
    return f"{value:032x}"


PRIVATE_BLOCKS = tuple(parse_block(text) for text in _PRIVATE)


def is_private(block: Block) -> bool:
    """Whether all of `block` lies in space meant for private use."""
    return any(
        block.family == own.family and own.lo <= block.lo and block.hi <= own.hi
        for own in PRIVATE_BLOCKS
    )


def merge_spans(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Sorted spans that cover the same addresses and do not touch."""
    merged: list[tuple[int, int]] = []
    for lo, hi in sorted(spans):
        if merged and lo <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], hi))
        else:
            merged.append((lo, hi))
    return merged
