"""Finds out what a foreign file is, converts it and hands it to the importing pipeline."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from pathlib import Path
from typing import Any, Literal

from yunzhang.db import Session
from yunzhang.errors import InputError, NotFound
from yunzhang.estate import service
from yunzhang.estate.foreign import netbox, openstack, rvtools
from yunzhang.estate.foreign.conversion import Assumed, Conversion, ForeignReport
from yunzhang.estate.workbooks.files import MAX_BYTES, MAX_UNPACKED_BYTES, read_file
from yunzhang.units.scope import Principal

Format = Literal["rvtools", "netbox", "openstack"]
FORMATS: tuple[Format, ...] = ("rvtools", "netbox", "openstack")
_GZIP = b"\x1f\x8b"
_ENCODINGS = ("utf-8-sig", "gb18030")


def detect(path: Path) -> Format | None:
    """Which foreign format a file has, None for the register's own or an unknown one."""
    try:
        found = _read(path)
    except InputError:
        return None
    return found[0] if found else None


def _read(path: Path) -> tuple[Format, Any] | None:
    if not path.is_file():
        raise NotFound("estate.file_missing", path=str(path))
    if path.stat().st_size > MAX_BYTES:
        raise InputError("estate.file_large", path=path.name, maximum=MAX_BYTES >> 20)
    if path.suffix.lower() in (".xlsx", ".xlsm"):
        sheets = read_file(path).sheets
        return ("rvtools", sheets) if rvtools.is_rvtools(sheets) else None
    content = _text(path)
    if path.suffix.lower() == ".csv":
        objects = netbox.read_csv(content)
        return ("netbox", objects) if objects is not None else None
    try:
        told = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError("estate.file_broken", path=path.name, reason=str(error)) from None
    if netbox.is_fixture(told):
        return "netbox", told
    return ("openstack", told) if openstack.is_dump(told) or openstack.is_list(told) else None


def _text(path: Path) -> str:
    content = path.read_bytes()
    if content.startswith(_GZIP):
        # read no further than a file may unpack to, whatever it promises
        try:
            with gzip.open(io.BytesIO(content)) as packed:
                content = packed.read(MAX_UNPACKED_BYTES + 1)
        except (OSError, EOFError) as error:
            raise InputError("estate.file_broken", path=path.name, reason=str(error)) from None
        if len(content) > MAX_UNPACKED_BYTES:
            raise InputError("estate.file_large", path=path.name, maximum=MAX_UNPACKED_BYTES >> 20)
    for encoding in _ENCODINGS:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InputError("estate.file_encoding", path=path.name)


def _convert(path: Path, form: Format | None, assumed: Assumed) -> tuple[Format, Conversion]:
    found = _read(path)
    if found is None or form not in (None, found[0]):
        raise InputError("foreign.format_unknown", path=path.name, form=form or "auto")
    name, content = found
    if name == "rvtools":
        if assumed.unit is None:
            raise InputError("foreign.unit_missing")
        return name, rvtools.convert(content, assumed)
    if name == "netbox":
        return name, netbox.convert(content, assumed)
    cloud = path.name.split(".")[0]
    if openstack.is_dump(content):
        return name, openstack.convert_dump(cloud, content, assumed)
    return name, openstack.convert_list(cloud, content, assumed)


def import_foreign(
    session: Session,
    principal: Principal,
    path: Path,
    assumed: Assumed,
    *,
    form: Format | None = None,
    mode: service.Mode | None = None,
) -> ForeignReport:
    """Convert a file and check it; with `mode` also write it, as `import_workbook` does.

    Raises InputError `foreign.format_unknown`, `foreign.unit_missing` and what `read_file` does.
    """
    name, conversion = _convert(path, form, assumed)
    raw = conversion.raw(path.name, hashlib.sha256(path.read_bytes()).hexdigest())
    if mode is None:
        report = service.check_raw(session, principal, raw)
    else:
        report = service.import_raw(session, principal, raw, mode)
    return ForeignReport(name, report, conversion.accounts(report))
