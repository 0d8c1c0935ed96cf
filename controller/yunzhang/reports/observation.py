"""Looks at the clouds for a report: what the units' projects use, and what should not be there.

Apart from the gathering of the report, because clouds may be slow or away: what cannot be read is
said in the report and does not keep it from being printed.
"""

from __future__ import annotations

from collections.abc import Iterable

from yunzhang import clock
from yunzhang.clouds.leftovers import Leftover, find_leftovers
from yunzhang.clouds.usage import ProjectUsage, project_usage
from yunzhang.db import Session
from yunzhang.errors import NotFound, YunzhangError
from yunzhang.moves import repository as moves
from yunzhang.moves import service
from yunzhang.moves.execution import wave_spec
from yunzhang.reports.schemas import Observation
from yunzhang.units.scope import Principal, demand

# A project may carry the mark because a person allowed the plan to use it.
NEVER_LEFT = frozenset({"project"})


def observe_run(session: Session, principal: Principal, plan: str, number: int) -> Observation:
    """Read the usage of the wave's projects, and marked objects nobody recorded, from the clouds.

    Raises only what the database does; faults of clouds are among the result's.
    """
    demand(principal, "read")
    wave, version = service.get_wave(session, plan, number)
    spec = wave_spec(session, wave)
    known = {
        row.external_id
        for row in moves.objects_of_version(session, version.id)
        if row.external_id and row.undone_at is None
    }
    for other in moves.waves_of(session, version.id):
        for step in moves.steps_of(session, other.id):
            known.update(made["id"] for made in (step.result or {}).get("made", []))
    seen = Observation(at=clock.now())
    names = sorted({project.name for project in spec.projects})
    seen.usages = _usages(spec.target_cloud, names, seen.faults)
    for cloud in (spec.source_cloud, spec.target_cloud):
        seen.leftovers += [f"{cloud} {told}" for told in _left(cloud, spec.mark, known, seen)]
    return seen


def _usages(cloud: str, names: Iterable[str], faults: list[str]) -> list[ProjectUsage]:
    found: list[ProjectUsage] = []
    for name in names:
        try:
            found += project_usage(cloud, [name])
        except NotFound as error:  # rolled back, or not made yet
            faults.append(str(error))
        except YunzhangError as error:
            faults.append(str(error))
            break
    return found


def _left(cloud: str, mark: str, known: set[str], seen: Observation) -> list[str]:
    try:
        marked = find_leftovers(cloud, mark)
    except YunzhangError as error:
        seen.faults.append(str(error))
        return []
    return [_told(thing) for thing in marked if _is_left(thing, known)]


def _is_left(thing: Leftover, known: set[str]) -> bool:
    return thing.kind not in NEVER_LEFT and thing.id not in known


def _told(thing: Leftover) -> str:
    return f"{thing.kind} {thing.name} {thing.id}".replace("  ", " ")
