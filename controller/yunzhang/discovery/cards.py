"""A workload's cards in the register: what they are declared as, and what was seen instead."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from yunzhang import clock
from yunzhang.db import Session
from yunzhang.discovery.keys import clean_mac, clean_macs
from yunzhang.estate import history
from yunzhang.estate.history import Entry
from yunzhang.estate.importing.known import key_text
from yunzhang.estate.models import Nic, Workload
from yunzhang.units.scope import Principal


def _cards(session: Session, code: str) -> Sequence[Nic]:
    return session.scalars(select(Nic).where(Nic.workload_code == code).order_by(Nic.id)).all()


def declared_macs(session: Session, code: str) -> list[str]:
    """The cards' addresses as they are compared."""
    return list(clean_macs(card.mac or "" for card in _cards(session, code)))


def accept_macs(
    session: Session, principal: Principal, workload: Workload, seen: Sequence[str]
) -> None:
    """Let a workload have the cards that were seen.

    A card that is not there any more becomes the next that is new, as when one was exchanged; what
    then is too many is removed, and what is missing is added, under the next free name.
    """
    own = _cards(session, workload.code)
    known = {clean_mac(card.mac or "") for card in own}
    fresh = [mac for mac in seen if mac not in known]
    entries = []
    for card in own:
        if card.mac is None or clean_mac(card.mac) in seen:
            continue
        was = {"mac": card.mac}
        if fresh:
            card.mac, card.updated_at = fresh.pop(0), clock.now()
            card.revision += 1
            entries.append(_entry(workload, card.name, "update", was, {"mac": card.mac}))
        else:
            session.delete(card)
            entries.append(_entry(workload, card.name, "remove", was, None))
    names = {card.name for card in own}
    for mac in fresh:
        name = next(name for n in range(len(names) + 1) if (name := f"eth{n}") not in names)
        names.add(name)
        now = clock.now()
        session.add(
            Nic(workload_code=workload.code, name=name, mac=mac, created_at=now, updated_at=now)
        )
        entries.append(_entry(workload, name, "create", None, {"mac": mac}))
    session.flush()
    history.log_changes(session, entries, at=clock.now(), principal=principal.name)


def _entry(
    workload: Workload,
    name: str,
    act: str,
    before: dict[str, str] | None,
    after: dict[str, str] | None,
) -> Entry:
    key = key_text((workload.code, name))
    return Entry("nics", key, workload.unit_code, act, before, after)
