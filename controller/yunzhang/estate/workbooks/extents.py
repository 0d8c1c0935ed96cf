"""How much a workbook holds, measured before anything is made of it.

A workbook of a few kilobytes can ask for all memory: one cell far off makes the reader build the
whole rectangle, one long text can stand in every cell, an archive can unpack to anything.
"""

from __future__ import annotations

import re
import zipfile
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Literal, NamedTuple

_PIECE = 1 << 20
_PREFIX = rb"(?:[^\s<>/:\"']+:)?"
_END = rb"(?=[\s/>])"
_START = re.compile(rb"<" + _PREFIX + rb"(row|c)" + _END)
# A row or cell that is not written as the common programs write it.
_ODD = re.compile(
    rb"<(?:c|row|[^\s<>/:\"']+:(?:c|row))(?=[\s/>])(?! r=\"[A-Z]{0,3}[0-9]{1,7}\"[\s/>])"
)
_COLUMN = re.compile(rb'<c r="([A-Z]+)')
_ROW = re.compile(rb'<(?:row|c) r="[A-Z]*([0-9]+)"')
_PLACE = re.compile(rb"\sr\s*=\s*[\"']([A-Za-z]*)([0-9]*)[\"']")
_FILLED = re.compile(rb"<" + _PREFIX + rb"(?:v|is)" + _END)
_MERGED = re.compile(rb"<" + _PREFIX + rb"mergeCell" + _END)
_ITEM = re.compile(rb"<" + _PREFIX + rb"si" + _END)
_OTHER = rb"<(?!" + _PREFIX + rb"(?:v|c|row)[\s/>])[^<]*+"
_SHARED = re.compile(
    rb"\bt\s*=\s*[\"']s[\"'][^<]*+(?:" + _OTHER + rb")*+<" + _PREFIX + rb"v[^<>]*>([^<]*)"
)
_SUSPECT = re.compile(rb't="e"|</f>(?:<v\s*/>|<v></v>)?</c>|<f[^>]*/>(?:<v\s*/>|<v></v>)?</c>')
# What the suspect pattern spans at most, so that one cut in two is found as well.
_OVERLAP = 64
# Kinds of spreadsheets that the reader would try when the workbook's own parts are broken.
_OTHERS = frozenset({"content.xml", "xl/workbook.bin"})
_STRINGS = "xl/sharedstrings.xml"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a workbook may hold over all its sheets; `cells`: of the sheets' rectangles from A1."""

    bytes: int
    rows: int
    cells: int


Unit = Literal["MiB", "rows", "cells"]


class TooLarge(ValueError):
    """The workbook holds more than allowed; `unit` of `maximum` is MiB, rows or cells."""

    def __init__(self, unit: Unit, maximum: int) -> None:
        super().__init__(unit, maximum)
        self.unit = unit
        self.maximum = maximum


def check_size(archive: zipfile.ZipFile, limits: Limits) -> set[str]:
    """Unpack everything once without keeping it; the sheets that have cells without a result.

    Raises TooLarge; ValueError when it is no workbook; BadZipFile when the archive holds something
    else than it says, for then its check sums do not fit.
    """
    names = [name.lower() for name in archive.namelist()]
    if len(set(names)) < len(names) or not _OTHERS.isdisjoint(names):
        raise ValueError("parts that no workbook has")
    left = limits.bytes
    scans: dict[str, _Scan] = {}
    for entry in archive.infolist():
        scan = scans[entry.filename] = _Scan()
        for piece in _pieces(archive, entry.filename):
            left -= len(piece)
            if left < 0:
                raise TooLarge("MiB", limits.bytes >> 20)
            scan.feed(piece)
    sizes = [
        scan.size if scan.plain else _measure(archive, name, limits) for name, scan in scans.items()
    ]
    if _excess(sizes, limits):
        # formats often reach to a sheet's end, and other parts name cells as sheets do
        sizes = [_measure(archive, name, limits) for name in scans]
    if excess := _excess(sizes, limits):
        raise excess
    _check_texts(archive, sum(size.cells for size in sizes), limits)
    return {name for name, scan in scans.items() if scan.suspect}


