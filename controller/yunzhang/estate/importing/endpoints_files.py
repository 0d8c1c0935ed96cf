"""Files over HTTP: check, import and give back the bad rows; template and export.

A file is the body itself, so that any program can send one (`curl --data-binary @FILE`); what it
is called stands in `name`.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response, status
from fastapi.responses import FileResponse

from yunzhang import clock
from yunzhang.access.dependencies import Asking, ReadingSession, Registering, Writing
from yunzhang.db import Session
from yunzhang.errors import InputError
from yunzhang.estate import service
from yunzhang.estate.endpoints import Code, Noun
from yunzhang.estate.foreign import service as foreign
from yunzhang.estate.foreign.conversion import Assumed, read_tenant
from yunzhang.estate.importing.schemas import FileRead
from yunzhang.estate.service import Mode
from yunzhang.estate.workbooks import workbook
from yunzhang.estate.workbooks.files import MAX_BYTES
from yunzhang.units.scope import Principal, demand

router = APIRouter(prefix="/estate", tags=["files"])

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv"
KINDS = ("application/octet-stream", XLSX, CSV, "application/json", "application/gzip")
# Names of 60 characters are never longer than file systems allow (255 bytes).
NAME = r"^[^/\\\x00-\x1f]{1,55}\.([xX][lL][sS][xXmM]|[cC][sS][vV]|[jJ][sS][oO][nN]|[gG][zZ])$"
_BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
# What the description cannot learn from a model: bodies that are files.
BODY = {"requestBody": {"required": True, "content": dict.fromkeys(KINDS, _BINARY)}}
BOOK: dict[int | str, dict[str, Any]] = {200: {"content": {XLSX: _BINARY}}}
TEXT: dict[int | str, dict[str, Any]] = {200: {"content": {CSV: _BINARY}}}

Name = Annotated[
    str,
    Query(
        max_length=60,
        pattern=NAME,
        description="what the file is called: the ending says what it is, a CSV's name its sheet",
    ),
]
SheetName = Annotated[
    str | None, Query(max_length=40, description="the sheet a CSV holds, or the only one to read")
]
AsOf = Annotated[date | None, Query(description="day on which division codes must be valid")]


class TooLarge(InputError):
    """A body beyond what a file of the register may have."""

    http_status = 413


async def receive_file(request: Request, principal: Registering, name: Name) -> AsyncIterator[Path]:
    """The body as a file for one request, from somebody who may write the register at all.

    Raises TooLarge `estate.file_large` without reading on.
    """
    too_large = TooLarge("estate.file_large", path=name, maximum=MAX_BYTES >> 20)
    told = request.headers.get("content-length", "")
    if told.isdecimal() and int(told) > MAX_BYTES:
        raise too_large
    with tempfile.TemporaryDirectory(prefix="yunzhang-") as folder:
        path, size = Path(folder) / name, 0
        with path.open("wb") as file:
            async for part in request.stream():
                size += len(part)
                if size > MAX_BYTES:
                    raise too_large
                file.write(part)
        yield path


def make_folder() -> Iterator[Path]:
    """A folder for what is written to be sent; gone once it was."""
    with tempfile.TemporaryDirectory(prefix="yunzhang-") as folder:
        yield Path(folder)


Upload = Annotated[Path, Depends(receive_file)]
Folder = Annotated[Path, Depends(make_folder)]


class AssumedQuery:
    """What another program's file does not say, as a request says it."""

    def __init__(
        self,
        *,
        unit: Code = None,
        tenant: Annotated[
            list[str] | None,
            Query(max_length=1000, description="TENANT=UNIT of the file, repeatable"),
        ] = None,
        domain: Code = None,
        system: Code = None,
        division: Code = None,
    ) -> None:
        self.value = Assumed(
            unit=unit,
            tenants=dict(read_tenant(each) for each in tenant or ()),
            domain=domain,
            system=system,
            division=division,
        )


