"""The committed schema is what the code makes."""

from __future__ import annotations

from yunzhang.plans.document import schema
from yunzhang.plans.schema import make_schema


def test_schema_file_is_up_to_date() -> None:
    assert schema() == make_schema(), "write it anew: make schema"
