"""The register's side of reconciliation. The one place that knows its tables.

A field the register gains (a serial) is added to `_COLUMNS` under the name it has
in `authority.FIELDS`; matching then finds it in `values`, and accepting an observation writes it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from sys import intern
from typing import Any

from sqlalchemy import select, update

from yunzhang import clock
from yunzhang.db import Session, Transitions, advance
from yunzhang.discovery import cards
from yunzhang.discovery.keys import Keys, clean_macs, declared_names, identifiers, inventory_name
from yunzhang.discovery.machines import Declared, Source
from yunzhang.errors import Conflict, NotFound
from yunzhang.estate import history
from yunzhang.estate.history import Entry
from yunzhang.estate.items import lifecycle
from yunzhang.estate.items import repository as item_repository
from yunzhang.estate.models import CloudPlatform, InfoSystem, Nic, Workload
from yunzhang.units.scope import Principal

# Field of `authority.FIELDS` → column.
_COLUMNS: Mapping[str, Any] = {
    "name": Workload.name,
    "vcpu": Workload.vcpu,
    "ram_mib": Workload.ram_mib,
    "disk_gib": Workload.disk_gib,
    "data_gib": Workload.data_gib,
    "addresses": Workload.addresses,
    "platform_uuid": Workload.platform_uuid,
    "power": Workload.power,
}
# What has left the register's care is not reconciled.
_LEFT = ("closed", "archived")
# While it is being moved, a workload is at two places and nothing about it is settled.
MOVING = "migrating"

_STANDING = ("draft", "submitted", "returned", "verified", "to_migrate", "merged", "observed")
# Doubtful (存疑): missing with proof. Back to what it was when it is seen again or a person says
# so; closed only by a person. What is kept by a document (retained) is not doubted.
DOUBT: Transitions = {
    **dict.fromkeys(_STANDING, frozenset({"doubtful"})),
    "doubtful": frozenset({*_STANDING, "closed"}),
}


def platforms(session: Session) -> Sequence[tuple[str, str, str]]:
    """(code, source it is read from, unit) of every platform that names a source."""
    rows = session.execute(
        select(CloudPlatform.code, CloudPlatform.cloud_name, CloudPlatform.unit_code)
        .where(CloudPlatform.cloud_name != "")
        .order_by(CloudPlatform.code)
    )
    return [(code, source, unit) for code, source, unit in rows]


def sources(kinds: Mapping[str, str], named: Sequence[tuple[str, str, str]]) -> list[Source]:
    """The sources that were read, with the platforms that name them; no domains yet."""
    return [
        Source(name, kind, frozenset(code for code, source, _ in named if source == name))
        for name, kind in sorted(kinds.items())
    ]


def domains(workloads: Sequence[Declared]) -> dict[tuple[str, str | None], str]:
    """(platform, project or None: all) → its address domain, where that is one only."""
    found: dict[tuple[str, str | None], set[str]] = {}
    for workload in workloads:
        for project in (workload.project, None):
            if workload.domain:
                found.setdefault((workload.platform, project), set()).add(workload.domain)
    return {place: named.pop() for place, named in found.items() if len(named) == 1}


def workloads(
    session: Session, named: Sequence[tuple[str, str, str]], on: Collection[str] | None
) -> Iterator[Declared]:
    """Workloads in the register's care on these platforms, or on all. `named`: `platforms`."""
    read_from = {code: source for code, source, _ in named}
    query = select(
        Workload.code, Workload.unit_code, Workload.platform_code, Workload.project,
        Workload.domain_code, Workload.state, *_COLUMNS.values(),
    ).where(Workload.state.not_in(_LEFT))  # fmt: skip
    if on is not None:
        query = query.where(Workload.platform_code.in_(sorted(on)))
    macs = _macs(session, on)
    for row in session.execute(query.execution_options(yield_per=1_000)):
        code, *shared = row[:6]
        # many workloads have the same of these
        unit, platform, project, domain, state = (each and intern(each) for each in shared)
        said = row[6:]
        values = dict(zip(_COLUMNS, said, strict=True))
        if code in macs:
            values["macs"] = list(clean_macs(macs[code]))
        yield Declared(
            ref=code,
            name=values["name"],
            platform=platform,
            project=project,
            domain=domain,
            unit=unit,
            state=state,
            keys=_keys(
                code, read_from.get(platform, ""), project, domain, values, macs.get(code, ())
            ),
            values=values,
        )