@router.post("/imports", operation_id="import_file", openapi_extra=BODY, summary="Check a file")
def import_file(
    *,
    path: Upload,
    session: ReadingSession,
    transaction: Writing,
    principal: Registering,
    assumed: Annotated[AssumedQuery, Depends()],
    mode: Annotated[
        Literal["check", "all", "good"],
        Query(description="check: write nothing; all: nothing if any is bad; good: the good rows"),
    ] = "check",
    form: Annotated[
        Literal["auto", "workbook", "rvtools", "netbox", "openstack"],
        Query(alias="format", description="what kind of file it is; auto: as it looks"),
    ] = "auto",
    sheet: SheetName = None,
    as_of: AsOf = None,
) -> FileRead:
    """What each row would do and every fault of the file, or with `mode` import it.

    Workbooks and CSV of the register's template; exports of RVTools, NetBox and OpenStack, of
    which `unit`, `tenant`, `domain`, `system` and `division` tell what they do not say. Sending
    the same file again changes nothing; `earlier` names the import that brought it.
    """
    kept: Mode | None = None if mode == "check" else mode
    told = form if form != "auto" else foreign.detect(path) or "workbook"

    def run(session: Session) -> FileRead:
        if told != "workbook":
            found = foreign.import_foreign(
                session, principal, path, assumed.value, form=told, mode=kept
            )
            return FileRead.of_foreign(found)
        return FileRead.of(_import(session, principal, path, kept, sheet, as_of))

    if kept is None:
        return run(session)
    with transaction() as writing:
        return run(writing)


def _import(
    session: Session,
    principal: Principal,
    path: Path,
    mode: Mode | None,
    sheet: str | None,
    day: date | None,
) -> Any:
    if mode is None:
        return service.check_workbook(session, principal, path, sheet=sheet, day=day)
    return service.import_workbook(session, principal, path, mode, sheet=sheet, day=day)


@router.post(
    "/imports/bad-rows",
    operation_id="make_bad_rows",
    openapi_extra=BODY,
    summary="The bad rows of a file",
    response_class=Response,
    responses=BOOK | {204: {"description": "No row is bad"}},
)
def make_bad_rows(
    *,
    path: Upload,
    folder: Folder,
    session: ReadingSession,
    principal: Registering,
    sheet: SheetName = None,
    as_of: AsOf = None,
) -> Response:
    """A workbook of the rows of a file that are bad, each with what is wrong beside it.

    Corrected, it is imported as it is. Rows that were imported meanwhile are not in it.
    """
    bad = folder / "bad-rows.xlsx"
    service.check_workbook(session, principal, path, sheet=sheet, day=as_of, bad=bad)
    if not bad.exists():
        return Response(status_code=status.HTTP_204_NO_CONTENT)
    return FileResponse(bad, media_type=XLSX, filename=bad.name)


@router.get("/template.xlsx", summary="An empty template", response_class=Response, responses=BOOK)
def get_template(*, folder: Folder, principal: Asking) -> FileResponse:
    """The workbook in which units declare what they have."""
    demand(principal, "read")
    file = folder / "template.xlsx"
    workbook.write_template(file, created=clock.now())
    return FileResponse(file, media_type=XLSX, filename=file.name)


@router.get(
    "/export.xlsx", summary="The register as a workbook", response_class=Response, responses=BOOK
)
def get_export(*, folder: Folder, session: ReadingSession, principal: Asking) -> FileResponse:
    """All that the asker may see, in the template's layout; importing it changes nothing."""
    file = folder / "register.xlsx"
    service.export_workbook(session, principal, file)
    return FileResponse(file, media_type=XLSX, filename=file.name)


@router.get(
    "/export/{noun}.csv", summary="One sheet as CSV", response_class=Response, responses=TEXT
)
def get_export_sheet(
    *,
    noun: Noun,
    folder: Folder,
    session: ReadingSession,
    principal: Asking,
    encoding: Annotated[
        Literal["utf-8", "gb18030"], Query(description="UTF-8 has its mark, for Excel")
    ] = "utf-8",
) -> FileResponse:
    """One sheet of what the asker may see; importing it changes nothing."""
    file, chosen = folder / f"{noun}.csv", "gb18030" if encoding == "gb18030" else "utf-8-sig"
    service.export_sheet(session, principal, noun, file, encoding=chosen)
    return FileResponse(file, media_type=f"{CSV}; charset={encoding}", filename=file.name)