def _pieces(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    """The content of an entry, cut only before tags."""
    rest = b""
    with archive.open(name) as file:
        while piece := file.read(_PIECE):
            piece = rest + piece
            cut = piece.rfind(b"<")
            if cut == 0 and len(piece) > _PIECE and _START.match(piece):
                raise ValueError("a tag without an end")
            cut = cut if cut > 0 else len(piece)
            rest = piece[cut:]
            yield piece[:cut]
    yield rest


class _Size(NamedTuple):
    """Rows and columns of the rectangle from A1, cells and merged ranges."""

    rows: int
    columns: int
    cells: int
    merged: int = 0


class _Scan:
    """A quick look at a part; at least as large as it is, and exact only in `_measure`."""

    def __init__(self) -> None:
        self.plain = True
        self.suspect = False
        self.size = _Size(0, 0, 0)
        self._before = b""

    def feed(self, piece: bytes) -> None:
        """The next piece of the part."""
        # looking for the plain words first is three times as fast
        around = self._before + piece
        if b"<f" in around or b't="e"' in around:
            self.suspect = self.suspect or _SUSPECT.search(around) is not None
        self._before = piece[-_OVERLAP:]
        self.plain = self.plain and not _ODD.search(piece)
        if self.plain:
            columns = _COLUMN.findall(piece)
            self.size = _Size(
                max(self.size.rows, *map(int, {b"0", *_ROW.findall(piece)})),
                max(self.size.columns, *map(_column, {b"", *columns})),
                self.size.cells + len(columns),
                self.size.merged + piece.count(b"mergeCell "),
            )


def _tags(archive: zipfile.ZipFile, name: str) -> Iterator[tuple[bytes, bytes]]:
    """Each `row` and `c` of a part, and the text from there to the next one."""
    rest = b""
    for piece in _pieces(archive, name):
        around = rest + piece
        starts = list(_START.finditer(around))
        for start, after in pairwise(starts):
            yield start[1], around[start.end() : after.start()]
        rest = around[starts[-1].start() :][:_PIECE] if starts else b""
    if last := _START.match(rest):
        yield last[1], rest[last.end() :]


def _measure(archive: zipfile.ZipFile, name: str, limits: Limits) -> _Size:
    """The exact size of a part: cells that say where they are, and those that follow one.

    It stops at one cell more than may be.
    """
    row = column = rows = columns = cells = 0
    for kind, text in _tags(archive, name):
        told = [(_column(letters), int(digits or 0)) for letters, digits in _PLACE.findall(text)]
        if kind == b"row":
            row, column = max((number for _, number in told), default=row + 1), 0
            continue
        column = max((place for place, _ in told), default=column + 1)
        row = max((number for _, number in told), default=max(row, 1))
        cells += 1
        if _FILLED.search(text):
            rows, columns = max(rows, row), max(columns, column)
        if cells > limits.cells:
            break
    merged = sum(len(_MERGED.findall(piece)) for piece in _pieces(archive, name))
    return _Size(rows, columns, cells, merged)


@lru_cache(maxsize=1024)
def _column(letters: bytes) -> int:
    column = 0
    for letter in letters.upper()[:8]:
        column = column * 26 + letter - 64
    return column


def _excess(sizes: list[_Size], limits: Limits) -> TooLarge | None:
    if max(sum(size.rows for size in sizes), sum(size.merged for size in sizes)) > limits.rows:
        return TooLarge("rows", limits.rows)
    if sum(max(size.rows * size.columns, size.cells) for size in sizes) > limits.cells:
        return TooLarge("cells", limits.cells)
    return None


def _check_texts(archive: zipfile.ZipFile, cells: int, limits: Limits) -> None:
    """Every cell that names a shared text gets a copy of it: those count as unpacked too."""
    name = next((each for each in archive.namelist() if each.lower() == _STRINGS), None)
    if name is None:
        return
    starts, read = array("Q"), 0
    for piece in _pieces(archive, name):
        starts.extend(read + found.start() for found in _ITEM.finditer(piece))
        read += len(piece)
        if len(starts) > limits.cells:
            raise TooLarge("cells", limits.cells)
    lengths = [after - start for start, after in pairwise([*starts, read])]
    longest = max(lengths, default=0)
    if longest * cells <= limits.bytes:
        return

    def length_of(index: bytes) -> int:
        place = int(index) if index.strip().isdigit() else -1
        # what is written oddly may be any of them
        return lengths[place] if 0 <= place < len(lengths) else longest

    total = 0
    for part in archive.namelist():
        for piece in _pieces(archive, part) if part != name else ():
            total += sum(length_of(index) for index in _SHARED.findall(piece))
            if total > limits.bytes:
                raise TooLarge("MiB", limits.bytes >> 20)
