"""Overlaps of any list of prefixes in a file; nothing is stored and no database is needed.

Lines are `domain,prefix` (comma or tab); a header names the columns in either order, and a file of
one column is one address domain. A prefix may be a CIDR, address and mask, a range `a-b` or one
address; host bits are an error, as everywhere in the register.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from yunzhang import clock, texts
from yunzhang.errors import InputError, NotFound
from yunzhang.estate.addresses import overlaps
from yunzhang.estate.addresses.blocks import AddressError, Block, parse_address, parse_block
from yunzhang.estate.addresses.overlaps import Relations
from yunzhang.estate.addresses.spans import from_blocks

_DOMAINS = frozenset({"domain", "domain_code", "vrf", "owner", "地址域", "地址域编号"})
_PREFIXES = frozenset({"prefix", "cidr", "network", "地址段"})
_ENCODINGS = ("utf-8-sig", "gb18030")


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is not counted. `code` and `values` name a text of the catalogue."""

    line: int
    code: str
    values: dict[str, object]

    @property
    def reason(self) -> str:
        """What is wrong, in the current language."""
        return texts.text(self.code, **self.values)


@dataclass(slots=True)
class ListConflicts:
    """Pairs inside address domains and between them. `seconds`: reading and counting."""

    within: Relations
    across: Relations
    seconds: float
    lines: int
    domains: int
    bad: list[BadLine] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        """The answer as printed; crossing pairs are told when there are any (ranges only)."""

        def told(found: Relations) -> dict[str, int]:
            crossing = {"crossing": found.crossing} if found.crossing else {}
            return {"equal": found.equal, "nested": found.nested} | crossing

        return {
            "within": told(self.within),
            "across": told(self.across),
            "seconds": round(self.seconds, 3),
        }


def count_conflicts(path: Path) -> ListConflicts:
    """Count the overlapping pairs of a file.

    Raises NotFound `addresses.list_missing`, InputError `estate.file_encoding` and
    `addresses.list_header`.
    """
    begun = clock.monotonic()
    blocks: list[Block] = []
    owners: list[int] = []
    numbers: dict[str, int] = {}
    bad: list[BadLine] = []
    for line, domain, written in _lines(path, bad):
        try:
            blocks.append(_read(written))
        except AddressError as error:
            bad.append(BadLine(line, f"estate.{error.code}", error.values))
            continue
        owners.append(numbers.setdefault(domain, len(numbers)))
    ranked = overlaps.rank(from_blocks(blocks, owners))
    everything = overlaps.relations(ranked)
    within = overlaps.relations(ranked, by_domain=True)
    return ListConflicts(
        within, everything.less(within), clock.monotonic() - begun, len(blocks), len(numbers), bad
    )


def _read(text: str) -> Block:
    if "/" in text:
        return parse_block(text)
    if "-" in text:
        return _read_range(text)
    family, value = parse_address(text)
    return Block(family, value, value)


def _read_range(text: str) -> Block:
    first, _, last = text.partition("-")
    family, lo = parse_address(first.strip())
    other, hi = parse_address(last.strip())
    if family != other or hi < lo:
        raise AddressError("range_no_cidr", value=text)
    return Block(family, lo, hi)


def _lines(path: Path, bad: list[BadLine]) -> Iterator[tuple[int, str, str]]:
    """Line number, domain and prefix of every line that has them; blank lines are passed over."""
    rows = csv.reader(io.StringIO(_text(path), newline=""), delimiter=_delimiter(path))
    at: tuple[int | None, int] | None = None
    for row in rows:
        cells = [cell.strip() for cell in row]
        if not any(cells) or cells[0].startswith("#"):
            continue
        if at is None:
            at, is_header = _columns(path, cells)
            if is_header:
                continue
        domain, prefix = at
        wanted = max(domain or 0, prefix) + 1
        if len(cells) < wanted:
            values: dict[str, object] = {"wanted": wanted, "found": len(cells)}
            bad.append(BadLine(rows.line_num, "addresses.list_line_fields", values))
            continue
        yield rows.line_num, "" if domain is None else cells[domain], cells[prefix]


def _columns(path: Path, cells: list[str]) -> tuple[tuple[int | None, int], bool]:
    """Where domain and prefix stand, and whether these cells are a header."""
    names = [cell.lower().rstrip("*") for cell in cells]
    prefix = next((place for place, name in enumerate(names) if name in _PREFIXES), None)
    if prefix is not None:
        domain = next((place for place, name in enumerate(names) if name in _DOMAINS), None)
        if domain is None and len(names) > 1:
            raise InputError("addresses.list_header", path=path.name)
        return (domain, prefix), True
    if len(cells) == 1:
        return (None, 0), False
    if len(cells) > 2:
        raise InputError("addresses.list_header", path=path.name)
    return ((1, 0) if _is_prefix(cells[0]) and not _is_prefix(cells[1]) else (0, 1)), False


def _is_prefix(text: str) -> bool:
    try:
        _read(text)
    except AddressError as error:
        return error.code == "host_bits"
    return True


def _text(path: Path) -> str:
    if not path.is_file():
        raise NotFound("addresses.list_missing", path=str(path))
    content = path.read_bytes()
    for encoding in _ENCODINGS:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InputError("estate.file_encoding", path=path.name)


def _delimiter(path: Path) -> str:
    with path.open("rb") as file:
        first = file.readline()
    return "\t" if first.count(b"\t") > first.count(b",") else ","
