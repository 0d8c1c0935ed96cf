"""What is told about units."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, ConfigDict


class UnitRead(BaseModel):
    """A unit as declared."""

    model_config = ConfigDict(from_attributes=True)

    code: str
    name: str
    aliases: list[str]
    uscc: str | None
    division_code: str
    level: str
    kind: str | None
    parent_code: str | None
    valid_to: date | None
    replaced_by: str | None
    note: str
    state: str
    revision: int


class PersonRead(BaseModel):
    """Somebody who answers for something; the phone number is masked."""

    model_config = ConfigDict(from_attributes=True)

    code: str
    name: str
    unit_code: str
    phone: str
    note: str
    state: str
    revision: int