def _macs(session: Session, on: Collection[str] | None) -> dict[str, list[str]]:
    """Workload → MAC addresses of its cards, which are rows of their own."""
    query = select(Nic.workload_code, Nic.mac).where(Nic.mac.is_not(None))
    if on is not None:
        own = select(Workload.code).where(Workload.platform_code.in_(sorted(on)))
        query = query.where(Nic.workload_code.in_(own))
    found: dict[str, list[str]] = {}
    for code, mac in session.execute(query.order_by(Nic.id)):
        found.setdefault(code, []).append(mac or "")
    return found


def _keys(
    code: str,
    source: str,
    project: str,
    domain: str | None,
    values: Mapping[str, Any],
    macs: Collection[str],
) -> Keys:
    return Keys(
        ids=identifiers(
            uuid=values.get("platform_uuid") or "",
        ),
        macs=clean_macs(macs),
        names=(*declared_names(source, project, values["name"]), inventory_name(code)),
        places=tuple((domain, ip) for ip in dict.fromkeys(values["addresses"])) if domain else (),
    )


@dataclass(frozen=True, slots=True)
class Places:
    """Where a new workload may belong: what is registered of systems, platforms and domains."""

    systems: Mapping[str, str]  # code → unit
    named: Sequence[tuple[str, str, str]]  # (platform, source, unit)
    projects: Mapping[tuple[str, str], frozenset[str]]  # (platform, project) → domains or none

    def unit_of(self, system: str) -> str | None:
        """The unit of a system."""
        return self.systems.get(system)

    def platforms_of(self, source: str) -> list[str]:
        """The platforms that are read from a source."""
        return [code for code, own, _ in self.named if own == source]

    def platform_of(self, source: str, project: str, unit: str) -> str | None:
        """The one platform a unit's machine of a project is on; None when it cannot be told.

        The source's only one; else the one its project is registered on; else the unit's own.
        """
        every = self.platforms_of(source)
        known = [code for code in every if (code, project) in self.projects]
        owned = [code for code, own, whose in self.named if (own, whose) == (source, unit)]
        return next((found[0] for found in (every, known, owned) if len(found) == 1), None)

    def domain_of(self, platform: str, project: str) -> str | None:
        """The address domain of a project's workloads, where all have the same."""
        found = self.projects.get((platform, project), frozenset())
        return next(iter(found)) if len(found) == 1 else None


def places(session: Session) -> Places:
    """What is registered that a machine in no register may belong to."""
    systems = session.execute(select(InfoSystem.code, InfoSystem.unit_code))
    domains: dict[tuple[str, str], set[str]] = {}
    for platform, project, domain in session.execute(
        select(Workload.platform_code, Workload.project, Workload.domain_code)
        .where(Workload.state.not_in(_LEFT))
        .distinct()
    ):
        domains.setdefault((platform, project), set()).update([domain] if domain else [])
    return Places(
        {row.code: row.unit_code for row in systems},
        platforms(session),
        {place: frozenset(found) for place, found in domains.items()},
    )


def taken(session: Session, codes: Collection[str]) -> set[str]:
    """Those of `codes` that workloads have, whatever their state."""
    return {
        str(code)
        for (code,) in item_repository.find_items(session, "workloads", [(code,) for code in codes])
    }


def _log(
    session: Session,
    principal: Principal,
    row: Workload,
    act: str,
    before: dict[str, Any],
    after: dict[str, Any],
) -> None:
    """Write what reconciliation changed into the register's change log."""
    entry = Entry("workloads", row.code, row.unit_code, act, before, after)
    history.log_changes(session, [entry], at=clock.now(), principal=principal.name)


