"""The report of a run: gathered from the records of one wave, then worded as one HTML page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from yunzhang import audit, clock
from yunzhang.access import repository as accounts
from yunzhang.clouds.specs import CloudSpec, DiskSpec, ServerSpec
from yunzhang.db import Session
from yunzhang.moves import repository as moves
from yunzhang.moves import service
from yunzhang.moves.execution import wave_spec
from yunzhang.moves.models import CloudObject, Move, Step
from yunzhang.plans import service as plans
from yunzhang.plans.models import PlanVersion
from yunzhang.reports import repository
from yunzhang.reports.page import render_page
from yunzhang.reports.schemas import (
    Approval,
    AuditHead,
    DiskProof,
    Holding,
    MovedServer,
    MoveFacts,
    Observation,
    Reference,
    Remaining,
    RunReport,
    StepTime,
)
from yunzhang.reports.totals import totals_by_city, totals_by_unit
from yunzhang.texts import Language
from yunzhang.units.scope import Principal, demand

# Not printable: a console may say anything.
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")
VERIFY, VALIDATE, TIDY = "verify_disks", "validate_targets", "tidy"


def render_run(report: RunReport, language: Language) -> str:
    """The report as one self-contained, printable HTML page."""
    return render_page(report, language)


def gather_run(
    session: Session,
    principal: Principal,
    plan: str,
    number: int,
    observation: Observation | None = None,
) -> RunReport:
    """What wave `number` of the newest version of `plan` did, as recorded; no cloud is asked.

    `observation` is what `observe_run` saw. Raises NotFound `plans.unknown`, `moves.unknown`.
    """
    demand(principal, "read")
    wave, version = service.get_wave(session, plan, number)
    spec = wave_spec(session, wave)
    steps = moves.steps_of(session, wave.id)
    rows = moves.moves_of(session, wave.id)
    objects = [o for o in moves.objects_of_version(session, version.id) if o.wave_id == wave.id]
    done = frozenset(step.name for step in steps if step.state == "done")
    seen = observation
    return RunReport(
        plan=version.name,
        version=version.number,
        hash=version.hash,
        plan_state=version.state,
        created_at=version.created_at,
        created_by=version.created_by,
        approvals=_approvals(session, version),
        source_cloud=spec.source_cloud,
        target_cloud=spec.target_cloud,
        wave=wave.number,
        wave_name=wave.name,
        wave_state=wave.state,
        runs=wave.runs,
        started_at=wave.started_at,
        finished_at=wave.finished_at,
        fault=printable(wave.fault),
        steps=[_step_time(step) for step in steps],
        moves=_moved(version, spec, rows, done),
        temporaries=[] if TIDY in done else _remaining(objects, "temporary"),
        sources=_remaining(objects, "source_power"),
        observed_at=seen.at if seen else None,
        leftovers=seen.leftovers if seen else [],
        observation_faults=seen.faults if seen else [],
        references=_references(version),
        holdings=_holdings(session, version, spec, rows, seen),
        cities=totals_by_city(session, principal),
        units=totals_by_unit(session, principal),
        made_at=clock.now(),
        made_by=principal.name,
        audit_head=_audit_head(session),
    )


def _audit_head(session: Session) -> AuditHead | None:
    head = audit.head(session)
    return AuditHead(number=head.number, at=head.at, digest=head.digest) if head else None


def printable(told: str) -> str:
    """`told` without control characters and escape sequences."""
    return CONTROL.sub("", told)


def _approvals(session: Session, version: PlanVersion) -> list[Approval]:
    names = {account.name: account.display_name for account in accounts.list_accounts(session)}
    return [
        Approval(
            account=signature.account,
            display_name=names.get(signature.account, ""),
            role=signature.role,
            hash=signature.hash,
            at=signature.at,
        )
        for signature in plans.signatures(session, version)
    ]


def _step_time(step: Step) -> StepTime:
    begun, ended = step.started_at, step.finished_at
    return StepTime(
        name=step.name,
        state=step.state,
        tries=step.tries,
        started_at=begun,
        finished_at=ended,
        seconds=_between(begun, ended) if step.state not in ("running", "pending") else None,
        fault=printable(step.fault),
    )


def _between(begun: datetime | None, ended: datetime | None) -> float | None:
    return max((ended - begun).total_seconds(), 0.0) if begun and ended else None


def _moved(
    version: PlanVersion, spec: CloudSpec, rows: Sequence[Move], done: frozenset[str]
) -> list[MovedServer]:
    servers = {server.key: server for server in spec.servers}
    flavors = {flavor.key: flavor for flavor in spec.flavors}
    declared = {workload["key"]: workload for workload in version.content["workloads"]}
    found = []
    for row in rows:
        server, facts = servers[row.server], MoveFacts.model_validate(row.facts or {})
        flavor = flavors[server.flavor]
        proofs = [_proof(disk, facts) for disk in server.disks]
        found.append(
            MovedServer(
                server=row.server,
                name=server.name,
                unit=row.unit,
                unit_name=declared[row.server]["unit_name"],
                system=declared[row.server]["system"],
                project=server.project,
                state=row.state,
                flavor=flavor.name,
                vcpus=flavor.vcpus,
                ram_mib=flavor.ram_mib,
                old_addresses=[a for nic in server.nics for a in nic.old_addresses],
                new_addresses=[a for nic in server.nics for _, a in nic.addresses],
                disks=proofs,
                digests_equal=_all_equal(proofs),
                disks_checked=True if VERIFY in done else None,
                placed=_placed(server, facts, done),
                guest_seen=facts.guest_seen,
                console_line=printable(facts.console_line),
                addresses_seen=facts.addresses_seen,
                source_state=facts.source_state,
                stopped_at=facts.stopped_at,
                validated_at=facts.validated_at,
                seconds=facts.seconds,
            )
        )
    return found


def _proof(disk: DiskSpec, facts: MoveFacts) -> DiskProof:
    read = next((d for d in facts.disks if d.get("key") == disk.key), {})
    planned = disk.model_dump(include={"key", "device", "size_gib", "volume_type", "bootable"})
    proof = DiskProof.model_validate({**planned, "boot_index": disk.boot_index, **read})
    # judged here from the digests themselves; one reading alone proves nothing either way
    if proof.source_sha256 and proof.target_sha256:
        proof.equal = proof.source_sha256 == proof.target_sha256
    else:
        proof.equal = None
    return proof


def _all_equal(proofs: Sequence[DiskProof]) -> bool | None:
    """False when any disk differs, True when every planned disk was read twice and agrees."""
    if any(proof.equal is False for proof in proofs):
        return False
    return True if proofs and all(proof.equal for proof in proofs) else None


def _placed(server: ServerSpec, facts: MoveFacts, done: frozenset[str]) -> bool | None:
    """Whether the target was seen at its addresses, with its disks in the source's order.

    The step refuses anything else, so that it ended says it; addresses that were noted are
    compared once more.
    """
    if VALIDATE not in done:
        return None
    planned = {address for nic in server.nics for _, address in nic.addresses}
    return not facts.addresses_seen or planned <= set(facts.addresses_seen)


def _remaining(objects: Sequence[CloudObject], kind: str) -> list[Remaining]:
    return [
        Remaining(cloud=o.cloud, kind=o.kind, key=o.key, name=o.name, project=o.project)
        for o in objects
        if o.kind == kind and o.undone_at is None and (kind == "temporary" or o.made_at)
    ]


def _references(version: PlanVersion) -> list[Reference]:
    book: list[dict[str, Any]] = version.content["address_book"]["references"]
    return [Reference.model_validate(r) for r in book if r["state"] != "rewritten"]


def _holdings(
    session: Session,
    version: PlanVersion,
    spec: CloudSpec,
    rows: Sequence[Move],
    seen: Observation | None,
) -> list[Holding]:
    names = {w["unit"]: w["unit_name"] for w in version.content["workloads"]}
    project_names = {project.key: project.name for project in spec.projects}
    project_of = {server.key: project_names[server.project] for server in spec.servers}
    projects: dict[str, set[str]] = {}
    for row in rows:
        projects.setdefault(row.unit, set()).add(project_of[row.server])
    amounts = repository.ledger_of_units(session, spec.target_cloud, sorted(projects))

    def of(unit: str, state: str) -> dict[str, int]:
        return {c: n for (u, s, c), n in sorted(amounts.items()) if (u, s) == (unit, state)}

    return [
        Holding(
            unit=unit,
            unit_name=names.get(unit, unit),
            held=of(unit, "held"),
            committed=of(unit, "committed"),
            projects=sorted(own),
            observed=[u for u in (seen.usages if seen else []) if u.name in own],
        )
        for unit, own in sorted(projects.items())
    ]
