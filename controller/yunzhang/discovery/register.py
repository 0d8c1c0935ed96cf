"""The register's side of reconciliation. The one place that knows its tables.

A field the register gains (identifier, cards, serial) is added to `_COLUMNS` under the name it has
in `authority.FIELDS`; matching then finds it in `values`, and accepting an observation writes it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import select, update

from yunzhang import clock
from yunzhang.db import Session, Transitions, advance
from yunzhang.discovery.keys import Keys, clean_macs, declared_names, identifiers, inventory_name
from yunzhang.discovery.machines import Declared, Source
from yunzhang.errors import Conflict, NotFound
from yunzhang.estate.models import CloudPlatform, Nic, Workload
from yunzhang.units.scope import asker_of

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


def workloads(session: Session, on: Collection[str] | None) -> Iterator[Declared]:
    """Workloads in the register's care on these platforms, or on all."""
    query = select(
        Workload.code, Workload.unit_code, Workload.platform_code, Workload.project,
        Workload.domain_code, Workload.state, *_COLUMNS.values(),
    ).where(Workload.state.not_in(_LEFT))  # fmt: skip
    if on is not None:
        query = query.where(Workload.platform_code.in_(sorted(on)))
    macs = _macs(session, on)
    for row in session.execute(query.execution_options(yield_per=1_000)):
        code, unit, platform, project, domain, state, *said = row
        values = dict(zip(_COLUMNS, said, strict=True))
        yield Declared(
            ref=code,
            name=values["name"],
            platform=platform,
            project=project,
            domain=domain,
            unit=unit,
            state=state,
            keys=_keys(code, platform, project, domain, values, macs.get(code, ())),
            values=values,
        )


def _macs(session: Session, on: Collection[str] | None) -> dict[str, list[str]]:
    """Workload → MAC addresses of its cards. They are to recognise it by; cards are their own rows,
    so what was seen of them is not accepted with the workload's."""
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
    platform: str,
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
        names=declared_names(platform, project, values["name"]) | {inventory_name(code)},
        places=frozenset((domain, ip) for ip in values["addresses"]) if domain else frozenset(),
    )


def _workload(session: Session, code: str) -> Workload:
    found = session.scalar(select(Workload).where(Workload.code == code))
    if found is None:
        raise NotFound("discovery.workload_gone", workload=code)
    return found


def accept(session: Session, code: str, seen: Mapping[str, tuple[Any, Any]]) -> dict[str, Any]:
    """Write observed values into a workload: field → (declared value seen, observed value).

    What was declared before is returned. Raises Conflict `discovery.not_now` while the workload is
    moved or has left, and `discovery.changed_meanwhile` when it no longer says what was compared.
    """
    row = _workload(session, code)
    if row.state in (MOVING, *_LEFT):
        raise Conflict("discovery.not_now", workload=code, state=row.state)
    before = {name: getattr(row, _COLUMNS[name].key) for name in seen}
    if any(before[name] != own for name, (own, _) in seen.items()):
        raise Conflict("discovery.changed_meanwhile", workload=code)
    values = {
        _COLUMNS[name].key: _in_order(own, new) if isinstance(own, list) else new
        for name, (own, new) in seen.items()
    }
    changed = session.execute(
        update(Workload)
        .where(Workload.id == row.id, Workload.revision == row.revision)
        .values(**values, revision=Workload.revision + 1, **_stamp(session))
        .execution_options(synchronize_session=False)
    )
    if changed.rowcount != 1:  # type: ignore[attr-defined]
        raise Conflict("discovery.changed_meanwhile", workload=code)
    session.refresh(row)
    return before


def _stamp(session: Session) -> dict[str, Any]:
    """When and by whom a row is changed."""
    return {"updated_at": clock.now(), "updated_by": asker_of(session).name}


def _in_order(own: Sequence[Any], new: Sequence[Any]) -> list[Any]:
    """`new` in the order of `own`, as interfaces stand; what was not there comes after."""
    return [each for each in own if each in new] + [each for each in new if each not in own]


def doubt(session: Session, code: str) -> str | None:
    """Make a workload doubtful; the state it was in, or None when it cannot be doubted now."""
    row = _workload(session, code)
    before = row.state
    if "doubtful" not in DOUBT.get(before, frozenset()):
        return None
    advance(session, row, "doubtful", DOUBT, **_stamp(session))
    return before


def undoubt(session: Session, code: str, state: str) -> bool:
    """Take a doubtful workload back to `state`, or close it; whether it was doubtful."""
    row = _workload(session, code)
    if row.state != "doubtful":
        return False
    advance(session, row, state, DOUBT, **_stamp(session))
    return True
