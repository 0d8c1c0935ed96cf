"""What a run found out about each workload, gathered from what the steps returned.

The facts of a move have this shape, every key optional until its step is done: `disks` (key,
source_sha256, target_sha256, bytes, equal, seconds), `digests_equal`, `stopped_at`,
`guest_seen`, `console_line`, `addresses_seen`, `validated_at`, `seconds` (of downtime).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

Facts = dict[str, Any]


def gather_facts(step: str, made: list[dict[str, Any]], at: datetime) -> dict[str, Facts]:
    """Server key → what this step's result says about it; `at` is when the step was settled."""
    found: dict[str, Facts] = {}
    for item in made:
        server = item["key"].split("/", 1)[0]
        details = item.get("details") or {}
        facts = found.setdefault(server, {})
        if step == "copy_disks" and item["kind"] == "copy":
            facts.setdefault("disks", []).append(
                {
                    "key": item["key"],
                    "source_sha256": details["sha256"],
                    "bytes": details["bytes"],
                    # a copy that was still proven took its time in an earlier run
                    **({} if details.get("reused") else {"seconds": details["seconds"]}),
                }
            )
        elif step == "verify_disks" and item["kind"] == "copy":
            facts.setdefault("disks", []).append(
                {"key": item["key"], "target_sha256": details["sha256"]}
            )
        elif step == "stop_sources":
            # one that was off already has been off for longer than this says
            name = "stopped_at" if item.get("created", True) else "seen_off_at"
            facts[name] = details.get("at") or at.isoformat(timespec="seconds")
        elif step == "validate_targets" and item["kind"] == "server":
            facts.update(
                guest_seen=bool(details.get("console_line")) or not details.get("running", True),
                console_line=details.get("console_line", ""),
                addresses_seen=details.get("addresses", []),
                validated_at=details.get("at") or at.isoformat(timespec="seconds"),
            )
    return found


def merge_facts(before: Facts, found: Facts) -> Facts:
    """Old facts with new ones laid over them; disks are merged by key."""
    merged = {**before, **found}
    disks: dict[str, Facts] = {disk["key"]: dict(disk) for disk in before.get("disks", [])}
    for disk in found.get("disks", []):
        disks.setdefault(disk["key"], {}).update(disk)
    for disk in disks.values():
        if "source_sha256" in disk and "target_sha256" in disk:
            disk["equal"] = disk["source_sha256"] == disk["target_sha256"]
    if disks:
        merged["disks"] = [disks[key] for key in sorted(disks)]
        merged["digests_equal"] = all(disk.get("equal", False) for disk in disks.values())
    if "seen_off_at" in merged:
        merged.setdefault("stopped_at", merged["seen_off_at"])
    if "stopped_at" in merged and "validated_at" in merged:
        span = datetime.fromisoformat(merged["validated_at"]) - datetime.fromisoformat(
            merged["stopped_at"]
        )
        merged["seconds"] = span.total_seconds()
    return merged
