"""Stable public keys: random UUIDs (RFC 9562, version 4) that the database itself gives."""

from __future__ import annotations

from typing import Any

from sqlalchemy import String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class RandomUid(FunctionElement[str]):
    """A new UUID as 36 characters; as a column's default it fills the rows that were there too."""

    type = String(36)
    name = "random_uid"
    inherit_cache = True


@compiles(RandomUid, "postgresql")
def _postgresql(_element: Any, _compiler: Any, **_options: Any) -> str:
    return "(gen_random_uuid()::text)"


@compiles(RandomUid, "sqlite")
def _sqlite(_element: Any, _compiler: Any, **_options: Any) -> str:
    digits = "lower(hex(randomblob({})))".format
    return (
        f"({digits(4)} || '-' || {digits(2)} || '-4' || substr({digits(2)}, 2) || '-'"
        f" || substr('89ab', 1 + (random() & 3), 1) || substr({digits(2)}, 2)"
        f" || '-' || {digits(6)})"
    )
