"""The committed schema is what the code makes."""

from __future__ import annotations

from pathlib import Path

from yunzhang.plancheck import check_document
from yunzhang.plans.document import read_document, schema
from yunzhang.plans.schema import make_schema


def test_schema_file_is_up_to_date() -> None:
    assert schema() == make_schema(), "write it anew: make schema"


def test_committed_plans_are_sound_and_carry_no_identifiers() -> None:
    files = sorted((Path(__file__).resolve().parents[3] / "migrations_plans").glob("*.yml"))
    assert files
    for file in files:
        document = read_document(file)
        assert check_document(document, schema()) == [], file.name
        assert {server["source"]["id"] for server in document["build"]["servers"]} == {None}
