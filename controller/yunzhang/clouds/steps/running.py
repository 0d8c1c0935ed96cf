"""Runs one step for the playbooks' module: plan in, plain result out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from yunzhang.clouds.connection import connect
from yunzhang.clouds.document import load_build
from yunzhang.clouds.intents import Intent
from yunzhang.clouds.makers.calls import about
from yunzhang.clouds.makers.report import Report, thing
from yunzhang.clouds.specs import CloudSpec
from yunzhang.clouds.steps import STEPS, roll_back
from yunzhang.clouds.steps.record import append, read_intents
from yunzhang.errors import NotFound, YunzhangError

Result = dict[str, Any]


def find_file(named: str, bases: list[str]) -> Path:
    """The file as named, seen from the first of `bases` that has it."""
    path = Path(named).expanduser()
    for base in bases:
        if (Path(base) / path).is_file():
            return (Path(base) / path).resolve()
    return path


def run(
    step: str,
    plan: Path,
    *,
    wave: int | None = None,
    servers: list[str] | None = None,
    record: Path | None = None,
    check: bool = False,
) -> Result:
    """Run a step of a wave (or only intend it: `check`). Errors are given in the result.

    Keys: changed, made, messages, intents; on failure also failed, code, msg, hint, problems.
    """
    report = Report()
    result: Result = {"changed": False, "intents": [], "made": [], "undone": []}
    try:
        spec, validation = load_build(plan, wave)
        if servers:
            spec = spec.for_servers(_known(spec, servers))
        with about("cloud", "", f"{spec.source_cloud}、{spec.target_cloud}"):
            if step == "roll_back":
                _roll_back(spec, record, report, check, result)
            else:
                _perform(step, spec, validation, record, report, check, result)
    except YunzhangError as error:
        result |= {"failed": True, "code": error.code, "msg": error.message, "hint": error.hint}
        result["problems"] = [
            {"code": problem.code, "msg": problem.message, "hint": problem.hint}
            for problem in getattr(error, "problems", ())
        ]
    made = [made.model_dump(mode="json") for made in report.made]
    result["changed"] = result["changed"] or any(item["created"] for item in made)
    return result | {"made": made, "messages": report.messages}


def _perform(
    step: str,
    spec: CloudSpec,
    validation: Any,
    record: Path | None,
    report: Report,
    check: bool,
    result: Result,
) -> None:
    if step not in STEPS:
        raise NotFound("clouds_make.no_step", step=step, known="、".join(STEPS))
    working = STEPS[step]
    source, target = connect(spec.source_cloud), connect(spec.target_cloud)
    if check or record:
        intents = working.intend(spec, source, target)
        result["intents"] = _dumped(intents)
        result["changed"] = bool(intents)
        if record and not check:
            append(record, "intent", intents)
            report.on_made = lambda made: append(record, "made", [made])
    if not check or not working.changes:
        result["changed"] = False
        working.perform(spec, source, target, report, validation)


def _roll_back(
    spec: CloudSpec, record: Path | None, report: Report, check: bool, result: Result
) -> None:
    if record is None:
        raise NotFound("clouds_make.no_record", path="")
    intents = read_intents(record)
    result["intents"] = _dumped(intents)
    if check:
        result["changed"] = bool(intents)
        return
    source, target = connect(spec.source_cloud), connect(spec.target_cloud)
    undone = roll_back(spec, source, target, report, intents)
    result["undone"] = [
        {"kind": u.kind, "key": u.key, "outcome": u.outcome, "reason": u.reason} for u in undone
    ]
    result["changed"] = any(u.outcome == "undone" for u in undone)


def _dumped(intents: list[Intent]) -> list[dict[str, Any]]:
    return [intent.model_dump(mode="json") for intent in intents]


def _known(spec: CloudSpec, servers: list[str]) -> frozenset[str]:
    """Raises NotFound `clouds_make.no_key` for a key the wave does not have."""
    known = {server.key for server in spec.servers}
    for key in servers:
        if key not in known:
            raise NotFound("clouds_make.no_key", thing=thing("server", key))
    return frozenset(servers)
