"""The plan document: the exact export of a version, in YAML, with its hash and approvals."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from yunzhang.errors import InputError
from yunzhang.kit.canonical import content_hash
from yunzhang.kit.shipped import shipped
from yunzhang.plans.builder import SCHEMA, Builder
from yunzhang.plans.fit import amounts_of, capacity_misfits, quota_misfits, total
from yunzhang.plans.models import PlanVersion, Signature
from yunzhang.plans.snapshot import Snapshot

Document = dict[str, Any]
LARGEST_DOCUMENT = 64 * 1024 * 1024


@cache
def schema() -> dict[str, Any]:
    """The JSON schema of plan documents."""
    file = shipped("migrations_plans/schema") / "plan.json"
    loaded: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return loaded


def make_content(snapshot: Snapshot, created_at: str, created_by: str) -> Document:
    """The whole content of a plan made from `snapshot`; everything but hash and approvals."""
    builder = Builder(snapshot)
    spec = builder.build_spec()
    groups = builder.move_groups()
    flavors = {flavor.key: flavor for flavor in spec.flavors}
    amounts = {server.key: amounts_of(server, flavors) for server in spec.servers}
    need = total(list(amounts.values()))
    misfits = quota_misfits(spec, snapshot.target) + capacity_misfits(snapshot, need)
    declared = builder.declared
    return {
        "schema": SCHEMA,
        "id": snapshot.name,
        "created_at": created_at,
        "created_by": created_by,
        "based_on": {
            "source": {"cloud": snapshot.source.cloud, "run": snapshot.source_run},
            "target": {"cloud": snapshot.target.cloud, "run": snapshot.target_run},
            "register": {w.key: w.revision for w in snapshot.workloads},
        },
        "workloads": [
            {
                "key": key,
                "unit": declared[key].unit,
                "unit_name": declared[key].unit_name,
                "system": declared[key].system,
                "domain": declared[key].domain,
            }
            for key in sorted(declared)
        ],
        "dependencies": {
            "hard": [list(pair) for pair in sorted(snapshot.hard)],
            "soft": [list(pair) for pair in sorted(snapshot.soft)],
        },
        "address_book": {
            "pools": list(snapshot.policy.pools),
            "prefixes": [
                {"domain": domain, "old": old, "new": new}
                for (domain, old), new in sorted(builder.prefixes.items())
            ],
            "addresses": builder.address_book(spec),
            "references": _references(builder),
        },
        "groups": [
            {
                "key": group.key,
                "members": list(group.members),
                "reasons": [list(reason) for reason in group.reasons],
            }
            for group in groups
        ],
        "waves": builder.waves(groups),
        "holds": [
            {"server": key, "unit": declared[key].unit, "amounts": amounts[key]}
            for key in sorted(amounts)
        ],
        "fit": {
            "need": need,
            "misfits": [
                {
                    "place": m.place,
                    "name": m.name,
                    "resource": m.resource,
                    "limit": m.limit,
                    "used": m.used,
                    "need": m.need,
                }
                for m in misfits
            ],
        },
        "validation": {
            "console_patterns": list(snapshot.policy.console_patterns),
            "console_timeout_seconds": snapshot.policy.console_timeout_seconds,
        },
        "build": spec.model_dump(mode="json"),
    }


def _references(builder: Builder) -> list[dict[str, object]]:
    unique = {json.dumps(r, sort_keys=True): r for r in builder.translator.references}
    return [unique[key] for key in sorted(unique) if "/nic" not in str(unique[key]["place"])]


def make_document(content: Document, signatures: Sequence[Signature] = ()) -> Document:
    """Content with its hash and approvals."""
    return {
        **content,
        "hash": content_hash(content),
        "approvals": [
            {
                "account": s.account,
                "role": s.role,
                "hash": s.hash,
                "at": s.at.isoformat(timespec="seconds"),
            }
            for s in signatures
        ],
    }


def document_of(version: PlanVersion, signatures: Sequence[Signature]) -> Document:
    """The document of a stored version."""
    return make_document(version.content, signatures)


def portable(document: Document) -> Document:
    """The same plan without the source cloud's identifiers, as new content with a new hash.

    Such a document names its sources by project and name alone, so it also fits a source that was
    built anew.
    """

    def strip(value: Any) -> Any:
        if isinstance(value, list):
            return [strip(item) for item in value]
        if isinstance(value, dict):
            kept = {key: strip(item) for key, item in value.items()}
            if kept.keys() == {"project", "name", "id"}:
                kept["id"] = None
            return kept
        return value

    content = {k: v for k, v in document.items() if k not in ("hash", "approvals")}
    return make_document(strip(content))


def write_document(document: Document, path: Path) -> None:
    """Write a document as YAML, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(path.suffix + ".part")
    with part.open("w", encoding="utf-8") as stream:
        yaml.safe_dump(document, stream, allow_unicode=True, sort_keys=False, width=100)
    part.replace(path)


def read_document(path: Path) -> Document:
    """Read a plan document. Raises InputError `plans.unreadable`."""
    try:
        if path.stat().st_size > LARGEST_DOCUMENT:
            raise InputError("plans.too_large", path=str(path))
        loaded = yaml.load(path.read_text("utf-8"), Loader=_loader())  # noqa: S506 - C safe loader
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError("plans.unreadable", path=str(path), reason=str(error)) from error
    if not isinstance(loaded, dict) or loaded.get("schema") != SCHEMA:
        raise InputError("plans.not_a_plan", path=str(path), schema=SCHEMA)
    return loaded


def _loader() -> Any:
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)
