"""The Ansible inventory of the database: the register's hosts with the waves of signed plans."""

from __future__ import annotations

from sqlalchemy import select

from yunzhang.db import Session
from yunzhang.estate.host_repository import load_hosts
from yunzhang.estate.hosts import Hosts
from yunzhang.plans.models import PlanVersion
from yunzhang.units.scope import Principal, demand

# Plans whose waves may be run now.
SIGNED = ("approved", "running")


def gather_inventory(session: Session, principal: Principal) -> Hosts:
    """All hosts; groups `wave_<plan>_<number>` beside the register's own."""
    demand(principal, "read")
    hosts = load_hosts(session)
    query = select(PlanVersion.name, PlanVersion.content).where(PlanVersion.state.in_(SIGNED))
    waves = [
        (f"{name}_{wave['number']}", wave["servers"])
        for name, content in session.execute(query.order_by(PlanVersion.name, PlanVersion.number))
        for wave in content["waves"]
    ]
    names = hosts.name_groups("wave", (code for code, _ in waves))
    for code, servers in waves:
        group = hosts.groups[names[code]]
        present = set(group)
        group += [each for each in servers if each in hosts.facts and each not in present]
    return hosts
