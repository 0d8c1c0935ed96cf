"""What is asked for and told at institutional reforms."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from yunzhang.estate.endpoints import Noun
from yunzhang.estate.items.schemas import Body, Line, Reason

Code = Annotated[Line, StringConstraints(min_length=1, max_length=64)]
Name = Annotated[Line, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]


class Reform(Body):
    """What all of them say: why, e.g. by which document, and whether only to check."""

    reason: Reason = ""
    dry_run: bool = False


class RenameWrite(Reform):
    """A unit's new name; the old one becomes an alias."""

    unit: Code
    name: Name


class MergeWrite(Reform):
    """Units that end, and the one that takes all they have."""

    units: list[Code] = Field(min_length=1, max_length=500)
    into: Code


class Movable(Body):
    """A thing with a unit of its own."""

    noun: Noun
    code: Code


class MoveWrite(Reform):
    """Things that another unit takes over, with what belongs to them."""

    items: list[Movable] = Field(min_length=1, max_length=1_000)
    into: Code


class HandOverWrite(Reform):
    """Who gives all responsibilities to whom, from `day` on (today)."""

    giver: Code
    taker: Code
    day: date | None = None


class EraseWrite(Reform):
    """A person whose name and phone number are forgotten."""

    person: Code


class ReformRead(BaseModel):
    """What changed, or would change: rows by sheet key."""

    dry_run: bool
    counts: dict[str, int]