def _workload(session: Session, code: str) -> Workload:
    found = session.scalar(select(Workload).where(Workload.code == code))
    if found is None:
        raise NotFound("discovery.workload_gone", workload=code)
    return found


def accept(
    session: Session, principal: Principal, code: str, seen: Mapping[str, tuple[Any, Any]]
) -> dict[str, Any]:
    """Write observed values into a workload: field → (declared value seen, observed value).

    What was declared before is returned. Raises Conflict `discovery.not_now` while the workload is
    moved or has left, and `discovery.changed_meanwhile` when it no longer says what was compared.
    """
    row = _workload(session, code)
    if row.state in (MOVING, *_LEFT):
        raise Conflict("discovery.not_now", workload=code, state=row.state)
    before = {name: getattr(row, _COLUMNS[name].key) for name in seen if name != "macs"}
    if "macs" in seen:
        before["macs"] = cards.declared_macs(session, code)
    if any(before[name] != own for name, (own, _) in seen.items()):
        raise Conflict("discovery.changed_meanwhile", workload=code)
    values = {
        _COLUMNS[name].key: _in_order(own, new) if isinstance(own, list) else new
        for name, (own, new) in seen.items()
        if name != "macs"
    }
    changed = session.execute(
        update(Workload)
        .where(Workload.id == row.id, Workload.revision == row.revision)
        .values(**values, revision=Workload.revision + 1, **_stamp(principal))
        .returning(Workload.id)  # a count is not known of every statement: see `db.states`
        .execution_options(synchronize_session=False)
    )
    if len(changed.all()) != 1:
        raise Conflict("discovery.changed_meanwhile", workload=code)
    session.refresh(row)
    if "macs" in seen:
        cards.accept_macs(session, principal, row, seen["macs"][1])
    if values:
        own = {name: was for name, was in before.items() if name != "macs"}
        _log(session, principal, row, "update", own, values)
    return before


def _stamp(principal: Principal) -> dict[str, Any]:
    """When and by whom a row is changed."""
    return {"updated_at": clock.now(), "updated_by": principal.name}


def _in_order(own: Sequence[Any], new: Sequence[Any]) -> list[Any]:
    """`new` in the order of `own`, as interfaces stand; what was not there comes after."""
    return [each for each in own if each in new] + [each for each in new if each not in own]


def doubt(session: Session, principal: Principal, code: str) -> str | None:
    """Make a workload doubtful; the state it was in, or None when it cannot be doubted now."""
    row = _workload(session, code)
    before = row.state
    if "doubtful" not in DOUBT.get(before, frozenset()):
        return None
    _move(session, principal, row, "doubtful")
    return before


def undoubt(session: Session, principal: Principal, code: str, state: str) -> bool:
    """Take a doubtful workload back to `state`, or close it; whether it was doubtful."""
    row = _workload(session, code)
    if row.state != "doubtful":
        return False
    _move(session, principal, row, state)
    return True


def _move(session: Session, principal: Principal, row: Workload, state: str) -> None:
    before = row.state
    advance(session, row, state, DOUBT, **_stamp(principal))
    _log(session, principal, row, "state", {"state": before}, {"state": state})


def give_back(
    session: Session, principal: Principal, reasons: Mapping[str, Mapping[str, str]], why: str
) -> dict[str, str]:
    """Return workloads to their units: workload → what is wrong, by column. Those that were.

    What may not be returned in its state (on the move, retained, a draft the unit has anyway)
    stays as it is; the finding alone tells the unit then.
    """
    before = {}
    for code, told in reasons.items():
        state = _workload(session, code).state
        if "returned" in lifecycle.TRANSITIONS[state]:
            step = lifecycle.Step("returned", reason=why, reasons=told)
            lifecycle.advance_items(session, principal, "workloads", [code], step)
            before[code] = state
    return before


def states(session: Session, codes: Collection[str]) -> dict[str, str]:
    """Workload → its state, of those there are."""
    found = item_repository.find_items(session, "workloads", [(code,) for code in codes])
    return {code: row.state for (code,), row in found.items()}
