"""Things of the register as JSON: typed models made from the sheets' columns, and their cells.

What the API takes goes through the same readers, rules and writer as a workbook: a record becomes
a row of cells, so that nothing is true of one way in that is not true of the other.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from yunzhang.estate.workbooks.columns import LISTS, Column, Sheet
from yunzhang.estate.workbooks.files import RawFile, RawSheet
from yunzhang.estate.workbooks.values import cell_value

Record = Mapping[str, Any]

# JSON types of the kinds of columns that are neither lists nor choices; all others are texts.
TYPES: Mapping[str, Any] = {
    "yesno": bool,
    "date": date,
    **dict.fromkeys(("integer", "year", "mlps", "money", "bandwidth"), int),
}


class RecordModel(BaseModel):
    """Base of the models of what is written; a name that is no column is refused."""

    model_config = ConfigDict(extra="forbid")


def _type_of(sheet: Sheet, column: Column) -> Any:
    if column.kind in LISTS:
        return list[str]
    if column.kind == "choice":
        return Literal[tuple(column.choices)]
    return TYPES.get(column.kind, str)


def _describe(column: Column) -> str:
    told = [column.header, column.help] if column.help else [column.header]
    return "；".join(told)


def write_model(sheet: Sheet) -> type[RecordModel]:
    """The model of a whole record: required columns must be there."""
    fields: dict[str, Any] = {}
    for column in sheet.columns:
        kind, about = _type_of(sheet, column), _describe(column)
        if column.required:
            fields[column.key] = (kind, Field(description=about))
        else:
            fields[column.key] = (kind | None, Field(None, description=about))
    return create_model(f"{sheet.key.title()}Write", __base__=RecordModel, **fields)


def change_model(sheet: Sheet) -> type[RecordModel]:
    """The model of a change: any columns; those not named stay, null empties one."""
    fields: dict[str, Any] = {
        column.key: (_type_of(sheet, column) | None, Field(None, description=_describe(column)))
        for column in sheet.columns
    }
    return create_model(f"{sheet.key.title()}Change", __base__=RecordModel, **fields)


def given(model: RecordModel) -> dict[str, Any]:
    """What the sender named, and nothing it did not."""
    return model.model_dump(exclude_unset=True)


def whole_record(sheet: Sheet, stored: Mapping[str, Any]) -> dict[str, Any]:
    """A stored row as a record. Classified things are never stored."""
    known = {column.key: stored[column.key] for column in sheet.columns if column.key in stored}
    return known | ({"classified": False} if "classified" in sheet.by_key else {})


def as_file(sheet: Sheet, records: Sequence[Record], name: str) -> RawFile:
    """Records as a file of one sheet; row 1 has the columns' keys, record n is row n + 2.

    All records get all columns that one of them names.
    """
    named = {key for record in records for key in record}
    columns = [column for column in sheet.columns if column.key in named or column.required]
    rows = [[column.key for column in columns], *_cells(columns, records)]
    digest = hashlib.sha256(json.dumps([sheet.key, rows], ensure_ascii=False).encode()).hexdigest()
    return RawFile(name, digest, [RawSheet(sheet.title, rows)])


def _cells(columns: Sequence[Column], records: Iterable[Record]) -> list[list[Any]]:
    return [
        ["" if (cell := _cell(column, record)) is None else cell for column in columns]
        for record in records
    ]


def _cell(column: Column, record: Record) -> Any:
    value = record.get(column.key)
    return None if value is None else cell_value(column, value)
