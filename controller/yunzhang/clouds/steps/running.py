"""Runs one step for the playbooks' module: plan in, plain result out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from yunzhang import texts
from yunzhang.clouds.document import Validation, load_build
from yunzhang.clouds.intents import Intent
from yunzhang.clouds.makers.calls import about
from yunzhang.clouds.makers.report import Report, thing
from yunzhang.clouds.makers.site import open_site
from yunzhang.clouds.specs import CloudSpec
from yunzhang.clouds.steps import STEPS, roll_back
from yunzhang.clouds.steps.messages import pass_on
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


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be run: the step, on which part of which plan, and where it is recorded.

    `check`: only say what would be done.
    """

    step: str
    plan: Path
    wave: int | None = None
    servers: tuple[str, ...] = ()
    record: Path | None = None
    check: bool = False


def run(order: Order) -> Result:
    """Run a step of a wave, or only intend it. Errors are given in the result.

    Keys: changed, made, undone, messages, intents; on failure also failed, code, msg, hint,
    problems.
    """
    report = Report(on_message=pass_on)
    result: Result = {"changed": False, "intents": [], "undone": []}
    try:
        spec, validation = load_build(order.plan, order.wave)
        if order.servers:
            spec = spec.for_servers(_known(spec, order.servers))
        with about("cloud", "", f"{spec.source_cloud}、{spec.target_cloud}"):
            if order.step == "roll_back":
                result |= _roll_back(order, spec, report)
            else:
                result |= _perform(order, spec, validation, report)
    except YunzhangError as error:
        result |= {"failed": True, **_told(error)}
        result["problems"] = [_told(problem) for problem in getattr(error, "problems", ())]
    made = [made.model_dump(mode="json") for made in report.made]
    result["changed"] = result["changed"] or any(item["created"] for item in made)
    return result | {"made": made, "messages": report.messages}


def _told(error: YunzhangError) -> Result:
    return {"code": error.code, "msg": error.message, "hint": error.hint}


def _perform(order: Order, spec: CloudSpec, validation: Validation, report: Report) -> Result:
    if order.step not in STEPS:
        raise NotFound("clouds_make.no_step", step=order.step, known=texts.listed(STEPS))
    step, record = STEPS[order.step], order.record
    intents: list[Intent] = []
    if order.check or record:
        intents = step.intend(open_site(spec))
    if order.check and step.changes:
        return {"intents": _dumped(intents), "changed": bool(intents)}
    if record and not order.check:
        append(record, "intent", intents)
        report.on_made = lambda made: append(record, "made", [made])
    step.perform(open_site(spec, report), validation)
    return {"intents": _dumped(intents)}


def _roll_back(order: Order, spec: CloudSpec, report: Report) -> Result:
    if order.record is None:
        raise NotFound("clouds_make.no_record", path="-")
    intents = read_intents(order.record)
    if order.check:
        return {"intents": _dumped(intents), "changed": bool(intents)}
    undone = roll_back(open_site(spec, report), intents)
    return {
        "intents": _dumped(intents),
        "undone": [asdict(item) for item in undone],
        "changed": any(item.outcome == "undone" for item in undone),
    }


def _dumped(intents: list[Intent]) -> list[dict[str, Any]]:
    return [intent.model_dump(mode="json") for intent in intents]


def _known(spec: CloudSpec, servers: tuple[str, ...]) -> frozenset[str]:
    """Raises NotFound `clouds_make.no_key` for a key the wave does not have."""
    known = {server.key for server in spec.servers}
    for key in servers:
        if key not in known:
            raise NotFound("clouds_make.no_key", thing=thing("server", key))
    return frozenset(servers)
