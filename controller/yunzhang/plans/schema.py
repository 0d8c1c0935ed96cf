"""Makes the JSON schema of plan documents; `migrations_plans/schema/plan.json` is its output."""

from __future__ import annotations

from typing import Any

from yunzhang.clouds.specs import CloudSpec
from yunzhang.plans.builder import SCHEMA

TEXT = {"type": "string"}
COUNT = {"type": "integer", "minimum": 0}
HASH = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
PAIRS = {
    "type": "array",
    "items": {"type": "array", "items": TEXT, "minItems": 2, "maxItems": 2},
}
AMOUNTS = {"type": "object", "additionalProperties": COUNT}


def _record(**fields: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }


def _list(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": item}


def _address_book() -> dict[str, Any]:
    return _record(
        pools=_list(TEXT),
        prefixes=_list(_record(domain=TEXT, old=TEXT, new=TEXT)),
        addresses=_list(
            _record(
                domain=TEXT,
                old=TEXT,
                new=TEXT,
                use={"enum": ["server", "gateway", "dns", "nexthop"]},
                of=TEXT,
            )
        ),
        references=_list(
            _record(
                place=TEXT,
                domain=TEXT,
                old=TEXT,
                new=_list(TEXT),
                state={"enum": ["rewritten", "widened", "outside"]},
            )
        ),
    )


def _fit() -> dict[str, Any]:
    misfit = _record(
        place={"enum": ["quota", "capacity", "ledger"]},
        name=TEXT,
        resource=TEXT,
        limit=COUNT,
        used=COUNT,
        need=COUNT,
    )
    return _record(need=AMOUNTS, misfits=_list(misfit))


def make_schema() -> dict[str, Any]:
    """The JSON schema (2020-12) of a plan document."""
    build = CloudSpec.model_json_schema(mode="serialization", ref_template="#/$defs/{model}")
    definitions = build.pop("$defs")
    definitions["CloudSpec"] = build
    read = _record(cloud=TEXT, run=COUNT)
    wave = _record(number={"type": "integer", "minimum": 1}, name=TEXT, groups=_list(TEXT))
    wave["properties"]["servers"] = {**_list(TEXT), "minItems": 1}
    wave["required"].append("servers")
    document = _record(
        schema={"const": SCHEMA},
        id={"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,39}$"},
        created_at={"type": "string"},
        created_by=TEXT,
        based_on=_record(
            source=read,
            target=read,
            register={"type": "object", "additionalProperties": {"type": "integer"}},
        ),
        workloads=_list(_record(key=TEXT, unit=TEXT, unit_name=TEXT, system=TEXT, domain=TEXT)),
        dependencies=_record(hard=PAIRS, soft=PAIRS),
        address_book=_address_book(),
        groups=_list(_record(key=TEXT, members=_list(TEXT), reasons=PAIRS)),
        waves=_list(wave),
        holds=_list(_record(server=TEXT, unit=TEXT, amounts=AMOUNTS)),
        fit=_fit(),
        validation=_record(
            console_patterns=_list(TEXT),
            console_timeout_seconds={"type": "integer", "minimum": 1},
        ),
        build={"$ref": "#/$defs/CloudSpec"},
        hash=HASH,
        approvals=_list(_record(account=TEXT, role=TEXT, hash=HASH, at=TEXT)),
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Yunzhang migration plan",
        **document,
        "$defs": definitions,
    }


if __name__ == "__main__":
    import json
    import sys

    sys.stdout.write(json.dumps(make_schema(), ensure_ascii=False, indent=1) + "\n")
