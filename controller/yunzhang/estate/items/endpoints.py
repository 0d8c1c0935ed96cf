"""Single things of the register over HTTP: the same routes for every noun."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import GenericAlias
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Response, status
from pydantic import BaseModel, Field, create_model

from yunzhang.access.dependencies import Asking, ReadingSession, Registering, Writing
from yunzhang.errors import InputError
from yunzhang.estate import service
from yunzhang.estate.items import editing
from yunzhang.estate.items.records import RecordModel, change_model, given, write_model
from yunzhang.estate.items.schemas import BulkRead
from yunzhang.estate.workbooks.sheets import BY_KEY, Sheet

Endpoint = Callable[..., Any]

router = APIRouter(prefix="/estate", tags=["estate"])

_TAG = re.compile(r'(?:W/)?"(\d{1,15})"')
IfMatch = Annotated[
    str | None, Header(alias="If-Match", description="the ETag the thing was read with")
]


class Unconditional(InputError):
    """A write that does not say which state of the thing it was made for."""

    http_status = 428


def read_tag(header: str | None) -> int:
    """The revision an If-Match names. Raises Unconditional `item.tag_missing` or InputError
    `item.tag_bad`.
    """
    if header is None:
        raise Unconditional("item.tag_missing")
    match = _TAG.fullmatch(header.strip())
    if match is None:
        raise InputError("item.tag_bad", tag=header[:40])
    return int(match[1])


def tagged(response: Response, item: Any) -> Any:
    """The thing, with the ETag of its state."""
    response.headers["ETag"] = f'"{item.revision}"'
    return item


def _typed(endpoint: Endpoint, **models: Any) -> Endpoint:
    """Give parameters of an endpoint the models that are made per noun."""
    endpoint.__annotations__.update(models)
    return endpoint


def _reader(sheet: Sheet) -> Endpoint:
    def read(*, key: str, session: ReadingSession, principal: Asking, response: Response) -> Any:
        parsed = editing.parse_key(sheet, key)
        return tagged(response, editing.read_item(session, principal, sheet, parsed))

    return read


def _creator(sheet: Sheet) -> Endpoint:
    def create(
        *, record: RecordModel, transaction: Writing, principal: Registering, response: Response
    ) -> Any:
        with transaction() as session:
            item = editing.create_item(session, principal, sheet, given(record))
        return tagged(response, item)

    return _typed(create, record=write_model(sheet))


def _changer(sheet: Sheet, model: type[RecordModel]) -> Endpoint:
    def change(
        *,
        key: str,
        changes: RecordModel,
        transaction: Writing,
        principal: Registering,
        response: Response,
        tag: IfMatch = None,
    ) -> Any:
        revision, parsed = read_tag(tag), editing.parse_key(sheet, key)
        with transaction() as session:
            item = editing.change_item(session, principal, sheet, parsed, given(changes), revision)
        return tagged(response, item)

    return _typed(change, changes=model)


def _remover(sheet: Sheet) -> Endpoint:
    def remove(
        *, key: str, transaction: Writing, principal: Registering, tag: IfMatch = None
    ) -> None:
        revision, parsed = read_tag(tag), editing.parse_key(sheet, key)
        with transaction() as session:
            editing.remove_item(session, principal, sheet, parsed, revision)

    return remove


class Bulk(BaseModel):
    """Many records: whole new ones, or of known ones what changes; the rules tell what lacks."""

    items: Any
    mode: Literal["check", "all", "good"] = Field(
        "check", description="check: write nothing; all: nothing if any is bad; good: the good"
    )


def _bulk(sheet: Sheet, model: type[RecordModel]) -> Endpoint:
    def bulk(*, body: Bulk, transaction: Writing, principal: Registering) -> BulkRead:
        records = [given(item) for item in body.items]
        mode = None if body.mode == "check" else body.mode
        with transaction() as session:
            report = editing.save_items(session, principal, sheet, records, mode)
        return BulkRead.of(sheet, report)

    many: Any = (GenericAlias(list, (model,)), Field(max_length=editing.MOST))
    return _typed(bulk, body=create_model(f"{sheet.key.title()}Bulk", __base__=Bulk, items=many))


def _add(path: str, method: str, name: str, endpoint: Endpoint, **options: Any) -> None:
    router.add_api_route(path, endpoint, methods=[method], name=name, operation_id=name, **options)


for _noun, _read in service.READS.items():
    _sheet = BY_KEY[_noun]
    _change = change_model(_sheet)
    _one = f"/{_noun}/{{key:path}}"
    _add(f"/{_noun}/bulk", "POST", f"save_{_noun}", _bulk(_sheet, _change), response_model=BulkRead,
         summary=f"Create and change many {_noun} by business key")  # fmt: skip
    _add(f"/{_noun}", "POST", f"create_{_noun}", _creator(_sheet), response_model=_read,
         status_code=status.HTTP_201_CREATED, summary=f"Create one of {_noun}")  # fmt: skip
    _add(_one, "GET", f"get_{_noun}", _reader(_sheet), response_model=_read,
         summary=f"One of {_noun}, by business key")  # fmt: skip
    _add(_one, "PATCH", f"change_{_noun}", _changer(_sheet, _change), response_model=_read,
         summary=f"Change one of {_noun} that is still as it was read")  # fmt: skip
    _add(_one, "DELETE", f"remove_{_noun}", _remover(_sheet),
         status_code=status.HTTP_204_NO_CONTENT,
         summary=f"Remove a draft of {_noun} that nothing names")  # fmt: skip
