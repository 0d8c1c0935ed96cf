"""What is told about units."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import BaseModel, ConfigDict


class RecordedFields(BaseModel):
    """What is told of everything that units declare.

    `uid` outlives renames and mergers. `data_quality`: 0 to 100, None: not measured yet.
    """

    model_config = ConfigDict(from_attributes=True)

    uid: str
    state: str
    revision: int
    data_quality: int | None
    batch_id: int | None
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str
    note: str


class UnitRead(RecordedFields):
    """A unit as declared."""

    code: str
    name: str
    aliases: list[str]
    uscc: str | None
    division_code: str
    level: str
    kind: str | None
    parent_code: str | None
    valid_from: date | None
    valid_to: date | None
    replaced_by: str | None


class PersonRead(RecordedFields):
    """Somebody who answers for something; the phone number is masked."""

    code: str
    name: str
    unit_code: str
    phone: str
