"""Deciding findings: one by one, or all of a filter. Only here may what was seen be declared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from yunzhang import audit, clock, texts
from yunzhang.db import Session, advance
from yunzhang.discovery import finding_repository as repository
from yunzhang.discovery import register
from yunzhang.discovery import repository as readings
from yunzhang.discovery.finding_repository import Filter
from yunzhang.discovery.finding_states import ALLOWED, LEADS_TO, TRANSITIONS, Decision
from yunzhang.discovery.machines import MACHINE_KINDS
from yunzhang.discovery.models import Finding, ObservedItem
from yunzhang.discovery.registering import Registered, Rule, register_machines
from yunzhang.discovery.telling import reasons_of
from yunzhang.errors import Conflict, InputError, NotFound, YunzhangError
from yunzhang.units.scope import Principal, demand, doing, unrestricted

# Accepting what was seen into the register is a person's act, like accepting a wave: the system
# principal may not.
ACT = "accept"
LONGEST_EXCEPTION = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision with its why. `until` for an exception; `match` (declared, observed) for a tie;
    `rule` for a machine in no register.
    """

    decision: Decision
    reason: str = ""
    until: date | None = None
    match: tuple[str, str] | None = None
    rule: Rule | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A finding of a filter that could not be decided so."""

    finding: int
    error: YunzhangError


def get_finding(session: Session, principal: Principal, finding_id: int) -> Finding:
    """A finding. Raises NotFound `discovery.finding_unknown`."""
    demand(principal, "read")
    found = repository.get(session, finding_id)
    if found is None:
        raise NotFound("discovery.finding_unknown", id=finding_id)
    return found


@doing(ACT)
def decide(
    session: Session,
    principal: Principal,
    finding_id: int,
    verdict: Verdict,
    *,
    revision: int | None = None,
) -> Finding:
    """Decide one finding, as seen at `revision` (None: whatever it says now).

    Raises NotFound `discovery.finding_unknown`, InputError for a verdict that is not whole or does
    not fit, Conflict `discovery.finding_changed` when it says something else by now, and what
    `register.accept` raises.
    """
    repository.lock(session)
    row = get_finding(session, principal, finding_id)
    if revision is not None and row.revision != revision:
        raise Conflict("discovery.finding_changed", id=finding_id)
    _check(row, verdict)
    _settle(session, principal, row, verdict, _carry_out(session, principal, row, verdict))
    return row


@doing(ACT)
def register_all(
    session: Session,
    principal: Principal,
    numbers: Sequence[int] | Filter,
    rules: Sequence[Rule],
    reason: str = "",
) -> tuple[list[tuple[Finding, str]], list[Refusal]]:
    """Make workloads of machines in no register, in one import: (finding, code), and refusals.

    `numbers`: findings, or a filter of open ones. Of `rules` the first that fits a machine places
    it. The caller's transaction rolled back makes it a rehearsal. Raises NotFound
    `discovery.finding_unknown` and what `registering.register_machines` does.
    """
    repository.lock(session)
    if isinstance(numbers, Filter):
        rows = list(repository.chosen(session, replace(numbers, kind="observed_only")))
    else:
        rows = [get_finding(session, principal, number) for number in dict.fromkeys(numbers)]
    verdict = Verdict("accept_observed", reason)
    fit, refused = [], []
    for row in rows:
        try:
            _check_registrable(row, verdict)
            fit.append(row)
        except (InputError, Conflict) as error:
            refused.append(Refusal(row.id, error))
    made = register_machines(session, principal, fit, rules)
    refused += [Refusal(number, error) for number, error in made.refused.items()]
    done = []
    for row in fit:
        if row.id in made.codes:
            written = _linked(session, row, made)
            _settle(session, principal, row, verdict, written)
            done.append((row, made.codes[row.id]))
    return done, sorted(refused, key=lambda refusal: refusal.finding)


def _check_registrable(row: Finding, verdict: Verdict) -> None:
    if row.kind != "observed_only":
        raise InputError("discovery.not_registrable", id=row.id)
    _check(row, verdict)


def _linked(session: Session, row: Finding, made: Registered) -> dict[str, Any]:
    """The machine is that workload from now on, as if a person had matched them."""
    code = made.codes[row.id]
    _match(session, row.observed[0], code)
    return {"workload": code, "machine": row.observed[0], "batch": made.batch}


def _settle(
    session: Session,
    principal: Principal,
    row: Finding,
    verdict: Verdict,
    written: dict[str, Any],
) -> None:
    """Write down what was decided and what it changed."""
    before = row.state
    advance(
        session, row, LEADS_TO[verdict.decision], {before: _anywhere(before)},
        decision=verdict.decision, decided_by=principal.name, decided_at=clock.now(),
        decided_fingerprint=row.fingerprint, reason=verdict.reason, until=verdict.until,
        changed_at=clock.now(),
    )  # fmt: skip
    audit.record(
        session, principal, "decide", "finding", str(row.id),
        kind=row.kind, declared=row.declared, observed=row.observed, decision=verdict.decision,
        reason=verdict.reason, until=str(verdict.until or ""), before={"state": before},
        after={"state": row.state}, **written,
    )  # fmt: skip


@doing(ACT)
def decide_all(
    session: Session, principal: Principal, which: Filter, verdict: Verdict
) -> tuple[list[Finding], list[Refusal]]:
    """Decide all findings of a filter, each whole or not at all; those that were and were not.

    The caller's transaction rolled back makes it a rehearsal.
    """
    decided, refused = [], []
    for row in repository.chosen(session, which):
        try:
            with session.begin_nested():
                decided.append(decide(session, principal, row.id, verdict))
        except (InputError, Conflict) as error:
            refused.append(Refusal(row.id, error))
    return decided, refused


def _anywhere(before: str) -> frozenset[str]:
    """A decision may also be made anew: from its state into the same."""
    return TRANSITIONS[before] | ({before} if before in set(LEADS_TO.values()) else frozenset())


def _check(row: Finding, verdict: Verdict) -> None:
    if row.state in ("resolved", "watching"):
        raise Conflict("discovery.not_to_decide", id=row.id, state=row.state)
    allowed = ALLOWED[row.kind]  # type: ignore[index]
    if verdict.decision not in allowed:
        known = texts.listed(sorted(allowed))
        raise InputError("discovery.not_so", id=row.id, decision=verdict.decision, known=known)
    if not verdict.reason.strip() and verdict.decision != "accept_observed":
        raise InputError("discovery.why_missing", id=row.id)
    today = clock.now().date()
    if verdict.decision != "except_until":
        if verdict.until is not None:
            raise InputError("discovery.until_idle", id=row.id)
    elif verdict.until is None or not today <= verdict.until <= today + LONGEST_EXCEPTION:
        raise InputError("discovery.until_bad", id=row.id, days=LONGEST_EXCEPTION.days)


def _carry_out(
    session: Session, principal: Principal, row: Finding, verdict: Verdict
) -> dict[str, Any]:
    """What a decision changes in the register or in matches; for the audit record."""
    if verdict.decision == "return_to_unit":
        return _return(session, principal, row, verdict)
    if row.kind == "declared_only":
        return _end_doubt(session, principal, row, verdict)
    if verdict.decision != "accept_observed":
        return {}
    if row.kind == "observed_only":
        return _register(session, principal, row, verdict)
    if row.kind == "differs":
        code = row.declared[0]
        seen = {d["field"]: (d["declared"], d["observed"]) for d in row.details}
        before = register.accept(session, principal, code, seen)
        return {"workload": code, "was": before, "is": {f: new for f, (_, new) in seen.items()}}
    return _confirm(session, row, verdict)


def _register(
    session: Session, principal: Principal, row: Finding, verdict: Verdict
) -> dict[str, Any]:
    if verdict.rule is None:
        raise InputError("discovery.rule_none", id=row.id)
    made = register_machines(session, principal, [row], [verdict.rule])
    if row.id in made.refused:
        raise made.refused[row.id]
    return _linked(session, row, made)


def _return(
    session: Session, principal: Principal, row: Finding, verdict: Verdict
) -> dict[str, Any]:
    """Let the finding's workloads be the units' to mend. A doubt ends: the unit is to say."""
    if row.before_state is not None:
        register.undoubt(session, principal, row.declared[0], row.before_state)
    told = reasons_of(row)
    reasons = dict.fromkeys(row.declared, told)
    before = register.give_back(session, principal, reasons, verdict.reason)
    return {"returned": sorted(before), "was": before} if before else {}


def _end_doubt(
    session: Session, principal: Principal, row: Finding, verdict: Verdict
) -> dict[str, Any]:
    code, before = row.declared[0], row.before_state
    if verdict.decision == "accept_observed":  # it is gone
        if before is None or not register.undoubt(session, principal, code, "closed"):
            raise Conflict("discovery.not_proven", id=row.id, workload=code)
        return {"workload": code, "was": {"state": "doubtful"}, "is": {"state": "closed"}}
    keeps = verdict.decision == "keep_declared" and before
    if keeps and register.undoubt(session, principal, code, keeps):
        return {"workload": code, "was": {"state": "doubtful"}, "is": {"state": keeps}}
    return {}


def _confirm(session: Session, row: Finding, verdict: Verdict) -> dict[str, Any]:
    """A person says which is which; it stands before the ladder from now on."""
    pairs = [(d, o) for d in row.declared for o in row.observed]
    match = verdict.match or (pairs[0] if len(pairs) == 1 else None)
    if match is None or match not in pairs:
        raise InputError(
            "discovery.match_missing", id=row.id,
            declared=texts.listed(row.declared), observed=texts.listed(row.observed),
        )  # fmt: skip
    declared, observed = match
    _match(session, observed, declared)
    return {"workload": declared, "machine": observed}


def _match(session: Session, machine: str, workload: str) -> None:
    """Who may decide a finding may match its machine, though readings are the office's."""
    with unrestricted(session, ObservedItem):
        readings.confirm_item(session, MACHINE_KINDS.values(), machine, workload)
