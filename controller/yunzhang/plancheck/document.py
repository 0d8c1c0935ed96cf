"""The whole check of a plan document."""

from __future__ import annotations

import hashlib
from typing import Any

import rfc8785
from jsonschema import Draft202012Validator

from yunzhang.plancheck.addresses import check_addresses
from yunzhang.plancheck.build import check_build
from yunzhang.plancheck.faults import Fault

UNSIGNED = frozenset({"approvals", "hash"})


def check_document(document: Any, schema: dict[str, Any]) -> list[Fault]:
    """Every fault of a plan document against its JSON schema and the rules; none: it is sound.

    A document that breaks the schema is checked no further, for its parts may be missing.
    """
    validator = Draft202012Validator(schema)
    broken = sorted(validator.iter_errors(document), key=lambda e: list(map(str, e.absolute_path)))
    if broken:
        return [
            Fault("plancheck.schema", error.json_path, {"reason": error.message[:300]})
            for error in broken
        ]
    faults = []
    signed = {key: value for key, value in document.items() if key not in UNSIGNED}
    digest = hashlib.sha256(rfc8785.dumps(signed)).hexdigest()
    if document["hash"] != digest:
        faults.append(Fault("plancheck.hash", "hash", {"said": document["hash"], "is": digest}))
    try:
        faults += list(check_addresses(document))
        faults += list(check_build(document))
    except ValueError as error:  # not an address at all
        faults.append(Fault("plancheck.address_bad", "address_book", {"reason": str(error)}))
    return faults
