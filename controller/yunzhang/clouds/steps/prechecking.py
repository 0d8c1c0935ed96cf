"""Everything that can be known to go wrong before anything is changed, all at once."""

from __future__ import annotations

from collections.abc import Sequence

from yunzhang.clouds.document import Validation
from yunzhang.clouds.intents import Intent, Made
from yunzhang.clouds.makers.calls import about
from yunzhang.clouds.makers.site import Site
from yunzhang.clouds.makers.sources import OFF, RUNNING, source_server, source_volume
from yunzhang.clouds.observed import server_fingerprint
from yunzhang.clouds.specs import DiskSpec, ServerSpec
from yunzhang.clouds.steps.capacity import capacity_problems
from yunzhang.clouds.steps.needs import quota_problems
from yunzhang.clouds.steps.step import MakingStep, examine
from yunzhang.clouds.survey import survey_cloud
from yunzhang.errors import Conflict, YunzhangError


class PrecheckFailed(Conflict):
    """All that stands against the wave, in `problems`."""

    def __init__(self, problems: Sequence[YunzhangError]) -> None:
        super().__init__(
            "clouds_make.precheck_failed",
            count=len(problems),
            problems="\n".join(f"- {problem.message}" for problem in problems),
        )
        self.problems = tuple(problems)


class Precheck:
    """Reads both clouds; what carries this plan's mark counts as made."""

    name = "precheck"
    changes = False

    def __init__(self, makings: Sequence[MakingStep]) -> None:
        self.makings = makings

    def intend(self, site: Site) -> list[Intent]:
        """Nothing."""
        return []

    def perform(self, site: Site, validation: Validation) -> list[Made]:
        """Raises PrecheckFailed `clouds_make.precheck_failed` with every problem."""
        problems = source_problems(site)
        makers = [maker for making in self.makings for maker in making.makers]
        intents, found = examine(site, makers)
        problems += found
        for check in (quota_problems, capacity_problems):
            try:
                with about("cloud", site.spec.target_cloud, site.spec.target_cloud):
                    problems += check(site, intents)
            except YunzhangError as error:
                problems.append(error)
        if problems:
            raise PrecheckFailed(problems)
        site.report.say("said_precheck", servers=len(site.spec.servers), intents=len(intents))
        return []


def source_problems(site: Site) -> list[YunzhangError]:
    """Sources that are missing, ambiguous, in an odd state, or no longer what was planned."""
    problems: list[YunzhangError] = []
    found: dict[str, ServerSpec] = {}
    for server in site.spec.servers:
        try:
            with about("server", server.source.name, site.spec.source_cloud):
                seen = source_server(site, server.source)
                if seen.status not in (RUNNING, OFF):
                    raise Conflict(
                        "clouds_make.source_state", name=server.source.name, state=seen.status
                    )
                for disk in server.disks:
                    _refuse_disk(site, disk)
            found[str(seen.id)] = server
        except YunzhangError as error:
            problems.append(error)
    return problems + fingerprint_problems(site, found)


def _refuse_disk(site: Site, disk: DiskSpec) -> None:
    """Raise Conflict `clouds_make.source_disk` for a volume that cannot be copied."""
    if disk.source_volume is None:
        return
    volume = source_volume(site, disk.source_volume)
    if volume.is_encrypted or volume.is_multiattach:
        raise Conflict("clouds_make.source_disk", name=disk.source_volume.name)


def fingerprint_problems(site: Site, found: dict[str, ServerSpec]) -> list[YunzhangError]:
    """Sources that were changed since the plan was made. `found`: by identifier in the source."""
    if not found:
        return []
    try:
        with about("cloud", site.spec.source_cloud, site.spec.source_cloud):
            seen = survey_cloud(site.spec.source_cloud)
    except YunzhangError as error:
        return [error]
    prints = {s.id: server_fingerprint(s, seen) for s in seen.servers if s.id in found}
    return [
        Conflict("clouds_make.source_changed", name=server.source.name)
        for identifier, server in found.items()
        if prints.get(identifier) != server.fingerprint
    ]
