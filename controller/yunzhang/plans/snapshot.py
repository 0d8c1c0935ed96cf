"""What a plan is made from: the register's part and what was seen in both clouds."""

from __future__ import annotations

from dataclasses import dataclass

from yunzhang import texts
from yunzhang.clouds.observed import ObservedServer, Survey
from yunzhang.errors import InputError


@dataclass(frozen=True, slots=True)
class Registered:
    """A workload as a unit declared it; `name` and `project` are those in its cloud."""

    key: str
    unit: str
    unit_name: str
    system: str
    project: str
    name: str
    domain: str
    revision: int = 1


@dataclass(frozen=True, slots=True)
class Policy:
    """What the planner may decide: target address pools, size of waves, console patterns."""

    pools: tuple[str, ...]
    wave_limit: int = 20
    external_network: str = "public"
    console_patterns: tuple[str, ...] = ("login:", "READY")
    console_timeout_seconds: int = 180


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything the plan depends on, frozen at one moment."""

    name: str
    workloads: tuple[Registered, ...]
    hard: tuple[tuple[str, str], ...]
    soft: tuple[tuple[str, str], ...]
    prefixes: tuple[tuple[str, str], ...]  # (domain, CIDR) of the register
    source: Survey
    source_run: int
    target: Survey
    target_run: int
    ledger: dict[str, tuple[int, int]]  # class → (capacity, held + committed)
    policy: Policy

    def servers(self) -> dict[str, ObservedServer]:
        """Workload key → the server of the source cloud it is.

        Raises InputError `plans.unmatched` when a workload's project and name fit no server or
        more than one: then a person has to say which.
        """
        names = {project.id: project.name for project in self.source.projects}
        seen: dict[tuple[str, str], list[ObservedServer]] = {}
        for server in self.source.servers:
            seen.setdefault((names.get(server.project_id, ""), server.name), []).append(server)
        found, wrong = {}, []
        for workload in self.workloads:
            matches = seen.get((workload.project, workload.name), [])
            if len(matches) == 1:
                found[workload.key] = matches[0]
            else:
                wrong.append(
                    f"{workload.key}（{workload.project}/{workload.name}：{len(matches)}）"
                )
        if wrong:
            raise InputError(
                "plans.unmatched", cloud=self.source.cloud, workloads=texts.listed(wrong)
            )
        return found
