"""Rules and transactions of the register: import, export, lists."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from yunzhang import audit, clock, texts
from yunzhang.db import Session
from yunzhang.errors import InputError, NotFound
from yunzhang.estate import importing, repository, rules, schemas, workbook
from yunzhang.estate.files import RawFile, read_file
from yunzhang.estate.list_repository import Narrowing, page_rows
from yunzhang.estate.models import ImportBatch
from yunzhang.estate.parsing import Parsed, parse_file
from yunzhang.estate.report import ImportReport
from yunzhang.estate.sheets import BY_KEY, SHEETS, Sheet, find_sheet
from yunzhang.units.schemas import UnitRead
from yunzhang.units.scope import Principal, demand
from yunzhang.units.service import load_divisions

Mode = Literal["all", "good"]
MAX_PAGE = 500

READS: Mapping[str, type[schemas.Read] | type[UnitRead]] = {
    "units": UnitRead,
    "sites": schemas.SiteRead,
    "networks": schemas.NetworkRead,
    "domains": schemas.DomainRead,
    "prefixes": schemas.PrefixRead,
    "platforms": schemas.PlatformRead,
    "systems": schemas.SystemRead,
    "workloads": schemas.WorkloadRead,
    "dependencies": schemas.DependencyRead,
}


def _compare(session: Session, raw: RawFile) -> tuple[Parsed, importing.Difference, ImportReport]:
    parsed = parse_file(raw)
    known = importing.read_known(session, parsed)
    rules.check(parsed, known, clock.now().date())
    difference = importing.compare(parsed, known)
    parsed.faults.sort(key=lambda fault: fault.place)
    report = ImportReport(
        file_name=raw.name,
        file_sha256=raw.sha256,
        faults=parsed.faults,
        changes=difference.changes,
        excluded=dict(sorted(parsed.excluded.items())),
    )
    return parsed, difference, report


def check_workbook(
    session: Session, principal: Principal, path: Path, *, sheet: str | None = None
) -> ImportReport:
    """All faults of all rows and what each row would do; nothing is written.

    Raises the errors of `files.read_file` when the file as a whole cannot be read.
    """
    demand(principal, "import")
    return check_raw(session, principal, read_file(path, sheet))


def check_raw(session: Session, principal: Principal, raw: RawFile) -> ImportReport:
    """As `check_workbook`, of a file that has been read (or converted) already."""
    demand(principal, "import")
    return _compare(session, raw)[2]


def import_workbook(
    session: Session, principal: Principal, path: Path, mode: Mode, *, sheet: str | None = None
) -> ImportReport:
    """Check and write: `all` writes nothing when there is any error, `good` the good rows."""
    demand(principal, "import")
    return import_raw(session, principal, read_file(path, sheet), mode)


def import_raw(session: Session, principal: Principal, raw: RawFile, mode: Mode) -> ImportReport:
    """As `import_workbook`, of a file that has been read (or converted) already."""
    demand(principal, "import")
    repository.lock_register(session)
    load_divisions(session, principal)
    parsed, difference, report = _compare(session, raw)
    if mode == "all" and report.errors:
        return report
    batch = repository.add_batch(
        session,
        ImportBatch(
            file_name=raw.name[:200],
            file_sha256=raw.sha256,
            mode=mode,
            principal=principal.name,
            created_at=clock.now(),
            counts=report.counts,
            excluded=report.excluded,
        ),
    )
    importing.write(session, parsed, difference, batch.id, batch.created_at)
    audit.record(
        session,
        principal.name,
        "import",
        "register",
        f"batch-{batch.id}",
        file=raw.name,
        sha256=raw.sha256,
        mode=mode,
        counts=report.counts,
        excluded=report.excluded,
    )
    report.written, report.batch_id = True, batch.id
    return report


def export_workbook(session: Session, principal: Principal, path: Path) -> dict[str, int]:
    """Write the whole register as a workbook; rows by sheet. Importing it changes nothing."""
    demand(principal, "read")
    rows = {sheet.key: list(repository.all_rows(session, sheet.key)) for sheet in SHEETS}
    workbook.write_workbook(path, rows, created=clock.now())
    return {key: len(found) for key, found in rows.items()}


def _sheet(noun: str) -> Sheet:
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
    limit: int = 100,
    offset: int = 0,
    cursor: str | None = None,
    total: bool = True,
) -> schemas.Page[Any]:
    """One page of a noun's rows by business key; at most two statements.

    `city` is a division's code (45: the region, 4501: a city, 450102: a county) and narrows to
    what units there have. Without `total` nothing is counted. Raises NotFound
    `estate.noun_unknown`; InputError `estate.page_bad`, `estate.city_bad`, `db.cursor_bad`.
    """
    demand(principal, "read")
    key = _sheet(noun).key
    if not (0 < limit <= MAX_PAGE) or offset < 0 or (cursor is not None and offset):
        raise InputError("estate.page_bad", limit=limit, offset=offset, maximum=MAX_PAGE)
    narrowing = Narrowing(unit, _division(city), state)
    reader = (principal.name, principal.account_id) if total else None
    page, count = page_rows(
        session, key, narrowing, cursor=cursor, limit=limit, offset=offset, count_for=reader
    )
    return schemas.Page[Any](
        items=[READS[key].model_validate(row) for row in page.rows],
        total=count,
        limit=limit,
        offset=None if cursor else offset,
        next=page.next,
        previous=page.previous,
    )


def _division(city: str | None) -> str | None:
    """The digits all divisions inside `city` begin with."""
    if city is None:
        return None
    if not (city.isascii() and city.isdigit() and len(city) in (2, 4, 6)):
        raise InputError("estate.city_bad", value=city)
    while len(city) > 2 and city.endswith("00"):
        city = city[:-2]
    return city
