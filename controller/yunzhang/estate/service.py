"""Rules and transactions of the register: import, export, lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from yunzhang import audit, clock, texts
from yunzhang.db import Session
from yunzhang.db.paging import Asked
from yunzhang.errors import InputError, NotFound
from yunzhang.estate import history, repository, schemas
from yunzhang.estate.changes.models import ImportBatch
from yunzhang.estate.importing import batches, own_rules, rules
from yunzhang.estate.importing import writing as importing
from yunzhang.estate.importing.known import Known
from yunzhang.estate.list_repository import Narrowing, page_rows
from yunzhang.estate.pages import check_page, told_page
from yunzhang.estate.progress import Counted, Progress, no_progress
from yunzhang.estate.workbooks import bad_rows, csv_sheets, workbook
from yunzhang.estate.workbooks.files import RawFile, read_file
from yunzhang.estate.workbooks.parsing import Parsed, parse_file
from yunzhang.estate.workbooks.report import ImportReport
from yunzhang.estate.workbooks.sheets import BY_KEY, SHEETS, Sheet, find_sheet
from yunzhang.kit.whole import whole_file
from yunzhang.units.schemas import PersonRead, UnitRead
from yunzhang.units.scope import Principal, demand, doing, unrestricted
from yunzhang.units.service import load_divisions

Mode = Literal["all", "good"]

READS: Mapping[str, type[BaseModel]] = {
    "units": UnitRead,
    "persons": PersonRead,
    "sites": schemas.SiteRead,
    "networks": schemas.NetworkRead,
    "domains": schemas.DomainRead,
    "segments": schemas.SegmentRead,
    "prefixes": schemas.PrefixRead,
    "ranges": schemas.RangeRead,
    "circuits": schemas.CircuitRead,
    "egresses": schemas.EgressRead,
    "platforms": schemas.PlatformRead,
    "systems": schemas.SystemRead,
    "workloads": schemas.WorkloadRead,
    "disks": schemas.DiskRead,
    "nics": schemas.NicRead,
    "dependencies": schemas.DependencyRead,
    "responsibilities": schemas.ResponsibilityRead,
    "opex": schemas.OpexRead,
}


@dataclass(frozen=True, slots=True)
class Checked:
    """A file that was read and compared with the register, and what would be done with it."""

    raw: RawFile
    parsed: Parsed
    known: Known
    difference: importing.Difference
    report: ImportReport


def _compare(session: Session, raw: RawFile, day: date | None, progress: Progress) -> Checked:
    rows = sum(len(sheet.rows) for sheet in raw.sheets)
    progress("parse", 0, rows)
    parsed = parse_file(raw)
    progress("compare", 0, rows)
    # codes are unique and things are named across units, whoever imports
    own = own_rules.own_units(session)
    with unrestricted(session):
        known = importing.read_known(session, parsed)
    progress("check", 0, rows)
    if own is not None:
        own_rules.check_owners(parsed, known, own)
        known.seen = own_rules.seen_codes(session, parsed, known)
    rules.check(parsed, known, day or clock.now().date())
    difference = importing.compare(parsed, known)
    parsed.faults.sort(key=lambda fault: fault.place)
    earlier = history.batch_of_file(session, raw.sha256)
    report = ImportReport(
        file_name=raw.name,
        file_sha256=raw.sha256,
        faults=parsed.faults,
        changes=difference.changes,
        excluded=dict(sorted(parsed.excluded.items())),
        earlier=earlier.id if earlier else None,
        notes=sorted(parsed.notes, key=lambda note: note.place),
    )
    return Checked(raw, parsed, known, difference, report)


@doing("import")
def check_workbook(
    session: Session,
    principal: Principal,
    path: Path,
    *,
    sheet: str | None = None,
    day: date | None = None,
    bad: Path | None = None,
    progress: Progress = no_progress,
) -> ImportReport:
    """All faults of all rows and what each row would do; nothing is written.

    `day`: division codes must be valid on it (today). `bad`: where to save the bad rows as an
    annotated workbook, if there are any. Raises the errors of `files.read_file` when the file as
    a whole cannot be read.
    """
    checked = _compare(session, read_file(path, sheet), day, progress)
    _save_bad(checked, bad)
    return checked.report


@doing("import")
def check_raw(session: Session, principal: Principal, raw: RawFile) -> ImportReport:
    """As `check_workbook`, of what was handed in otherwise than as a file."""
    return _compare(session, raw, None, no_progress).report


@doing("import")
def import_workbook(
    session: Session,
    principal: Principal,
    path: Path,
    mode: Mode,
    *,
    sheet: str | None = None,
    day: date | None = None,
    bad: Path | None = None,
    progress: Progress = no_progress,
) -> ImportReport:
    """Check and write: `all` writes nothing when there is any error, `good` the good rows.

    `progress` is told each step; what it raises leaves nothing written.
    """
    checked = _import(session, principal, read_file(path, sheet), mode, day, progress)
    _save_bad(checked, bad)
    return checked.report


@doing("import")
def import_raw(session: Session, principal: Principal, raw: RawFile, mode: Mode) -> ImportReport:
    """As `import_workbook`, of what was handed in otherwise than as a file."""
    return _import(session, principal, raw, mode, None, no_progress).report


def _import(
    session: Session,
    principal: Principal,
    raw: RawFile,
    mode: Mode,
    day: date | None,
    progress: Progress,
) -> Checked:
    repository.lock_register(session)
    load_divisions(session, principal)
    checked = _compare(session, raw, day, progress)
    if mode == "good" or not checked.report.errors:
        _write(session, principal, checked, mode, progress)
    return checked


def _write(
    session: Session, principal: Principal, checked: Checked, mode: Mode, progress: Progress
) -> None:
    report, now = checked.report, clock.now()
    batch = history.add_batch(
        session,
        ImportBatch(
            file_name=report.file_name[:200],
            file_sha256=report.file_sha256,
            template_version=checked.raw.version,
            mode=mode,
            principal=principal.name,
            created_at=now,
            counts=report.counts,
            excluded=report.excluded,
        ),
    )
    importing.write(
        session, checked.parsed, checked.difference, checked.known,
        batch_id=batch.id, principal=principal.name, now=now, progress=progress,
    )  # fmt: skip
    batch.unit_code = batches.owner_of(session, batch.id)
    audit.record(
        session,
        principal,
        "import",
        "register",
        f"batch-{batch.id}",
        file=report.file_name,
        sha256=report.file_sha256,
        mode=mode,
        counts=report.counts,
        excluded=report.excluded,
    )
    report.written, report.batch_id = True, batch.id


def _save_bad(checked: Checked, path: Path | None) -> None:
    if path and checked.report.errors:
        bad_rows.write_bad_rows(path, checked.parsed, created=clock.now())


def export_workbook(
    session: Session, principal: Principal, path: Path, progress: Progress = no_progress
) -> dict[str, int]:
    """Write the whole register as a workbook; rows by sheet. Importing it changes nothing.

    `path` appears whole or not at all. Raises Conflict `estate.sheet_long`, before anything is
    written, when Excel does not take a sheet.
    """
    demand(principal, "read")
    total = 0
    for sheet in SHEETS:
        count = repository.count_rows(session, sheet.key)
        workbook.check_length(sheet, count)
        total += count
    counted = Counted(progress, "export", total)
    rows = {sheet.key: counted(repository.all_rows(session, sheet.key)) for sheet in SHEETS}
    with whole_file(path) as part:
        return workbook.stream_workbook(part, rows, created=clock.now(), progress=progress)


def export_sheet(
    session: Session,
    principal: Principal,
    noun: str,
    path: Path,
    *,
    encoding: str = "utf-8-sig",
    progress: Progress = no_progress,
) -> int:
    """Write one sheet as CSV; how many rows. Importing it changes nothing.

    `path` appears whole or not at all.
    """
    demand(principal, "read")
    sheet = find_noun(noun)
    total = repository.count_rows(session, sheet.key)
    rows = Counted(progress, "export", total)(repository.all_rows(session, sheet.key))
    with whole_file(path) as part:
        return csv_sheets.write_sheet(part, sheet, rows, encoding=encoding)


def find_noun(noun: str) -> Sheet:
    """The sheet a noun names, by key or title. Raises NotFound `estate.noun_unknown`."""
    found = find_sheet(noun)
    if found is None:
        raise NotFound("estate.noun_unknown", noun=noun, known=texts.listed(BY_KEY))
    return found


def list_rows(
    session: Session,
    principal: Principal,
    noun: str,
    *,
    unit: str | None = None,
    city: str | None = None,
    state: str | None = None,
    quality: int | None = None,
    limit: int = 100,
    offset: int = 0,
    cursor: str | None = None,
    total: bool = True,
) -> schemas.Page[Any]:
    """One page of a noun's rows by business key; at most two statements.

    `city` is a division's code (45: the region, 4501: a city, 450102: a county) and narrows to
    what units there have; `quality` to what has at most this. Without `total` nothing is counted.
    Raises NotFound `estate.noun_unknown`; InputError `estate.page_bad`, `estate.city_bad`,
    `db.cursor_bad`.
    """
    demand(principal, "read")
    asked = Asked(limit, offset, cursor, total)
    check_page(asked)
    key = find_noun(noun).key
    narrowing = Narrowing(unit, _division(city), state, quality)
    found = page_rows(session, key, narrowing, asked, principal)
    return told_page(found, asked, READS[key].model_validate)


def list_quality(session: Session, principal: Principal) -> list[schemas.QualityRead]:
    """The data quality of what each unit has, the worst first; units without anything are not told.

    The mean is of what was measured. Things that belong to something of a unit (prefixes, disks)
    are not counted on their own.
    """
    demand(principal, "read")
    totals = [
        schemas.QualityRead(unit_code=unit, items=items, measured=measured,
                            quality=round(points / measured) if measured else None)
        for unit, (items, measured, points) in repository.quality_totals(session).items()
    ]  # fmt: skip
    return sorted(totals, key=lambda each: (each.quality is None, each.quality, each.unit_code))


def _division(city: str | None) -> str | None:
    """The digits all divisions inside `city` begin with."""
    if city is None:
        return None
    if not (city.isascii() and city.isdigit() and len(city) in (2, 4, 6)):
        raise InputError("estate.city_bad", value=city)
    while len(city) > 2 and city.endswith("00"):
        city = city[:-2]
    return city
