"""Finds out what a foreign file is, converts it and hands it to the importing pipeline."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from yunzhang.db import Session
from yunzhang.errors import InputError, NotFound
from yunzhang.estate import service
from yunzhang.estate.foreign import netbox, openstack, rvtools
from yunzhang.estate.foreign.conversion import Assumed, Conversion, ForeignReport
from yunzhang.estate.workbooks.files import MAX_BYTES, MAX_UNPACKED_BYTES, read_file, sheet_titles
from yunzhang.units.scope import Principal

Format = Literal["rvtools", "netbox", "openstack"]
FORMATS: tuple[Format, ...] = ("rvtools", "netbox", "openstack")
# What code meets that expects another shape than a file has.
_SHAPES = (TypeError, AttributeError, LookupError, ValueError, ArithmeticError, RecursionError)
_GZIP = b"\x1f\x8b"
_ENCODINGS = ("utf-8-sig", "gb18030")


@dataclass(frozen=True, slots=True)
class Foreign:
    """A file of another program, opened and read once. `sha256`: of the file as it lies there."""

    name: str
    sha256: str
    format: Format
    content: Any


def detect(path: Path) -> Format | None:
    """Which foreign format a file has, None for the register's own or an unknown one."""
    found = open_if_foreign(path)
    return found.format if found else None


def open_if_foreign(path: Path) -> Foreign | None:
    """As `open_foreign`; None too when it cannot be read, for its own reader to say why."""
    try:
        return open_foreign(path)
    except InputError:
        return None


def open_foreign(path: Path) -> Foreign | None:
    """Read a foreign file; None when it is none that is known.

    Of a workbook only the sheets' names are read unless it is one. Raises what `read_file` does.
    """
    if not path.is_file():
        raise NotFound("estate.file_missing", path=str(path))
    if path.stat().st_size > MAX_BYTES:
        raise InputError("estate.file_large", path=path.name, maximum=MAX_BYTES >> 20)
    if path.suffix.lower() in (".xlsx", ".xlsm"):
        if not rvtools.is_rvtools(sheet_titles(path)):
            return None
        raw = read_file(path)
        return Foreign(raw.name, raw.sha256, "rvtools", raw.sheets)
    packed = path.read_bytes()
    text = _text(path, packed)
    found = _read_csv(path, text) if path.suffix.lower() == ".csv" else _read_json(path, text)
    return Foreign(path.name, hashlib.sha256(packed).hexdigest(), *found) if found else None


def _read_csv(path: Path, text: str) -> tuple[Format, Any] | None:
    try:
        objects = netbox.read_csv(text)
    except csv.Error as error:
        raise _broken(path.name, error) from None
    return ("netbox", objects) if objects is not None else None


def _read_json(path: Path, text: str) -> tuple[Format, Any] | None:
    try:
        told = json.loads(text)
        if "\\ud" in text.lower():
            # half a character, which no database keeps
            json.dumps(told, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise _broken(path.name, error) from None
    if netbox.is_fixture(told):
        return "netbox", told
    return ("openstack", told) if openstack.is_dump(told) or openstack.is_list(told) else None


def _broken(name: str, error: Exception) -> InputError:
    return InputError("estate.file_broken", path=name, reason=str(error) or type(error).__name__)


def _text(path: Path, content: bytes) -> str:
    if content.startswith(_GZIP):
        # read no further than a file may unpack to, whatever it promises
        try:
            with gzip.open(io.BytesIO(content)) as packed:
                content = packed.read(MAX_UNPACKED_BYTES + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise _broken(path.name, error) from None
        if len(content) > MAX_UNPACKED_BYTES:
            raise InputError("estate.file_large", path=path.name, maximum=MAX_UNPACKED_BYTES >> 20)
    for encoding in _ENCODINGS:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InputError("estate.file_encoding", path=path.name)


def _convert(foreign: Foreign, assumed: Assumed) -> Conversion:
    """Raises InputError `estate.file_broken` when a thing has another shape than it should."""
    if foreign.format == "rvtools" and assumed.unit is None:
        raise InputError("foreign.unit_missing")
    content, cloud = foreign.content, foreign.name.split(".")[0]
    try:
        if foreign.format == "rvtools":
            return rvtools.convert(content, assumed)
        if foreign.format == "netbox":
            return netbox.convert(content, assumed)
        if openstack.is_dump(content):
            return openstack.convert_dump(cloud, content, assumed)
        return openstack.convert_list(cloud, content, assumed)
    except _SHAPES as error:
        raise _broken(foreign.name, error) from error


def import_foreign(
    session: Session,
    principal: Principal,
    file: Path | Foreign,
    assumed: Assumed,
    *,
    form: Format | None = None,
    mode: service.Mode | None = None,
) -> ForeignReport:
    """Convert a file and check it; with `mode` also write it, as `import_workbook` does.

    Raises InputError `foreign.format_unknown`, `foreign.unit_missing` and what `read_file` does.
    """
    foreign = open_foreign(file) if isinstance(file, Path) else file
    if foreign is None or form not in (None, foreign.format):
        raise InputError("foreign.format_unknown", path=file.name, form=form or "auto")
    conversion = _convert(foreign, assumed)
    raw = conversion.raw(foreign.name, foreign.sha256)
    if mode is None:
        report = service.check_raw(session, principal, raw)
    else:
        report = service.import_raw(session, principal, raw, mode)
    return ForeignReport(foreign.format, report, conversion.accounts(report))
